#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_etcd_at.h"
#include "cmd/cmd_job.h"
#include "cmd/cmd_restore_etcd.h"
#include "job/job_etcd_check.h"
#include "job/job_etcd_db.h"
#include "source/source.h"

/* Compare a running cluster with the backup that it was restored from. */

static const char *
word(enum job_etcd_verdict v)
{
	switch (v) {
	case JOB_ETCD_SAME:
		return "same";
	case JOB_ETCD_DIFFERENT:
		return "different";
	case JOB_ETCD_COMPACTED:
		return "compacted";
	case JOB_ETCD_SILENT:
		break;
	}
	return "silent";
}

static int
answer(struct ctx *ctx, const struct job_etcd_checked *m, struct err *err)
{
	switch (m->verdict) {
	case JOB_ETCD_SAME:
		ctx_print(ctx,
		    "%s  same: HashKV %" PRIu32 " as compacted to %" PRIu64
		    " (etcd %s, at %" PRIu64 ")",
		    m->url, m->hash, m->compact_revision, m->version,
		    m->revision);
		break;
	case JOB_ETCD_DIFFERENT:
		if (m->cause.code != 0)
			ctx_print(ctx,
			    "%s  DIFFERENT: it is only at revision "
			    "%" PRIu64,
			    m->url, m->revision);
		else
			ctx_print(ctx,
			    "%s  DIFFERENT: HashKV %" PRIu32 ", not %" PRIu32
			    ", as compacted to %" PRIu64,
			    m->url, m->hash, m->wanted, m->compact_revision);
		break;
	case JOB_ETCD_COMPACTED:
		ctx_print(ctx,
		    "%s  cannot be compared any more: it has been "
		    "compacted",
		    m->url);
		break;
	case JOB_ETCD_SILENT:
		ctx_print(ctx, "%s  no answer: %s", m->url, m->cause.msg);
		break;
	}
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s}", "member",
		m->url, "result", word(m->verdict), "version", m->version,
		"revision", (json_int_t)m->revision, "compact_revision",
		(json_int_t)m->compact_revision, "hashkv", (json_int_t)m->hash,
		"wanted", (json_int_t)m->wanted, "cause", m->cause.msg),
	    err);
}

/* The endpoint that is the member ${id}, or NULL: nobody was asked to name it.
 */
static const char *
url_of(const struct job_etcd_check_report *rep, uint64_t id)
{
	size_t i;

	for (i = 0; i < rep->n; i++)
		if (rep->members[i].id == id)
			return rep->members[i].url;
	return NULL;
}

static int
tell_alarms(
    struct ctx *ctx, const struct job_etcd_check_report *rep, struct err *err)
{
	char id[2 * sizeof(uint64_t) + 1];
	const char *url;
	size_t i;
	int rc;

