#include <inttypes.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_etcd_at.h"
#include "cmd/cmd_job.h"
#include "job/job_etcd_choose.h"
#include "job/job_etcd_db.h"
#include "job/job_etcd_db_log.h"

int
cmd_etcd_asked(const struct ctx *ctx, struct job_etcd_at *ret, struct err *err)
{
	const char *time = ctx_option(ctx, "time");
	int rc;

	*ret = (struct job_etcd_at){
		.revision = (uint64_t)ctx_number(ctx, "revision", 0),
	};
	if (time == NULL)
		return 0;
	if (ret->revision != 0)
		return err_set(
		    err, HF_EUSAGE, "'--time': the revision is said already");
	if ((rc = time_parse(time, &ret->time_ms, err)) < 0)
		return rc;
	/* 0 would mean that nobody said. */
	if (ret->time_ms == 0)
		ret->time_ms = 1;
	return 0;
}

int
cmd_etcd_find(const struct cmd_opened *o, const char *text,
    const struct repo_backup *b, struct cmd_etcd_at *a, struct err *err)
{
	const bool latest = str_has_prefix(text, "latest") != NULL;
	struct err e = ERR_INIT;
	int rc = 0;

	a->b = b;
	if (latest)
		rc = job_etcd_choose(&o->cat, b, &a->at, &a->chain, &e);
	else if (a->at.revision != 0 || a->at.time_ms != 0)
		rc = job_etcd_chain_find(&o->cat, b, &a->chain, &e);
	/* A snapshot has no logs, but may have the revision. */
	if (rc < 0 && (rc != -HF_EUSAGE || a->at.time_ms != 0)) {
		*err = e;
		return rc;
	}
	if (a->chain.base != NULL)
		a->b = a->chain.base;
	return 0;
}

void
cmd_etcd_note(
    struct ctx *ctx, const struct cmd_etcd_at *a, const struct repo_backup *b)
{
	const bool asked = a->at.revision != 0 || a->at.time_ms != 0;
	char when[TIME_TEXT_MAX];

	if (asked && a->b != b)
		ctx_note(ctx,
		    "taken from backup '%s' of %s: the newest, '%s', does not "
		    "know as much of it",
		    a->b->id, time_format(a->b->stored_ms, when), b->id);
	if (!asked && a->chain.beyond != 0)
		ctx_warn(ctx,
		    "the log that has revision %" PRIu64
		    " is missing: the state ends before it, and what the logs "
		    "from revision %" PRIu64 " on have is lost",
		    a->chain.last + 1, a->chain.beyond);
}

int
cmd_etcd_elsewhere(const struct cmd_opened *o, const struct cmd_etcd_at *a,
    const struct repo_backup *b, struct err *err)
{
	CLEANUP(freep_job_etcd_chain) struct job_etcd_chain c = { 0 };
	const uint64_t revision = a->at.revision;
	const struct err was = *err;
	struct err ignore = ERR_INIT;

	if (err->code != -HF_ECORRUPT || a->b == b || revision == 0 ||
	    job_etcd_chain_find(&o->cat, b, &c, &ignore) < 0 ||
	    revision < c.compact || revision > c.last)
		return err->code;
	err->hint[0] = '\0';
	return err_hint(err,
	    "the newest backup has revision %" PRIu64
	    ", too: name '%s'%s%.180s",
	    revision, b->id, was.hint[0] != '\0' ? "; or " : "", was.hint);
}

const struct job_etcd_chain *
cmd_etcd_logs(const struct cmd_etcd_at *a)
{
	return a->chain.n > 0 || a->at.time_ms != 0 ? &a->chain : NULL;
}

int
cmd_etcd_open(const struct cmd_opened *o, const struct job *j,
    const struct cmd_etcd_at *a, struct job_etcd_db **ret, struct err *err)
{
	if (cmd_etcd_logs(a) == NULL)
		return job_etcd_db_open(j, o->repo, a->b, ret, err);
	return job_etcd_db_open_log(
	    j, o->repo, &a->chain, &a->at, NULL, ret, err);
}
