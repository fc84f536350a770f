#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/params.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_etcd_at.h"
#include "cmd/cmd_job.h"
#include "cmd/cmd_restore_etcd.h"
#include "config/config_option.h"
#include "job/job_etcd_db.h"
#include "job/job_etcd_plan.h"

/* Write the commands that restore a whole cluster. */

#define DATA_DIR "/var/lib/etcd"

/* Append a word, quoted for a shell. */
static int
add_word(struct buf *b, const char *word, struct err *err)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-./:,=@%+";
	const char *p;
	int rc;

	if (*word != '\0' && word[strspn(word, plain)] == '\0')
		return buf_printf(b, err, " %s", word);
	if ((rc = buf_printf(b, err, " '")) < 0)
		return rc;
	for (p = word; *p != '\0' && rc >= 0; p++)
		rc = *p == '\'' ? buf_printf(b, err, "'\\''")
				: buf_add(b, p, 1, err);
	return rc < 0 ? rc : buf_printf(b, err, "'");
}

static int
add_option(struct buf *b, const char *flag, const char *value, struct err *err)
{
	int rc = add_word(b, flag, err);

	return rc < 0 ? rc : add_word(b, value, err);
}

/*
 * Is it an option that each member gets for itself, or one of the plan alone?
 * All of them get the revision that was found: more may be followed meanwhile.
 */
