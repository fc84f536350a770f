#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "etcd/etcd_bolt.h"
#include "etcd/etcd_bolt_writer.h"
#include "etcd/etcd_bucket.h"
#include "etcd/etcd_datadir.h"
#include "etcd/etcd_downgrade.h"
#include "etcd/etcd_membership.h"
#include "job/job.h"
#include "job/job_legacy.h"
#include "job/job_legacy_unpack.h"

#define ARGS_MAX 16

/* The place of a bucket's sequence in its value: bbolt's {root, sequence}. */
#define SEQUENCE_AT 8
#define BUCKET_MIN 16

/* A snapshot that becomes the database of a new cluster. */
struct unpack {
	const struct etcd_membership *members;
	struct etcd_bolt_file file;
	int fd; /* Of the snapshot. */
	struct etcd_bolt bolt;
	struct etcd_bolt_writer *writer;
	bool has_meta, has_members, has_keys;
};

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

/*
 * Open a file without a name, in the folder that will hold the plaintext
 * anyway.
 */
static int
open_nameless(const char *data_dir, int *ret, struct err *err)
{
	CLEANUP(freep_mem) char *dir = NULL;
	CLEANUP(freep_mem) char *path = NULL;
	int rc;

	if ((rc = parent_of(data_dir, &dir, err)) < 0)
		return rc;
	*ret = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (*ret >= 0)
		return 0;
	/* EISDIR comes from a kernel that does not know O_TMPFILE. */
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return err_errno(err, errno, "make a file in '%s'", dir);
	if ((rc = str_printf(&path, err, "%s/holdfast-XXXXXX", dir)) < 0)
		return rc;
	if ((*ret = mkostemp(path, O_CLOEXEC)) < 0)
		return err_errno(err, errno, "make a file in '%s'", dir);
	(void)unlink(path);
	return 0;
}

static int
read_at(void *arg, uint64_t off, void *to, size_t n, struct err *err)
{
	const struct unpack *u = arg;
	size_t got;
	ssize_t k;

	for (got = 0; got < n; got += (size_t)k) {
		k = pread(
		    u->fd, (uint8_t *)to + got, n - got, (off_t)(off + got));
		if (k < 0 && errno == EINTR)
			k = 0;
		else if (k <= 0)
			return err_errno(
			    err, k < 0 ? errno : EIO, "read the snapshot");
	}
	return 0;
}

static bool
is_called(const struct etcd_bolt_item *item, const char *name)
{
	return item->nkey == strlen(name) &&
	       memcmp(item->key, name, item->nkey) == 0;
}

static int
put_all(struct unpack *u, const struct etcd_bucket *b, struct err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < b->n; i++)
		if ((rc = etcd_bolt_writer_put(u->writer, b->v[i].key,
			 b->v[i].nkey, b->v[i].val, b->v[i].nval, err)) < 0)
			return rc;
	return 0;
}

/* Give each pair of a bucket to ${fn}. */
static int
each(struct unpack *u, const struct etcd_bolt_item *bucket,
    int (*fn)(void *, const struct etcd_bolt_item *, struct err *), void *arg,
    struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	int k, rc;

	if ((rc = etcd_bolt_cursor_new(&u->bolt, bucket, &c, err)) < 0)
		return rc;
	while ((k = etcd_bolt_next(c, &item, err)) == 1) {
		if (item.flags != 0)
			return err_set(err, HF_ECORRUPT,
			    "the bucket '%.*s' holds something other than "
			    "keys",
			    (int)bucket->nkey, (const char *)bucket->key);
		if ((rc = fn(arg, &item, err)) < 0)
			return rc;
	}
	return k;
}

static int
copy_pair(void *arg, const struct etcd_bolt_item *item, struct err *err)
{
	struct unpack *u = arg;

	return etcd_bolt_writer_put(
	    u->writer, item->key, item->nkey, item->value, item->nvalue, err);
}

static int
hold_pair(void *arg, const struct etcd_bolt_item *item, struct err *err)
{
	return etcd_bucket_put(
	    arg, item->key, item->nkey, item->value, item->nvalue, err);
}

/*
 * What the database says of raft and members is replaced by the new cluster's.
 */
static int
write_meta(
    struct unpack *u, const struct etcd_bolt_item *bucket, struct err *err)
{
	CLEANUP(etcd_bucket_clear) struct etcd_bucket b = ETCD_BUCKET_INIT;
	int rc;

	if ((rc = each(u, bucket, hold_pair, &b, err)) < 0 ||
	    (rc = etcd_membership_fill_meta(u->members, &b, err)) < 0)
		return rc;
	return put_all(u, &b, err);
}

