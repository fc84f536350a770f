#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "etcd/etcd_datadir.h"
#include "etcd/etcd_membership.h"
#include "job/job.h"
#include "job/job_legacy.h"
#include "job/job_legacy_db.h"
#include "job/job_legacy_unpack.h"
#include "source/source_scratch.h"

#define ARGS_MAX 16

/* The folder in which ${path} is, or will be. */
static int
parent_of(const char *path, char **ret, struct err *err)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	while (n > 0 && path[n - 1] != '/')
		n--;
	if (n == 0)
		return str_dup(".", ret, err);
	return str_printf(ret, err, "%.*s", (int)n, path);
}

/* Where the snapshot lies: a file without a name. */
struct fetched {
	struct source_scratch *file;
	uint64_t size;
};

static int
write_piece(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct fetched *f = arg;
	int rc;

	rc = source_scratch_write(f->file, f->size, p, n, err);
	f->size += n;
	return rc;
}

/* Fetch it into the folder that will hold the plaintext anyway. */
static int
fetch(const struct job *j, const struct job_legacy *where,
    const struct repo_legacy_entry *e, const char *data_dir,
    struct source_scratch **ret, struct job_legacy_report *rep, struct err *err)
{
	CLEANUP(freep_source_scratch) struct source_scratch *file = NULL;
	CLEANUP(freep_mem) char *dir = NULL;
	struct fetched f = { .size = 0 };
	const struct repo_legacy_out out = { write_piece, &f };
	int rc;

	if ((rc = parent_of(data_dir, &dir, err)) < 0 ||
	    (rc = source_scratch_new(dir, &file, err)) < 0)
		return rc;
	f.file = file;
	if ((rc = job_legacy_read(j, where, e, &out, rep, err)) < 0)
		return rc;
	*ret = TAKE(file);
	return 0;
}

static const char *
or_else(const char *s, const char *absent)
{
	return s != NULL ? s : absent;
}

static int
new_membership(const struct job_legacy_unpack_opts *o,
    struct etcd_membership **ret, struct err *err)
{
	const struct etcd_membership_opts opts = {
		.name = or_else(o->name, "default"),
		.initial_cluster = or_else(
		    o->initial_cluster, "default=http://localhost:2380"),
		.initial_advertise_peer_urls = or_else(
		    o->initial_advertise_peer_urls, "http://localhost:2380"),
		.initial_cluster_token =
		    or_else(o->initial_cluster_token, "etcd-cluster"),
	};

	return etcd_membership_new(&opts, ret, err);
}

/*
 * The words and the place are checked before anything is fetched; the
 * directory gets its name once all of it is there.
 */
static int
unpack_here(const struct job *j, const struct job_legacy *where,
    const struct repo_legacy_entry *e,
    const struct job_legacy_unpack_opts *opts, struct job_legacy_report *rep,
    struct err *err)
{
	CLEANUP(freep_etcd_membership) struct etcd_membership *members = NULL;
	CLEANUP(freep_etcd_datadir) struct etcd_datadir *d = NULL;
	CLEANUP(freep_source_scratch) struct source_scratch *snapshot = NULL;
	struct job_legacy_db db;
	int rc;

	if ((rc = new_membership(opts, &members, err)) < 0 ||
	    (rc = etcd_datadir_new(opts->data_dir, members, &d, err)) < 0 ||
	    (rc = fetch(j, where, e, opts->data_dir, &snapshot, rep, err)) < 0)
		return rc;
	db = (struct job_legacy_db){
		.snapshot = snapshot, .size = rep->bytes, .members = members
	};
	if (job_legacy_db_write(&db, etcd_datadir_db(d), opts->data_dir, err) <
	    0)
		return err_wrap(err, "the snapshot of '%s'", e->stem);
	return etcd_datadir_commit(d, err);
}

static void
add_arg(const char **argv, size_t *n, const char *name, const char *value)
{
	if (value == NULL)
		return;
	argv[(*n)++] = name;
	argv[(*n)++] = value;
}

/* In the child: only what may be called between fork and exec. */
static void
become(const char *const *argv, int fd)
{
	if (fcntl(fd, F_SETFD, 0) == 0)
		(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(errno == ENOENT ? 127 : 126);
}

static int
run(const char *const *argv, int fd, struct err *err)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return err_errno(err, errno, "start '%s'", argv[0]);
	if (pid == 0)
		become(argv, fd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_errno(err, errno, "wait for '%s'", argv[0]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		(void)err_set(
		    err, HF_ENOTFOUND, "there is no program '%s'", argv[0]);
		return err_hint(err, "without --etcdutl-path none is needed");
	}
	return err_set(err, HF_EIO, "'%s' failed (%s %d)", argv[0],
	    WIFEXITED(status) ? "exit status" : "signal",
	    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static int
unpack_by(const struct job *j, const struct job_legacy *where,
    const struct repo_legacy_entry *e,
    const struct job_legacy_unpack_opts *opts, struct job_legacy_report *rep,
    struct err *err)
{
	const char *argv[ARGS_MAX] = { opts->etcdutl, "snapshot", "restore" };
	CLEANUP(freep_source_scratch) struct source_scratch *snapshot = NULL;
	char path[40];
	size_t n = 3;
	int fd, rc;

	rc = fetch(j, where, e, opts->data_dir, &snapshot, rep, err);
	if (rc < 0)
		return rc;
	fd = source_scratch_fd(snapshot);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	argv[n++] = path;
	add_arg(argv, &n, "--data-dir", opts->data_dir);
	add_arg(argv, &n, "--name", opts->name);
	add_arg(argv, &n, "--initial-cluster", opts->initial_cluster);
	add_arg(
	    argv, &n, "--initial-cluster-token", opts->initial_cluster_token);
	add_arg(argv, &n, "--initial-advertise-peer-urls",
	    opts->initial_advertise_peer_urls);
	return run(argv, fd, err);
}

int
job_legacy_unpack(const struct job *j, const struct job_legacy *where,
    const struct repo_legacy_entry *e,
    const struct job_legacy_unpack_opts *opts, struct job_legacy_report *rep,
    struct err *err)
{
	if (opts->etcdutl != NULL)
		return unpack_by(j, where, e, opts, rep, err);
	return unpack_here(j, where, e, opts, rep, err);
}