	for (i = 0; i < rep->ncorrupt; i++) {
		(void)snprintf(id, sizeof(id), "%" PRIx64, rep->corrupt[i]);
		url = url_of(rep, rep->corrupt[i]);
		ctx_print(ctx, "%s  the alarm CORRUPT is raised for it (%s)",
		    url != NULL ? url : "another member", id);
		rc = ctx_json(ctx,
		    json_pack("{s:s, s:s, s:s?}", "alarm", "CORRUPT",
			"member_id", id, "member", url),
		    err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The worst of what was found. */
static int
judge(const struct job_etcd_check_report *rep, struct err *err)
{
	size_t i, n[JOB_ETCD_SILENT + 1] = { 0 };

	for (i = 0; i < rep->n; i++)
		n[rep->members[i].verdict]++;
	if (n[JOB_ETCD_DIFFERENT] > 0) {
		(void)err_set(err, HF_ECORRUPT,
		    "%zu of %zu members do not have what the backup has",
		    n[JOB_ETCD_DIFFERENT], rep->n);
		return err_hint(err,
		    "were they restored from this backup, with the same "
		    "--revision and --bump-revision?");
	}
	if (rep->ncorrupt > 0) {
		(void)err_set(err, HF_ECORRUPT,
		    "the cluster has raised the alarm CORRUPT for %zu %s",
		    rep->ncorrupt,
		    cmd_counted(rep->ncorrupt, "member", "members"));
		return err_hint(err,
		    "up to the backup's revision no member differs: what "
		    "differs came later; replace that member (etcdctl alarm "
		    "list), or restore all of them again");
	}
	if (n[JOB_ETCD_SILENT] > 0)
		return err_set(err, HF_EUNAVAIL,
		    "%zu of %zu members did not answer", n[JOB_ETCD_SILENT],
		    rep->n);
	if (n[JOB_ETCD_COMPACTED] == 0)
		return 0;
	(void)err_set(err, HF_ENOTFOUND,
	    "%zu of %zu members have been compacted beyond revision %" PRIu64,
	    n[JOB_ETCD_COMPACTED], rep->n, rep->digest.revision);
	return err_hint(err, "compare before clients are let in");
}

static int
only_source(struct ctx *ctx, struct source **ret, struct err *err)
{
	CLEANUP(freep_cmd_sources) struct cmd_sources all = { NULL, 0 };
	int rc;

	if ((rc = cmd_sources_find(ctx, 0, NULL, &all, err)) < 0)
		return rc;
	if (all.n != 1)
		return err_set(err, HF_EUSAGE,
		    "name the one cluster that is to be compared: --from "
		    "etcd:URL,...");
	return cmd_source_open(ctx, &all.v[0], ret, err);
}

static int
compare(struct ctx *ctx, const struct cmd_opened *o,
    const struct cmd_etcd_at *a, const struct source *source,
    struct job_etcd_check_report *rep, struct err *err)
{
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
	const struct job j = cmd_job(ctx);
	struct job_etcd_rebuild_opts opts;
	int rc;

	if ((rc = cmd_etcd_rebuild(ctx, &opts, err)) < 0 ||
	    (rc = cmd_etcd_open(o, &j, a, &db, err)) < 0 ||
	    (rc = job_etcd_check(&j, db, &opts, source, rep, err)) < 0)
		return rc;
	ctx_note(ctx,
	    "%s: revision %" PRIu64 ", compacted to %" PRIu64
	    ", HashKV %" PRIu32,
	    a->b->id, rep->digest.revision, rep->digest.compact_revision,
	    rep->digest.hash);
	return 0;
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { 0 };
	CLEANUP(freep_cmd_etcd_at) struct cmd_etcd_at a = { 0 };
	CLEANUP(freep_source) struct source *source = NULL;
	CLEANUP(job_etcd_check_clear) struct job_etcd_check_report rep = { 0 };
	const struct repo_backup *b;
	size_t i;
	int rc;

	(void)argc;
	if ((rc = cmd_etcd_asked(ctx, &a.at, err)) < 0 ||
	    (rc = only_source(ctx, &source, err)) < 0 ||
	    (rc = cmd_opened_catalogue(ctx, STORE_READ, &o, err)) < 0 ||
	    (rc = repo_catalogue_find(&o.cat, argv[0], &b, err)) < 0 ||
	    (rc = cmd_etcd_find(&o, argv[0], b, &a, err)) < 0 ||
	    (rc = compare(ctx, &o, &a, source, &rep, err)) < 0)
		return rc;
	for (i = 0; i < rep.n; i++)
		if ((rc = answer(ctx, &rep.members[i], err)) < 0)
			return rc;
	if ((rc = tell_alarms(ctx, &rep, err)) < 0)
		return rc;
	return judge(&rep, err);
}

static const char *const options[] = { "revision", "time", "bump_revision",
	"mark_compacted", "memory", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast etcd check latest --from "
	  "etcd:https://a:2379,https://b:2379",
	    "do both members have what the backup has?" },
	{ 0 },
};

extern const struct cmd cmd_etcd_check;
const struct cmd cmd_etcd_check = {
	.name = "etcd check",
	.args = "BACKUP",
	.summary =
	    "Compare a running etcd with the backup it was restored from",
	.about =
	    "Asks every endpoint for its HashKV at the backup's revision and "
	    "compares it with the backup's own.  Options that the members "
	    "were restored with (--revision or --time, --bump-revision with "
	    "--mark-compacted) are to be given here, too; BACKUP means what "
	    "it means to `restore`.\n\n"
	    "Members may have taken writes since, and may have been compacted "
	    "up to the backup's revision; beyond it, nobody can tell any "
	    "more.  An alarm CORRUPT is told, by member, and is exit status "
	    "8 like a member that differs.",
	.examples = examples,
	.options = options,
	.flags = CMD_REPO | CMD_SOURCE,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
