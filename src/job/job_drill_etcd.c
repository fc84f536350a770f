#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/remove_tree.h"
#include "base/str.h"
#include "base/time.h"
#include "etcd/etcd_range.h"
#include "job/job.h"
#include "job/job_attest.h"
#include "job/job_drill_etcd.h"
#include "job/job_drill_sample.h"
#include "job/job_drill_server.h"
#include "job/job_etcd_chain.h"
#include "job/job_restore_etcd.h"
#include "repo/repo.h"

#define LEVEL 4

struct drill {
	const struct job *job;
	struct repo *repo;
	const struct repo_backup *b;
	const struct job_drill_etcd_opts *opts;
	char *path; /* Of the scratch folder; NULL: there is none. */
	int dir;
	struct job_drill_sample *sample;
	struct job_drill_server *server;
	struct etcd_client *client;
	struct job_drill_etcd_report rep;
};

static int
make_scratch(struct drill *x, struct err *err)
{
	const char *top = getenv("TMPDIR");
	char *path = NULL;
	int rc;

	top = top != NULL && *top != '\0' ? top : "/var/tmp";
	if ((rc = str_printf(&path, err, "%s/holdfast-drill-XXXXXX", top)) < 0)
		return rc;
	if (mkdtemp(path) == NULL) {
		rc = err_errno(err, errno, "cannot make '%s'", path);
		free(path);
		return rc;
	}
	x->path = path;
	x->dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return x->dir < 0 ? err_errno(err, errno, "'%s'", path) : 0;
}

static void
clear(struct drill *x)
{
	etcd_client_free(x->client);
	job_drill_server_free(x->server);
	job_drill_sample_free(x->sample);
	freep_fd(&x->dir);
	if (x->path != NULL && !x->opts->keep)
		(void)remove_tree(AT_FDCWD, x->path);
	free(x->path);
}

/* Note that the backup is bad, and why. */
static int bad(struct drill *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
static int
bad(struct drill *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(x->rep.reason, sizeof(x->rep.reason), fmt, ap);
	va_end(ap);
	x->rep.good = false;
	return 0;
}

/* Restore it, with the logs of ${chain} unless that is NULL. */
static int
restore_with(
    struct drill *x, const struct job_etcd_chain *chain, struct err *err)
{
	CLEANUP(freep_mem) char *to = NULL;
	struct job_restore_etcd_opts opts = {
		.version = x->rep.version,
		.chain = chain,
		.no_auth = true,
		.look = job_drill_sample_add,
	};
	struct job_restore_etcd_report rep;
	int rc;

	job_drill_sample_free(TAKE(x->sample));
	if ((rc = str_printf(&to, err, "%s/" JOB_DRILL_DATA, x->path)) < 0 ||
	    (rc = job_drill_sample_new(&x->sample, err)) < 0)
		return rc;
	opts.to = to;
	opts.arg = x->sample;
	rc = job_restore_etcd(x->job, x->repo, x->b, &opts, &rep, err);
	if (rc < 0)
		return rc;
	x->rep.digest = rep.digest;
	x->rep.keys = job_drill_sample_keys(x->sample);
	x->rep.restore_ms = rep.took_ms;
	x->rep.logs = chain != NULL ? chain->n : 0;
	return 0;
}

/* An object that the store has lost is as bad as one that is damaged. */
static bool
is_bad(int rc)
{
	return rc == -HF_ECORRUPT || rc == -HF_ENOTFOUND;
}

static int
restore(struct drill *x, struct err *err)
{
	struct err e = ERR_INIT;
	int rc = restore_with(x, x->opts->chain, &e);

	/* Is it the backup that is bad, or one of its logs? */
	if (is_bad(rc) && x->opts->chain != NULL) {
		(void)snprintf(x->rep.logs_reason, sizeof(x->rep.logs_reason),
		    "%s", e.msg);
		e = (struct err)ERR_INIT;
		rc = restore_with(x, NULL, &e);
	}
	if (is_bad(rc))
		return bad(x, "it cannot be restored: %s", e.msg);
	if (rc < 0)
		*err = e;
	return rc;
}

/* Etcd has failed with ${err}: is the backup bad? */
static int
blame(struct drill *x, struct err *err)
{
	struct err excuse = ERR_INIT;

	if (job_drill_server_excuse(x->server, &excuse) == 0)
		return bad(x, "%s", err->msg);
	*err = excuse;
	return err->code;
}

/* Start etcd.  It has the version that the backup needs, so if it does not
 * serve, that is the backup's fault. */
static int
start(struct drill *x, struct err *err)
{
	const int64_t from = time_mono_ms();
	int rc;

	rc = job_drill_server_start(x->opts->program, x->dir, &x->server, err);
	if (rc < 0)
		return rc;
	rc = job_drill_server_ready(x->server, x->job, &x->client, err);
	if (rc == -HF_ESOURCE)
		return blame(x, err);
	x->rep.start_ms = (uint64_t)(time_mono_ms() - from);
	return rc;
}

static int
compare_hash(struct drill *x, struct err *err)
{
	const struct job_etcd_digest *d = &x->rep.digest;
	enum etcd_revision gone;
	struct etcd_hashkv h;
	int rc;

	/*
	 * Ask for the hash at the revision, unless that is the compact
	 * revision: some versions hash that one only as the newest.  It is
	 * asked for at once, because leases that run out count from now on.
	 */
	rc = etcd_client_hashkv(x->client,
	    d->revision > d->compact_revision ? d->revision : 0, &h, &gone,
	    err);
	if (rc < 0)
		return rc;
	if (h.hash == d->hash && h.compact_revision == d->compact_revision)
		return 0;
	return bad(x,
	    "etcd's HashKV is %" PRIu32 " as compacted to %" PRIu64
	    ", the backup's %" PRIu32 " and %" PRIu64,
	    h.hash, h.compact_revision, d->hash, d->compact_revision);
}

static int
compare_count(struct drill *x, struct err *err)
{
	const struct etcd_range all = {
		.key = "",
		.nkey = 1,
		.end = "",
		.nend = 1,
		.revision = x->rep.digest.revision,
		.count_only = true,
	};
	enum etcd_revision gone;
	struct etcd_range_end end;
	int rc;

	if ((rc = etcd_range_get(x->client, &all, &end, &gone, err)) < 0 ||
	    end.count == x->rep.keys)
		return rc;
	return bad(x, "etcd has %" PRIu64 " keys, the backup %" PRIu64,
	    end.count, x->rep.keys);
}

static int
compare_sample(struct drill *x, struct err *err)
{
	uint64_t wrong;
	int rc;

	rc = job_drill_sample_compare(x->sample, x->client,
	    x->rep.digest.revision, &x->rep.sampled, &wrong, err);
	if (rc < 0 || wrong == 0)
		return rc;
	return bad(
	    x, "%" PRIu64 " of %" PRIu64 " keys differ", wrong, x->rep.sampled);
}

static int
compare(struct drill *x, struct err *err)
{
	static int (*const steps[])(struct drill *,
	    struct err *) = { compare_hash, compare_count, compare_sample };
	const int64_t from = time_mono_ms();
	size_t i;
	int rc;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if ((rc = job_check(x->job, err)) < 0)
			return rc;
		rc = steps[i](x, err);
		/*
		 * It serves nobody but us: what it does not give while it
		 * lives, it does not have.
		 */
		if (rc < 0 && rc != -HF_EINTR && rc != -HF_ENOMEM)
			return blame(x, err);
		if (rc < 0 || !x->rep.good)
			return rc;
	}
	x->rep.compare_ms = (uint64_t)(time_mono_ms() - from);
	return 0;
}

