#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/size.h"
#include "base/time.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_etcd_at.h"
#include "cmd/cmd_job.h"
#include "cmd/cmd_restore_etcd.h"
#include "config/config_option.h"
#include "job/job_etcd_leases.h"

/* These make sense for a backup of etcd alone, */
static const char *const ours[] = { "name", "initial_cluster",
	"initial_cluster_token", "initial_advertise_peer_urls", "revision",
	"time", "bump_revision", "mark_compacted", "etcd_version",
	"force_version", "allow_unproven", "as_snapshot", NULL };
/* and these of them for a data directory alone. */
static const char *const of_member[] = { "to", "name", "initial_cluster",
	"initial_cluster_token", "initial_advertise_peer_urls", "etcd_version",
	"force_version", NULL };

/* The first of ${names} that was given, or NULL. */
static const char *
given(const struct ctx *ctx, const char *const *names)
{
	for (; *names != NULL; names++)
		if (ctx_option(ctx, *names) != NULL)
			return *names;
	return NULL;
}

static int
refuse(const char *name, const char *why, struct err *err)
{
	char flag[OPTION_FLAG_MAX];

	return err_set(err, HF_EUSAGE, "'%s': %s",
	    config_option_flag(config_option_named(name), flag), why);
}

bool
cmd_restore_etcd_wanted(const struct ctx *ctx, const struct repo_backup *b)
{
	return strcmp(b->m.type, "etcd") == 0 &&
	       ctx_option(ctx, "only") == NULL;
}

int
cmd_restore_etcd_stray(
    const struct ctx *ctx, const struct repo_backup *b, struct err *err)
{
	const char *name = given(ctx, ours);

	if (name == NULL)
		return 0;
	if (strcmp(b->m.type, "etcd") == 0)
		return refuse(name,
		    "with --only, files are restored as they "
		    "are stored",
		    err);
	return refuse(name, "this is no backup of an etcd", err);
}

static struct etcd_membership_opts
said_cluster(const struct ctx *ctx)
{
	return (struct etcd_membership_opts){
		.name = ctx_option(ctx, "name"),
		.initial_cluster = ctx_option(ctx, "initial_cluster"),
		.initial_advertise_peer_urls =
		    ctx_option(ctx, "initial_advertise_peer_urls"),
		.initial_cluster_token =
		    ctx_option(ctx, "initial_cluster_token"),
	};
}

int
cmd_etcd_rebuild(
    const struct ctx *ctx, struct job_etcd_rebuild_opts *opts, struct err *err)
{
	const int64_t bump = ctx_number(ctx, "bump_revision", 0);

	if ((bump > 0) != ctx_flag(ctx, "mark_compacted")) {
		(void)err_set(err, HF_EUSAGE,
		    "--bump-revision and --mark-compacted go together");
		return err_hint(err,
		    "who watches would miss what lies between, and not know");
	}
	*opts = (struct job_etcd_rebuild_opts){
		.revision = (uint64_t)ctx_number(ctx, "revision", 0),
		.bump = (uint64_t)bump,
	};
	return 0;
}

static int
check(const struct ctx *ctx, const struct job_restore_etcd_opts *o,
    struct err *err)
{
	const char *name;

	if (ctx_flag(ctx, "keep_going"))
		return refuse("keep_going",
		    "half of an etcd's database is none; --only restores the "
		    "files that are whole",
		    err);
	if (o->snapshot != NULL && strcmp(o->snapshot, "-") == 0)
		return refuse("as_snapshot",
		    "a snapshot is written in no order, so it needs a file",
		    err);
	if (o->snapshot != NULL) {
		name = given(ctx, of_member);
		return name == NULL ? 0
				    : refuse(name,
					  "a snapshot is of no member "
					  "yet: etcdutl takes this",
					  err);
	}
	if (o->overwrite)
		return refuse("overwrite",
		    "a data directory is never replaced; name a new one", err);
	if (strcmp(o->to, "-") == 0)
		return refuse(
		    "to", "a data directory cannot go to standard output", err);
	return 0;
}

static void
note_leases(struct ctx *ctx, const struct job_etcd_digest *d)
{
	const uint64_t n = d->leases_again, unknown = n - d->leases_known;
	char how[128];

	if (n == 0)
		return;
	if (unknown == 0)
		(void)snprintf(
		    how, sizeof(how), "as long as an older backup knows");
	else if (unknown == n)
		(void)snprintf(
		    how, sizeof(how), "%d s", JOB_LEASE_UNKNOWN_SECONDS);
	else
		(void)snprintf(how, sizeof(how),
		    "as long as an older backup knows, but %" PRIu64
		    " of them, which none knows, for %d s",
		    unknown, JOB_LEASE_UNKNOWN_SECONDS);
	ctx_note(ctx,
	    "%" PRIu64
	    " %s that keys had %s gone by then: granted again, for %s",
	    n, cmd_counted(n, "lease", "leases"), cmd_counted(n, "was", "were"),
	    how);
}

