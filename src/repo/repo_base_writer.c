#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "repo/repo_base.h"
#include "repo/repo_impl.h"

#define FLUSH_AT (256u << 10)

struct repo_base_writer {
	const struct repo_base_session *session; /* Outlives it. */
	struct repo *repo;
	char *path, *new_path;
	int fd; /* Of new_path, locked. */
	struct sha256 *sha;
	struct buf out; /* Not yet written. */
	uint64_t written;
};

void
repo_base_writer_free(struct repo_base_writer *w)
{
	if (w == NULL)
		return;
	/* Only who holds the lock may take the name away. */
	if (w->fd >= 0 && w->new_path != NULL)
		(void)unlink(w->new_path);
	freep_fd(&w->fd);
	sha256_free(w->sha);
	buf_free(&w->out);
	free(w->path);
	free(w->new_path);
	free(w);
}

/* Does ${path} stand for the file that is open as ${fd}? */
static bool
is_at(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/*
 * One name beside the base, so that a crash leaves no litter, and a lock on
 * it, so that two backups at once do not write through each other.  Until we
 * had the lock, its holder may have given the file its final name.
 */
static int
open_new(const char *path, int *ret, struct err *err)
{
	CLEANUP(freep_fd) int fd = -1;

	do {
		freep_fd(&fd);
		fd = open(
		    path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return err_errno(err, errno, "open '%s'", path);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK
				   ? err_set(err, HF_EEXISTS,
					 "another backup of it is under way")
				   : err_errno(err, errno, "lock '%s'", path);
	} while (!is_at(fd, path));
	if (ftruncate(fd, 0) < 0)
		return err_errno(err, errno, "empty '%s'", path);
	*ret = TAKE_FD(fd);
	return 0;
}

static int
make_folder(struct repo *r, struct err *err)
{
	CLEANUP(freep_mem) char *dir = NULL;
	int rc;

	rc = str_printf(&dir, err, "%s/base", repo_local_path(r->local));
	return rc < 0 ? rc : file_mkdirs(dir, 0700, err);
}

int
repo_base_writer_new(struct repo *r, const struct repo_base_session *s,
    struct repo_base_writer **ret, struct err *err)
{
	CLEANUP(freep_repo_base_writer) struct repo_base_writer *w = NULL;
	int rc;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return err_nomem(err);
	w->fd = -1;
	w->repo = r;
	w->session = s;
	if ((rc = make_folder(r, err)) < 0 ||
	    (rc = repo_base_path(r, s->source, &w->path, err)) < 0 ||
	    (rc = str_printf(&w->new_path, err, "%s.new", w->path)) < 0 ||
	    (rc = sha256_new(&w->sha, err)) < 0 ||
	    (rc = buf_add(&w->out, REPO_BASE_MAGIC, REPO_BASE_MAGIC_LEN, err)) <
		0 ||
	    (rc = open_new(w->new_path, &w->fd, err)) < 0)
		return rc;
	*ret = TAKE(w);
	return 0;
}

static int
flush(struct repo_base_writer *w, struct err *err)
{
	int rc;

	if ((rc = sha256_update(w->sha, w->out.p, w->out.len, err)) < 0 ||
	    (rc = file_write_full(w->fd, w->out.p, w->out.len, err)) < 0)
		return rc;
	w->written += w->out.len;
	w->out.len = 0;
	return 0;
}

int
repo_base_writer_add(struct repo_base_writer *w, const uint8_t *entry,
    size_t len, const uint8_t *memo, size_t n, struct err *err)
{
	int rc;

	if ((rc = buf_add_bytes(&w->out, entry, len, err)) < 0 ||
	    (rc = buf_add_bytes(&w->out, memo, n, err)) < 0)
		return rc;
	return w->out.len >= FLUSH_AT ? flush(w, err) : 0;
}

/* The file is whole: make its bytes and then its name durable. */
static int
publish(struct repo_base_writer *w, struct err *err)
{
	CLEANUP(freep_mem) char *dir = NULL;
	CLEANUP(freep_fd) int fd = -1;
	int rc;

	if ((rc = str_dup(w->path, &dir, err)) < 0)
		return rc;
	*strrchr(dir, '/') = '\0';
	if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_errno(err, errno, "open '%s'", dir);
	if (fsync(w->fd) < 0)
		return err_errno(err, errno, "sync '%s'", w->new_path);
	if (rename(w->new_path, w->path) < 0)
		return err_errno(err, errno, "replace '%s'", w->path);
	free(TAKE(w->new_path));
	return file_sync_dir(fd, err);
}

int
repo_base_writer_commit(struct repo_base_writer *w,
    const struct repo_manifest *m, const struct repo_base_key *keys,
    const struct repo_ref *frames, size_t nframes, struct err *err)
{
	char name[REPO_NAME_MAX];
	/* Borrowed, all of it. */
	struct repo_base_tail t = {
		.source = m->source,
		.type = m->type,
		.host = w->repo->host,
		.manifest = name,
		.start_ms = m->start_ms,
		.began_ns = w->session->began_ns,
		.keys = (struct repo_base_key *)(uintptr_t)keys,
		.nkeys = m->nkeys,
		.packs = m->packs,
		.npacks = m->npacks,
		.frames = (struct repo_ref *)(uintptr_t)frames,
		.nframes = nframes,
	};
	uint64_t at = w->written + w->out.len;
	uint8_t sum[SHA256_LEN];
	int rc;

	memcpy(t.repo_id, m->repo_id, sizeof(t.repo_id));
	memcpy(t.sha256, m->sha256, sizeof(t.sha256));
	repo_name_manifest(name, m->seq, m->commit_ms, m->sha256);
	if ((rc = repo_base_tail_encode(&t, &w->out, err)) < 0 ||
	    (rc = buf_add_u64(&w->out, at, err)) < 0 ||
	    (rc = flush(w, err)) < 0 ||
	    (rc = sha256_final(w->sha, sum, err)) < 0 ||
	    (rc = file_write_full(w->fd, sum, sizeof(sum), err)) < 0)
		return rc;
	return publish(w, err);
}