static int
run(struct drill *x, struct err *err)
{
	int rc;

	if ((rc = make_scratch(x, err)) < 0 ||
	    (rc = job_drill_server_version(x->opts->program, x->dir,
		 x->rep.version, sizeof(x->rep.version), err)) < 0 ||
	    (rc = restore(x, err)) < 0 || !x->rep.good ||
	    (rc = start(x, err)) < 0 || !x->rep.good)
		return rc;
	return compare(x, err);
}

static int add_fact(struct repo_attest *, struct err *, const char *,
    const char *, ...) __attribute__((format(printf, 4, 5)));
static int
add_fact(struct repo_attest *a, struct err *err, const char *name,
    const char *fmt, ...)
{
	struct repo_fact *grown;
	char value[64];
	va_list ap;
	int rc;

	va_start(ap, fmt);
	(void)vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	grown = reallocarray(a->facts, a->nfacts + 1, sizeof(*grown));
	if (grown == NULL)
		return err_nomem(err);
	a->facts = grown;
	grown += a->nfacts++;
	*grown = (struct repo_fact){ NULL, NULL };
	if ((rc = str_dup(name, &grown->name, err)) < 0)
		return rc;
	return str_dup(value, &grown->value, err);
}

static int
add_facts(const struct drill *x, struct repo_attest *a, struct err *err)
{
	const struct job_drill_etcd_report *r = &x->rep;
	const struct job_etcd_digest *d = &r->digest;
	int rc;

	if ((rc = add_fact(a, err, "etcd.version", "%s", r->version)) < 0 ||
	    (rc = add_fact(a, err, "etcd.revision", "%" PRIu64, d->revision)) <
		0 ||
	    (rc = add_fact(a, err, "etcd.compact_revision", "%" PRIu64,
		 d->compact_revision)) < 0 ||
	    (rc = add_fact(a, err, "etcd.hashkv", "%" PRIu32, d->hash)) < 0 ||
	    (rc = add_fact(a, err, "etcd.keys", "%" PRIu64, r->keys)) < 0 ||
	    (rc = add_fact(
		 a, err, "drill.restore_ms", "%" PRIu64, r->restore_ms)) < 0)
		return rc;
	return add_fact(a, err, "drill.start_ms", "%" PRIu64, r->start_ms);
}

static int
attest(struct drill *x, struct err *err)
{
	CLEANUP(repo_attest_clear)
	struct repo_attest a = {
		.level = LEVEL,
		.good = x->rep.good,
		.took_ms = x->rep.took_ms,
		.objects = x->b->m.npacks,
		.bytes = x->rep.digest.size,
	};
	int rc;

	rc = str_dup(!x->rep.good      ? x->rep.reason
		     : x->rep.logs > 0 ? "drill: etcd served it and its logs"
				       : "drill: etcd served it",
	    &a.message, err);
	if (rc < 0 || (rc = add_facts(x, &a, err)) < 0)
		return rc;
	return job_attest(x->repo, x->b, &a, &x->rep.attested, err);
}

int
job_drill_etcd(const struct job *j, struct repo *r, const struct repo_backup *b,
    const struct job_drill_etcd_opts *opts, struct job_drill_etcd_report *rep,
    struct err *err)
{
	CLEANUP(clear)
	struct drill x = {
		.job = j,
		.repo = r,
		.b = b,
		.opts = opts,
		.dir = -1,
		.rep.good = true,
	};
	const int64_t from = time_mono_ms();
	int rc;

	if ((rc = run(&x, err)) < 0)
		return rc;
	x.rep.took_ms = (uint64_t)(time_mono_ms() - from);
	if (opts->keep)
		(void)snprintf(
		    x.rep.scratch, sizeof(x.rep.scratch), "%s", x.path);
	if ((rc = attest(&x, err)) < 0)
		return rc;
	*rep = x.rep;
	return 0;
}
