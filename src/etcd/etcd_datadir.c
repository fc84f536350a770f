#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/stage.h"
#include "base/str.h"
#include "base/thread.h"
#include "etcd/etcd_datadir.h"
#include "etcd/etcd_membership.h"
#include "etcd/etcd_snap.h"
#include "etcd/etcd_wal.h"

#define DB_PART "db.part"

struct etcd_datadir {
	char *path;
	struct stage stage;
	int member, wal, snap; /* The folders. */
	int db;

	/* This thread writes the log while the caller fills the database. */
	const struct etcd_membership *members;
	pthread_t thread;
	bool laying;
	struct err log; /* What became of it, once the thread has ended. */
};

static int
make_dir(int at, const char *name, int *fd, struct err *err)
{
	if (mkdirat(at, name, 0700) < 0 ||
	    (*fd = openat(at, name,
		 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		return err_errno(err, errno, "cannot make '%s'", name);
	return 0;
}

static int
make_file(int at, const char *name, int *fd, struct err *err)
{
	*fd = openat(
	    at, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*fd < 0)
		return err_errno(err, errno, "cannot make '%s'", name);
	return 0;
}

static int
sync_file(int fd, const char *name, struct err *err)
{
	return fsync(fd) < 0 ? err_errno(err, errno, "cannot sync '%s'", name)
			     : 0;
}

static int
write_wal(
    struct etcd_datadir *d, const struct etcd_membership *s, struct err *err)
{
	CLEANUP(freep_fd) int fd = -1;
	int rc;

	if ((rc = make_file(d->wal, ETCD_WAL_NAME, &fd, err)) < 0)
		return rc;
	if (etcd_wal_write(fd, s, err) < 0)
		return err_wrap(err, "the log");
	return sync_file(fd, ETCD_WAL_NAME, err);
}

static int
write_snap(
    struct etcd_datadir *d, const struct etcd_membership *s, struct err *err)
{
	CLEANUP(freep_fd) int fd = -1;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char name[ETCD_SNAP_NAME_MAX];
	int rc;

	etcd_snap_name(s, name);
	if ((rc = etcd_snap_encode(s, &b, err)) < 0 ||
	    (rc = make_file(d->snap, name, &fd, err)) < 0)
		return rc;
	if (file_write_full(fd, b.p, b.len, err) < 0)
		return err_wrap(err, "'%s'", name);
	return sync_file(fd, name, err);
}

/* All but the database. */
static void *
lay_log(void *arg)
{
	struct etcd_datadir *d = arg;

	if (write_wal(d, d->members, &d->log) < 0 ||
	    file_sync_dir(d->wal, &d->log) < 0 ||
	    write_snap(d, d->members, &d->log) < 0 ||
	    file_sync_dir(d->snap, &d->log) < 0)
		return NULL;
	(void)file_sync_dir(d->member, &d->log);
	return NULL;
}

static int
lay_down(struct etcd_datadir *d, struct err *err)
{
	int rc;

	if ((rc = make_dir(d->stage.fd, "member", &d->member, err)) < 0 ||
	    (rc = make_dir(d->member, "wal", &d->wal, err)) < 0 ||
	    (rc = make_dir(d->member, "snap", &d->snap, err)) < 0 ||
	    (rc = make_file(d->snap, DB_PART, &d->db, err)) < 0 ||
	    (rc = thread_start(lay_log, d, &d->thread, err)) < 0)
		return rc;
	d->laying = true;
	return 0;
}

static void
join(struct etcd_datadir *d)
{
	if (d->laying)
		(void)pthread_join(d->thread, NULL);
	d->laying = false;
}

/* Give the error of lacking room its remedy. */
static int
no_room(struct err *err)
{
	if (err->code == -HF_ENOSPC)
		(void)err_hint(err, "make room there, or choose another place");
	return err->code;
}

static int
failed(const char *path, struct err *err)
{
	(void)no_room(err);
	return err_wrap(err, "make the data directory '%s'", path);
}

int
etcd_datadir_new(const char *path, const struct etcd_membership *s,
    struct etcd_datadir **ret, struct err *err)
{
	CLEANUP(freep_etcd_datadir) struct etcd_datadir *d = NULL;
	struct stage_opts at = { .is_dir = true,
		.synced = true,
		.remedy = "name a new or an empty folder; etcd must not run "
			  "in it" };
	int rc;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return err_nomem(err);
	d->members = s;
	d->member = d->wal = d->snap = d->db = -1;
	d->stage.parent = d->stage.fd = -1;
	if ((rc = str_dup(path, &d->path, err)) < 0)
		return rc;
	at.path = d->path;
	if (stage_open(&d->stage, &at, err) < 0)
		return no_room(err);
	if (lay_down(d, err) < 0)
		return failed(path, err);
	*ret = TAKE(d);
	return 0;
}

int
etcd_datadir_db(const struct etcd_datadir *d)
{
	return d->db;
}

/* The log is on the disk before the database gets its name. */
static int
name_db(struct etcd_datadir *d, struct err *err)
{
	int rc;

	if ((rc = sync_file(d->db, "db", err)) < 0)
		return rc;
	join(d);
	if (d->log.code < 0) {
		*err = d->log;
		return err->code;
	}
	if (renameat(d->snap, DB_PART, d->snap, "db") < 0)
		return err_errno(err, errno, "cannot name the database");
	return 0;
}

int
etcd_datadir_commit(struct etcd_datadir *d, struct err *err)
{
	int rc = name_db(d, err);

	if (rc < 0 || (rc = file_sync_dir(d->snap, err)) < 0 ||
	    (rc = stage_commit(&d->stage, err)) < 0)
		return failed(d->path, err);
	return 0;
}

void
etcd_datadir_free(struct etcd_datadir *d)
{
	if (d == NULL)
		return;
	join(d);
	freep_fd(&d->db);
	freep_fd(&d->snap);
	freep_fd(&d->wal);
	freep_fd(&d->member);
	stage_close(&d->stage);
	free(d->path);
	free(d);
}
