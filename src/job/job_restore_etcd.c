#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/stage.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "etcd/etcd_bolt_writer.h"
#include "etcd/etcd_datadir.h"
#include "etcd/etcd_version.h"
#include "job/job.h"
#include "job/job_etcd_chain.h"
#include "job/job_etcd_cluster.h"
#include "job/job_etcd_db.h"
#include "job/job_etcd_db_log.h"
#include "job/job_etcd_recall.h"
#include "job/job_pages.h"
#include "job/job_restore_etcd.h"
#include "repo/repo.h"
#include "source/source_pages.h"

#define TELL_EVERY ((uint64_t)1 << 20) /* bytes */

struct restore {
	const struct job *job;
	struct repo *repo;
	const struct repo_backup *backup;
	const struct job_restore_etcd_opts *opts;
	struct job_etcd_db *db;
	struct job_etcd_cluster *cluster; /* NULL for a snapshot. */
	uint64_t done, told;              /* Bytes of records. */
	struct job_restore_etcd_report rep;
};

static void
tell(const struct restore *x, enum job_event_kind kind)
{
	const struct job_event ev = {
		.kind = kind,
		.job = "restore",
		.subject = x->backup->id,
		.done = x->done,
		.total = x->backup->m.plain_bytes,
		.entries = x->rep.digest.records,
	};

	job_tell(x->job, &ev);
}

static int
on_record(void *arg, const struct etcd_record *r, struct err *err)
{
	struct restore *x = arg;

	x->done += r->len;
	if (x->done - x->told >= TELL_EVERY) {
		x->told = x->done;
		tell(x, JOB_PROGRESS);
	}
	return x->opts->look == NULL ? 0 : x->opts->look(x->opts->arg, r, err);
}

/*
 * A version of etcd reads what older minor versions wrote, not what newer ones
 * did.
 */
static int
check_version(const struct restore *x, struct err *err)
{
	const char *is = job_etcd_db_facts(x->db)->version;
	const char *wanted = x->opts->version;
	struct etcd_downgrade d;
	unsigned long from, to;
	int rc;

	if (wanted == NULL)
		return 0;
	if (!etcd_version_minor(wanted, &to)) {
		(void)err_set(err, HF_EUSAGE,
		    "option 'etcd-version': '%.40s' is no version of etcd",
		    wanted);
		return err_hint(err, "as in --etcd-version 3.6");
	}
	if (x->opts->force_version || !etcd_version_minor(is, &from) ||
	    to >= from)
		return 0;
	/* It was being made ready for an older one. */
	if ((rc = job_etcd_downgrade(x->db, &d, err)) < 0)
		return rc;
	if (d.target[0] != '\0' && to >= d.oldest)
		return 0;
	(void)err_set(err, HF_EUSAGE,
	    "the backup is of an etcd %s, and %s is an older minor version", is,
	    wanted);
	from = d.target[0] != '\0' ? d.oldest : from;
	return err_hint(err,
	    "start an etcd %lu.%lu or newer from it; `restore --force-version` "
	    "tries the older one",
	    from / 1000, from % 1000);
}

static int
recall(void *arg, struct etcd_lease_file *gone, struct err *err)
{
	struct restore *x = arg;
	const uint64_t newest = job_etcd_db_facts(x->db)->revision;
	const uint64_t asked = x->opts->revision;
	const struct job_etcd_recall opts = {
		.job = x->job,
		.repo = x->repo,
		.cat = x->opts->cat,
		.backup = x->backup,
		.revision = asked > 0 ? asked : newest,
	};

	return opts.cat == NULL ? 0 : job_etcd_recall(&opts, gone, err);
}

static int
rebuild(struct restore *x, int fd, const char *path, struct err *err)
{
	const struct job_etcd_rebuild_opts opts = {
		.revision = x->opts->chain != NULL ? 0 : x->opts->revision,
		.bump = x->opts->bump,
		.members = x->cluster != NULL ? x->cluster->membership : NULL,
		.no_auth = x->opts->no_auth,
		.look = on_record,
		.arg = x,
		.recall = recall,
	};

	return job_etcd_rebuild(x->db, &opts, fd, path, &x->rep.digest, err);
}