/* Note what is not as it was at the revision. */
static void
note_others(struct ctx *ctx, const struct job_restore_etcd_report *rep)
{
	const struct job_etcd_digest *d = &rep->digest;

	if (rep->users_why != NULL)
		ctx_note(ctx, "users are as of revision %" PRIu64 ": %s",
		    rep->users_revision, rep->users_why);
	else if (d->others_revision > d->at)
		ctx_note(ctx,
		    "leases and users are as of revision %" PRIu64
		    ": a backup has no history of them",
		    d->others_revision);
	note_leases(ctx, d);
}

static void
note_downgrade(struct ctx *ctx, const struct job_restore_etcd_report *rep)
{
	const struct etcd_downgrade *d = &rep->digest.downgrade;

	if (d->target[0] == '\0')
		return;
	if (rep->downgrade_goes_on)
		ctx_note(ctx,
		    "the snapshot says that the cluster is being downgraded "
		    "to %s: an etcd 3.5 does not start from what etcdutl "
		    "makes of it; a restore with --to ends the downgrade",
		    d->target);
	else
		ctx_note(ctx,
		    "the cluster was being downgraded to %s, which has ended "
		    "here: start an etcd %lu.%lu or newer",
		    d->target, d->oldest / 1000, d->oldest % 1000);
}

static void
print(struct ctx *ctx, const struct repo_backup *b,
    const struct job_restore_etcd_opts *o,
    const struct job_restore_etcd_report *rep)
{
	const struct job_etcd_digest *d = &rep->digest;
	char size[SIZE_TEXT_MAX], took[TIME_TEXT_MAX];

	ctx_print(ctx, "%s  %s  %s %" PRIu64 " %s, %s to '%s' in %s", b->id,
	    b->m.source, o->dry_run ? "would restore" : "restored", d->records,
	    cmd_counted(d->records, "record", "records"),
	    size_format(d->size, size), o->snapshot ? o->snapshot : o->to,
	    duration_format((int64_t)rep->took_ms, took));
	ctx_print(ctx,
	    "revision %" PRIu64 ", compacted to %" PRIu64 ", HashKV %" PRIu32,
	    d->revision, d->compact_revision, d->hash);
	note_others(ctx, rep);
	note_downgrade(ctx, rep);
	if (o->snapshot != NULL)
		return;
	ctx_print(ctx,
	    "member %s (%" PRIx64 ") of cluster %" PRIx64 ", token %s%s",
	    rep->name, rep->member_id, rep->cluster_id, rep->token,
	    rep->new_token ? " (new)" : "");
	if (rep->version[0] != '\0' && o->version == NULL &&
	    d->downgrade.target[0] == '\0')
		ctx_note(ctx,
		    "the backup is of an etcd %s: start one of the same minor "
		    "version or newer",
		    rep->version);
}

static int
answer(struct ctx *ctx, const struct repo_backup *b,
    const struct job_restore_etcd_opts *o,
    const struct job_restore_etcd_report *rep, struct err *err)
{
	const struct job_etcd_digest *d = &rep->digest;
	const struct job_etcd_unproven *u = &rep->unproven;
	char member[17], cluster[17];
	json_t *unproven = NULL;

	if (u->from != 0)
		unproven = json_pack("{s:I, s:I, s:I}", "from",
		    (json_int_t)u->from, "to", (json_int_t)u->to, "proven",
		    (json_int_t)u->proven);
	print(ctx, b, o, rep);
	(void)snprintf(member, sizeof(member), "%" PRIx64, rep->member_id);
	(void)snprintf(cluster, sizeof(cluster), "%" PRIx64, rep->cluster_id);
	return ctx_json(ctx,
	    json_pack(
		"{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I,"
		" s:I, s:s*, s:s, s:s*, s:s*, s:s*, s:s*, s:b, s:I, "
		"s:o*}",
		"backup", b->id, "source", b->m.source, "to",
		o->snapshot ? o->snapshot : o->to, "dry_run", (int)o->dry_run,
		"records", (json_int_t)d->records, "bytes", (json_int_t)d->size,
		"revision", (json_int_t)d->revision, "compact_revision",
		(json_int_t)d->compact_revision, "hashkv", (json_int_t)d->hash,
		"leases_revision", (json_int_t)d->others_revision,
		"users_revision", (json_int_t)rep->users_revision,
		"leases_again", (json_int_t)d->leases_again, "leases_known",
		(json_int_t)d->leases_known, "downgrade",
		d->downgrade.target[0] ? d->downgrade.target : NULL, "version",
		rep->version, "name", o->snapshot ? NULL : rep->name,
		"member_id", o->snapshot ? NULL : member, "cluster_id",
		o->snapshot ? NULL : cluster, "token",
		o->snapshot ? NULL : rep->token, "new_token",
		(int)rep->new_token, "took_ms", (json_int_t)rep->took_ms,
		"unproven", unproven),
	    err);
}