/* End a downgrade that was going on (etcd_downgrade.h). */
static int
write_cluster(
    struct unpack *u, const struct etcd_bolt_item *bucket, struct err *err)
{
	static const struct etcd_bucket no_meta = ETCD_BUCKET_INIT;
	CLEANUP(etcd_bucket_clear) struct etcd_bucket b = ETCD_BUCKET_INIT;
	struct etcd_downgrade d;
	int rc;

	if ((rc = each(u, bucket, hold_pair, &b, err)) < 0 ||
	    (rc = etcd_downgrade_read(&b, &no_meta, &d, err)) < 0 ||
	    (rc = etcd_downgrade_end(&d, &b, err)) < 0)
		return rc;
	return put_all(u, &b, err);
}

static int
write_members(struct unpack *u, struct err *err)
{
	CLEANUP(etcd_bucket_clear) struct etcd_bucket b = ETCD_BUCKET_INIT;
	int rc;

	if ((rc = etcd_membership_fill_members(u->members, &b, err)) < 0)
		return rc;
	return put_all(u, &b, err);
}

static int
write_bucket(
    struct unpack *u, const struct etcd_bolt_item *bucket, struct err *err)
{
	int rc;

	if (bucket->flags != ETCD_BOLT_BUCKET || bucket->nvalue < BUCKET_MIN)
		return err_set(err, HF_ECORRUPT,
		    "the database's root holds something other than buckets");
	rc = etcd_bolt_writer_bucket(u->writer, bucket->key, bucket->nkey,
	    le64_get(bucket->value + SEQUENCE_AT), err);
	if (rc < 0)
		return rc;
	if (is_called(bucket, "meta")) {
		u->has_meta = true;
		return write_meta(u, bucket, err);
	}
	if (is_called(bucket, "cluster"))
		return write_cluster(u, bucket, err);
	if (is_called(bucket, "members")) {
		u->has_members = true;
		return write_members(u, err);
	}
	/* Alarms, too, belong to members that are gone. */
	if (is_called(bucket, "members_removed") || is_called(bucket, "alarm"))
		return 0;
	u->has_keys = u->has_keys || is_called(bucket, "key");
	return each(u, bucket, copy_pair, u, err);
}

static int
write_buckets(struct unpack *u, struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *root = NULL;
	struct etcd_bolt_item bucket;
	int k, rc;

	if ((rc = etcd_bolt_cursor_new(&u->bolt, NULL, &root, err)) < 0)
		return rc;
	while ((k = etcd_bolt_next(root, &bucket, err)) == 1)
		if ((rc = write_bucket(u, &bucket, err)) < 0)
			return rc;
	if (k == 0 && !(u->has_meta && u->has_members && u->has_keys))
		return err_set(err, HF_ECORRUPT,
		    "the database lacks a bucket that each of etcd's has");
	return k;
}

static int
write_db(struct unpack *u, int to, const char *data_dir, struct err *err)
{
	uint64_t size;
	int rc;

	u->file.read = read_at;
	u->file.arg = u;
	if ((rc = etcd_bolt_open(&u->bolt, &u->file, err)) < 0 ||
	    (rc = etcd_bolt_writer_new(
		 to, data_dir, u->bolt.page_size, &u->writer, err)) < 0)
		return rc;
	if ((rc = write_buckets(u, err)) == 0)
		rc = etcd_bolt_writer_finish(u->writer, &size, err);
	etcd_bolt_writer_free(TAKE(u->writer));
	return rc;
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
	CLEANUP(freep_fd) int fd = -1;
	struct unpack u = { .fd = -1 };
	int rc;

	if ((rc = new_membership(opts, &members, err)) < 0 ||
	    (rc = etcd_datadir_new(opts->data_dir, members, &d, err)) < 0 ||
	    (rc = open_nameless(opts->data_dir, &fd, err)) < 0 ||
	    (rc = job_legacy_restore_fd(j, where, e, fd, rep, err)) < 0)
		return rc;
	u.members = members;
	u.fd = fd;
	u.file.size = rep->bytes;
	if (write_db(&u, etcd_datadir_db(d), opts->data_dir, err) < 0)
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
	CLEANUP(freep_fd) int fd = -1;
	char path[40];
	size_t n = 3;
	int rc;

	if ((rc = open_nameless(opts->data_dir, &fd, err)) < 0 ||
	    (rc = job_legacy_restore_fd(j, where, e, fd, rep, err)) < 0)
		return rc;
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