static int
to_datadir(struct restore *x, struct err *err)
{
	CLEANUP(freep_etcd_datadir) struct etcd_datadir *d = NULL;
	const char *to = x->opts->to;
	int rc;

	rc = etcd_datadir_new(to, x->cluster->membership, &d, err);
	if (rc < 0 || (rc = rebuild(x, etcd_datadir_db(d), to, err)) < 0)
		return rc;
	return etcd_datadir_commit(d, err);
}

static void
on_left_behind(void *arg, const char *path, const char *what)
{
	const struct restore *x = arg;

	job_say(x->job, "restore", JOB_WARNING, path, what);
}

struct copy {
	int fd;
	struct sha256 *sha;
};

static int
copy_piece(
    void *arg, uint64_t off, const uint8_t *piece, size_t n, struct err *err)
{
	const struct copy *c = arg;
	int rc;

	if ((rc = sha256_update(c->sha, piece, n, err)) < 0)
		return rc;
	return file_write_at(c->fd, piece, n, off, err);
}

/* Write the bytes that etcd sent; they end with the SHA-256 of the rest. */
static int
copy_image(
    struct restore *x, struct source_pages *image, int fd, struct err *err)
{
	const uint64_t size = source_pages_size(image) - SHA256_LEN;
	CLEANUP(freep_sha256) struct sha256 *sha = NULL;
	uint8_t want[SHA256_LEN], got[SHA256_LEN];
	struct copy c = { .fd = fd };
	int rc;

	if ((rc = sha256_new(&sha, err)) < 0)
		return rc;
	c.sha = sha;
	if ((rc = job_pages_each(x->job, image, 0, size, copy_piece, &c, err)) <
		0 ||
	    (rc = sha256_final(sha, got, err)) < 0 ||
	    (rc = source_pages_read(image, size, want, sizeof(want), err)) <
		0 ||
	    (rc = file_write_at(fd, want, sizeof(want), size, err)) < 0)
		return rc;
	if (memcmp(got, want, sizeof(got)) != 0)
		return err_set(err, HF_ECORRUPT,
		    "the snapshot does not end with the SHA-256 of its "
		    "content");
	x->rep.digest.size = size;
	return 0;
}

/*
 * If the snapshot's own bytes were stored, and nothing is to be changed, write
 * these bytes.  The database is then walked only to check it and to learn what
 * is in it.
 */
static int
fill_snapshot(struct restore *x, struct stage *s, struct err *err)
{
	struct source_pages *image = job_etcd_db_image(x->db);
	const char *to = x->opts->snapshot;
	bool same = x->opts->revision == 0 && x->opts->bump == 0;
	int rc;

	if (image != NULL && same) {
		if ((rc = rebuild(x, -1, to, err)) < 0 ||
		    (rc = copy_image(x, image, s->fd, err)) < 0)
			return rc;
		x->rep.downgrade_goes_on =
		    x->rep.digest.downgrade.target[0] != '\0';
		return stage_commit(s, err);
	}
	if ((rc = rebuild(x, s->fd, to, err)) < 0 ||
	    (rc = etcd_bolt_seal(s->fd, to, x->rep.digest.size, err)) < 0)
		return rc;
	return stage_commit(s, err);
}

static int
to_snapshot(struct restore *x, struct err *err)
{
	const struct stage_opts at = {
		.path = x->opts->snapshot,
		.overwrite = x->opts->overwrite,
		.remedy = "name a new file, or give --overwrite",
		.warn = on_left_behind,
		.arg = x,
	};
	struct stage s;
	int rc;

	if ((rc = stage_open(&s, &at, err)) == 0)
		rc = fill_snapshot(x, &s, err);
	stage_close(&s);
	return rc;
}