/* It was the owner's wish, and yet nobody may take it for proven. */
static int
judge(const struct job_restore_etcd_opts *o,
    const struct job_restore_etcd_report *rep, struct err *err)
{
	const struct job_etcd_unproven *u = &rep->unproven;

	if (u->from == 0)
		return 0;
	(void)err_set(err, HF_EWARN,
	    "%s, but the revisions %" PRIu64 " to %" PRIu64
	    " are NOT PROVEN: their HashKV is not the one that a member had%s",
	    o->dry_run ? "it can be restored" : "restored", u->from, u->to,
	    u->to < rep->digest.at ? "; behind them it is right" : "");
	if (u->proven == 0)
		return err_hint(err,
		    "none before them is proven; look at what is there before "
		    "clients are let in");
	return err_hint(err,
	    "look at what they changed before clients are let in: the last "
	    "one before them that is proven is %" PRIu64
	    ", which --revision restores",
	    u->proven);
}

/*
 * Members that are restored apart from each other must become the same, and
 * what `latest` is may change in between: a log is stored every few seconds.
 */
static void
note_members(struct ctx *ctx, const char *text, const struct cmd_etcd_at *a,
    const struct job_etcd_digest *d)
{
	char revision[48] = "";

	if (strcmp(text, a->b->id) == 0)
		return;
	if (cmd_etcd_logs(a) != NULL)
		(void)snprintf(
		    revision, sizeof(revision), " --revision %" PRIu64, d->at);
	ctx_note(ctx,
	    "restore the other members from the same: '%s%s', not '%s'",
	    a->b->id, revision, text);
}

int
cmd_restore_etcd(struct ctx *ctx, const struct cmd_opened *o, const char *text,
    const struct repo_backup *b, struct err *err)
{
	CLEANUP(freep_cmd_etcd_at) struct cmd_etcd_at a = { 0 };
	const struct job j = cmd_job(ctx);
	struct job_restore_etcd_opts opts = {
		.to = ctx_option(ctx, "to"),
		.snapshot = ctx_option(ctx, "as_snapshot"),
		.cluster = said_cluster(ctx),
		.version = ctx_option(ctx, "etcd_version"),
		.force_version = ctx_flag(ctx, "force_version"),
		.allow_unproven = ctx_flag(ctx, "allow_unproven"),
		.dry_run = ctx_flag(ctx, "dry_run"),
		.overwrite = ctx_flag(ctx, "overwrite"),
		.cat = &o->cat,
	};
	struct job_etcd_rebuild_opts rebuild;
	struct job_restore_etcd_report rep;
	int rc;

	if ((rc = cmd_etcd_rebuild(ctx, &rebuild, err)) < 0 ||
	    (rc = check(ctx, &opts, err)) < 0 ||
	    (rc = cmd_etcd_asked(ctx, &a.at, err)) < 0 ||
	    (rc = cmd_etcd_find(o, text, b, &a, err)) < 0)
		return rc;
	cmd_etcd_note(ctx, &a, b);
	opts.bump = rebuild.bump;
	opts.revision = a.at.revision;
	opts.time_ms = a.at.time_ms;
	opts.chain = cmd_etcd_logs(&a);
	if (job_restore_etcd(&j, o->repo, a.b, &opts, &rep, err) < 0) {
		(void)err_wrap(err, "restore '%s'", a.b->id);
		return cmd_etcd_elsewhere(o, &a, b, err);
	}
	if ((rc = answer(ctx, a.b, &opts, &rep, err)) < 0)
		return rc;
	if (rep.members > 1)
		note_members(ctx, text, &a, &rep.digest);
	return judge(&opts, &rep, err);
}