static bool
is_ours(const char *name)
{
	static const char *const names[] = { "to", "name", "initial_cluster",
		"initial_cluster_token", "initial_advertise_peer_urls",
		"revision", "time" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Repeat all other options that were given here. */
static int
add_given(struct ctx *ctx, const char *to, struct buf *b, struct err *err)
{
	const struct cmd *cmd = cmd_find(to);
	const struct config_option *o;
	char flag[OPTION_FLAG_MAX];
	const char *value;
	size_t i, k;
	int rc = 0;

	for (i = 0; (o = config_option_at(i)) != NULL; i++) {
		if (is_ours(o->name) || !cmd_takes(cmd, o) ||
		    strcmp(o->name, "json") == 0)
			continue;
		(void)config_option_flag(o, flag);
		for (k = 0; rc >= 0 && (value = params_at(
					    ctx_line(ctx), o->name, k)) != NULL;
		     k++)
			rc = o->type == OPTION_FLAG
				 ? add_word(b, flag, err)
				 : add_option(b, flag, value, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* What is planned: the backup and, if it is not that alone, the revision. */
struct planned {
	const struct repo_backup *b;
	char revision[24]; /* Or "". */
	struct job_etcd_plan plan;
};

static void
planned_clear(struct planned *p)
{
	job_etcd_plan_clear(&p->plan);
}

/* "holdfast restore ID --revision N": begin a command. */
static int
begin(struct buf *b, const char *command, const struct planned *p,
    struct err *err)
{
	int rc;

	rc = buf_printf(b, err, "holdfast %s %s", command, p->b->id);
	if (rc < 0 || p->revision[0] == '\0')
		return rc;
	return add_option(b, "--revision", p->revision, err);
}

/* Add the options that both commands of a member have. */
static int
add_member(struct buf *b, const struct job_etcd_plan *p,
    const struct etcd_member *m, struct buf *urls, struct err *err)
{
	size_t i;
	int rc;

	urls->len = 0;
	/* Make it a text even if there are no URLs. */
	if ((rc = buf_printf(urls, err, "%s", "")) < 0)
		return rc;
	for (i = 0; i < m->n_urls; i++)
		if ((rc = buf_printf(
			 urls, err, "%s%s", i > 0 ? "," : "", m->urls[i])) < 0)
			return rc;
	if ((rc = add_option(b, "--name", m->name, err)) < 0 ||
	    (rc = add_option(b, "--initial-cluster",
		 p->cluster->initial_cluster, err)) < 0 ||
	    (rc = add_option(
		 b, "--initial-cluster-token", p->cluster->token, err)) < 0)
		return rc;
	return add_option(
	    b, "--initial-advertise-peer-urls", (const char *)urls->p, err);
}

static int
member(struct ctx *ctx, const struct planned *what, const struct etcd_member *m,
    struct err *err)
{
	CLEANUP(freep_buf) struct buf urls = BUF_INIT;
	CLEANUP(freep_buf) struct buf listen = BUF_INIT;
	CLEANUP(freep_buf) struct buf restore = BUF_INIT;
	CLEANUP(freep_buf) struct buf start = BUF_INIT;
	const struct job_etcd_plan *p = &what->plan;
	const char *to = ctx_option(ctx, "to");
	char id[17];
	int rc;

	to = to != NULL ? to : DATA_DIR;
	(void)snprintf(id, sizeof(id), "%" PRIx64, m->id);
	if ((rc = begin(&restore, "restore", what, err)) < 0 ||
	    (rc = add_option(&restore, "--to", to, err)) < 0 ||
	    (rc = add_member(&restore, p, m, &urls, err)) < 0 ||
	    (rc = add_given(ctx, "restore", &restore, err)) < 0 ||
	    (rc = buf_printf(&start, err, "etcd")) < 0 ||
	    (rc = add_option(&start, "--data-dir", to, err)) < 0 ||
	    (rc = add_member(&start, p, m, &urls, err)) < 0 ||
	    (rc = job_etcd_listen_urls(m, &listen, err)) < 0 ||
	    (rc = add_option(&start, "--listen-peer-urls",
		 (const char *)listen.p, err)) < 0)
		return rc;
	ctx_print(ctx,
	    "\n# member %s; the first must say that it is %s, and "
	    "the digest above",
	    m->name, id);
	ctx_print(ctx, "%s\n%s", (char *)restore.p, (char *)start.p);
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "backup",
		what->b->id, "member", m->name, "member_id", id, "restore",
		(char *)restore.p, "start", (char *)start.p, "revision",
		(json_int_t)p->digest.revision, "compact_revision",
		(json_int_t)p->digest.compact_revision, "hashkv",
		(json_int_t)p->digest.hash),
	    err);
}

static int
check(struct ctx *ctx, const struct planned *p, struct err *err)
{
	CLEANUP(freep_buf) struct buf line = BUF_INIT;
	int rc;

	if ((rc = begin(&line, "etcd check", p, err)) < 0 ||
	    (rc = add_given(ctx, "etcd check", &line, err)) < 0)
		return rc;
	ctx_print(ctx,
	    "\n# once all of them run; with the client URLs of all\n%s --from "
	    "etcd:URL,...",
	    (char *)line.p);
	return 0;
}

static int
print(struct ctx *ctx, const struct planned *p, struct err *err)
{
	const struct etcd_membership *s = p->plan.cluster->membership;
	const struct job_etcd_digest *d = &p->plan.digest;
	size_t i;
	int rc;

	ctx_print(ctx,
	    "# backup %s of %s, as the cluster %" PRIx64 "\n# revision %" PRIu64
	    ", compacted to %" PRIu64 ", HashKV %" PRIu32
	    "\n# add to etcd's commands what no backup has: its client URLs, "
	    "certificates and other options",
	    p->b->id, p->b->m.source, s->cluster_id, d->revision,
	    d->compact_revision, d->hash);
	for (i = 0; i < s->n; i++)
		if ((rc = member(ctx, p, &s->members[i], err)) < 0)
			return rc;
	return check(ctx, p, err);
}

static int
plan(struct ctx *ctx, const struct cmd_opened *o, const struct cmd_etcd_at *a,
    struct planned *p, struct err *err)
{
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
	const struct job j = cmd_job(ctx);
	const struct etcd_membership_opts words = {
		.initial_cluster = ctx_option(ctx, "initial_cluster"),
		.initial_cluster_token =
		    ctx_option(ctx, "initial_cluster_token"),
	};
	struct job_etcd_rebuild_opts opts;
	int rc;

	if ((rc = cmd_etcd_rebuild(ctx, &opts, err)) < 0 ||
	    (rc = cmd_etcd_open(o, &j, a, &db, err)) < 0 ||
	    (rc = job_etcd_plan(db, &words, &opts, &p->plan, err)) < 0)
		return rc;
	p->b = a->b;
	if (a->at.revision != 0 || cmd_etcd_logs(a) != NULL)
		(void)snprintf(p->revision, sizeof(p->revision), "%" PRIu64,
		    p->plan.digest.revision - opts.bump);
	return 0;
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { 0 };
	CLEANUP(freep_cmd_etcd_at) struct cmd_etcd_at a = { 0 };
	CLEANUP(planned_clear) struct planned p = { 0 };
	const struct repo_backup *b;
	int rc;

	(void)argc;
	if ((rc = cmd_etcd_asked(ctx, &a.at, err)) < 0 ||
	    (rc = cmd_opened_catalogue(ctx, STORE_READ, &o, err)) < 0 ||
	    (rc = repo_catalogue_find(&o.cat, argv[0], &b, err)) < 0 ||
	    (rc = cmd_etcd_find(&o, argv[0], b, &a, err)) < 0 ||
	    (rc = plan(ctx, &o, &a, &p, err)) < 0)
		return rc;
	cmd_etcd_note(ctx, &a, b);
	return print(ctx, &p, err);
}

static const char *const options[] = { "to", "initial_cluster",
	"initial_cluster_token", "revision", "time", "bump_revision",
	"mark_compacted", "memory", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast etcd plan latest --initial-cluster "
	  "a=http://a:2380,b=http://b:2380",
	    "how to restore both members" },
	{ 0 },
};

extern const struct cmd cmd_etcd_plan;
const struct cmd cmd_etcd_plan = {
	.name = "etcd plan",
	.args = "BACKUP",
	.summary = "Write the commands that restore a whole etcd cluster",
	.about =
	    "Writes, for every member of --initial-cluster, the commands that "
	    "restore it and start it, with one new token for all unless one "
	    "is given, and the digest that each restore must show: revision, "
	    "compact revision and HashKV.  It changes nothing.\n\n"
	    "BACKUP, --revision and --time mean what they mean to `restore`: "
	    "`latest` is the newest state, with all logs.  The commands name "
	    "the revision that was found, so that all members get the same "
	    "one.\n\n"
	    "Options that say where the backup is are repeated in the "
	    "commands; what comes from the configuration or the environment "
	    "must be there on the members' hosts, too.",
	.examples = examples,
	.options = options,
	.flags = CMD_REPO,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