static int
open_db(struct restore *x, struct repo *r, struct err *err)
{
	const struct job_etcd_at at = {
		.revision = x->opts->revision,
		.time_ms = x->opts->time_ms,
	};

	if (x->opts->chain == NULL)
		return job_etcd_db_open(x->job, r, x->backup, &x->db, err);
	return job_etcd_db_open_log(x->job, r, x->opts->chain, &at,
	    x->opts->allow_unproven ? &x->rep.unproven : NULL, &x->db, err);
}

static int
run(struct restore *x, struct repo *r, struct err *err)
{
	int rc;

	/* Tell the operator's mistakes before anything is read. */
	if (x->opts->snapshot == NULL &&
	    (rc = job_etcd_cluster_new(
		 &x->opts->cluster, false, &x->cluster, err)) < 0)
		return rc;
	if ((rc = open_db(x, r, err)) < 0 || (rc = check_version(x, err)) < 0)
		return rc;
	tell(x, JOB_STARTED);
	if (x->opts->dry_run)
		rc = rebuild(x, -1, NULL, err);
	else if (x->opts->snapshot != NULL)
		rc = to_snapshot(x, err);
	else
		rc = to_datadir(x, err);
	if (rc == 0)
		tell(x, JOB_FINISHED);
	return rc;
}

/* Does the log that has the revision say that it knew of changes of users? */
static bool
tells_users(const struct job_etcd_chain *c, uint64_t revision)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->logs[i].last >= revision)
			return job_etcd_fact(c->logs[i].backup, "etcd.state") !=
			       NULL;
	return false;
}

/*
 * Find the revision as of which users and roles are.  When they change, a
 * follower takes a new backup at once, so the logs of a backup have the users
 * of that backup.  But that takes a cluster that tells.
 */
static void
date_users(struct restore *x)
{
	const struct job_etcd_chain *chain = x->opts->chain;
	struct job_restore_etcd_report *rep = &x->rep;
	unsigned long minor;

	rep->users_revision = rep->digest.others_revision;
	if (chain == NULL || rep->users_revision <= chain->revision)
		return;
	if (!etcd_version_minor(job_etcd_db_facts(x->db)->version, &minor))
		rep->users_why = "which etcd it was, and whether it tells when "
				 "they change, is not known";
	else if (minor < 3005)
		rep->users_why = "an etcd 3.4 does not tell when they change";
	else if (!tells_users(chain, rep->digest.at))
		rep->users_why = "the cluster did not tell the follower "
				 "whether they changed";
	if (rep->users_why != NULL)
		rep->users_revision = chain->revision;
}

static void
report(struct restore *x)
{
	struct job_restore_etcd_report *rep = &x->rep;
	const struct job_etcd_cluster *c = x->cluster;

	date_users(x);
	(void)snprintf(rep->version, sizeof(rep->version), "%s",
	    job_etcd_db_facts(x->db)->version);
	if (c == NULL)
		return;
	rep->member_id = c->membership->self->id;
	rep->cluster_id = c->membership->cluster_id;
	rep->members = c->membership->n;
	rep->new_token = c->new_token;
	(void)snprintf(rep->name, sizeof(rep->name), "%s", c->name);
	(void)snprintf(rep->token, sizeof(rep->token), "%s", c->token);
}

int
job_restore_etcd(const struct job *j, struct repo *r,
    const struct repo_backup *b, const struct job_restore_etcd_opts *opts,
    struct job_restore_etcd_report *rep, struct err *err)
{
	struct restore x = { .job = j, .repo = r, .backup = b, .opts = opts };
	int64_t start = time_mono_ms();
	int rc;

	if ((rc = run(&x, r, err)) == 0) {
		report(&x);
		x.rep.took_ms = (uint64_t)(time_mono_ms() - start);
		*rep = x.rep;
	}
	job_etcd_db_free(x.db);
	job_etcd_cluster_free(x.cluster);
	return rc;
}
