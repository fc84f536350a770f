#include <inttypes.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/time.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_job.h"
#include "config/config.h"
#include "source/source.h"

/*
 * Look at everything that a backup or a restore will need, before the night on
 * which it is needed.  Each finding is a line, with its remedy; one that fails
 * does not keep the rest from being looked at.
 */

#define CLOCK_OK_MS (5ll * 60 * 1000)

struct doctor {
	struct ctx *ctx;
	struct err worst; /* The first thing that is wrong. */
	unsigned wrong;
};

/* Tell one finding; if ${err} is NULL or has no code, all is well with it. */
static void
tell(struct doctor *d, const char *what, const char *subject,
    const struct err *err)
{
	bool well = err == NULL || err->code == 0;
	struct err ignored = ERR_INIT;

	if (well)
		ctx_print(d->ctx, "ok     %-8s %s", what, subject);
	else
		ctx_print(
		    d->ctx, "WRONG  %-8s %s: %s", what, subject, err->msg);
	if (!well && err->hint[0] != '\0')
		ctx_print(d->ctx, "                %s", err->hint);
	(void)ctx_json(d->ctx,
	    json_pack("{s:s, s:s, s:b, s:s, s:s}", "check", what, "subject",
		subject, "ok", (int)well, "message", well ? "" : err->msg,
		"remedy", well ? "" : err->hint),
	    &ignored);
	if (well)
		return;
	d->wrong++;
	if (d->worst.code == 0)
		d->worst = *err;
}

static void
check_clock(struct doctor *d, struct store *store)
{
	char off[TIME_TEXT_MAX];
	struct err err = ERR_INIT;
	int64_t there, diff;

	if (store_now(store, &there, &err) == 0) {
		diff = llabs(there - time_now_ms());
		if (diff > CLOCK_OK_MS) {
			(void)err_set(&err, HF_ECLOCK,
			    "this host's clock and the store's are %s apart",
			    duration_format(diff, off));
			(void)err_hint(&err, "set the clock of whichever is "
					     "wrong; NTP keeps it right");
		}
	}
	tell(d, "clock", store->place, &err);
}

static void
check_rights(struct doctor *d, struct store *store)
{
	struct err err = ERR_INIT;

	(void)store_probe(store, STORE_READ, &err);
	tell(d, "read", store->place, &err);
	err = (struct err)ERR_INIT;
	(void)store_probe(store, STORE_WRITE, &err);
	tell(d, "write", store->place, &err);
}

/* Can the keys at hand open what is stored? */
static int
check_openers(struct repo *r, struct err *err)
{
	struct repo_openers all = { NULL, 0, 0 };
	uint64_t most = 0;
	size_t i;
	int rc;

	if (repo_nkeys(r) == 0) {
		(void)err_set(err, HF_EKEY, "no key is configured");
		return err_hint(err, "give --key, or keys: in the "
				     "configuration");
	}
	if ((rc = repo_openers_load(r, &all, err)) < 0)
		return rc;
	for (i = 0; i < all.n; i++)
		if (all.v[i].at_hand && all.v[i].data_keys > most)
			most = all.v[i].data_keys;
	if (most < all.data_keys)
		rc = err_set(err, HF_EKEY,
		    "the keys at hand open %" PRIu64 " of %" PRIu64
		    " data keys",
		    most, all.data_keys);
	repo_openers_clear(&all);
	return rc;
}

static void
check_repo(struct doctor *d, const char *name)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { 0 };
	const struct secret *seed;
	struct err err = ERR_INIT;

	if (cmd_repo_find(d->ctx, name, &o.where, &err) < 0) {
		tell(d, "place", name != NULL ? name : "repository", &err);
		return;
	}
	if (cmd_store_open(d->ctx, o.where, STORE_READ | STORE_WRITE, &o.store,
		&err) < 0) {
		tell(d, "place", o.where->name, &err);
		return;
	}
	check_rights(d, o.store);
	check_clock(d, o.store);
	(void)cmd_repo_open(d->ctx, o.where, o.store, false, &o.repo, &err);
	tell(d, "repo", o.where->name, &err);
	if (o.repo == NULL)
		return;
	(void)check_openers(o.repo, &err);
	tell(d, "keys", o.where->name, &err);
	err = (struct err)ERR_INIT;
	(void)repo_writer_seed(o.repo, REPO_ROLE_WRITE, &seed, &err);
	tell(d, "writer", repo_host(o.repo), &err);
}

static void
check_source(struct doctor *d, const struct cmd_source *s)
{
	CLEANUP(freep_source) struct source *src = NULL;
	struct err err = ERR_INIT;

	if (cmd_source_open(d->ctx, s, &src, &err) == 0)
		(void)source_probe(src, &err);
	tell(d, "source", s->name, &err);
}

static void
check_sources(struct doctor *d)
{
	CLEANUP(freep_cmd_sources) struct cmd_sources all = { NULL, 0 };
	struct err none = ERR_INIT;
	size_t i;

	if (ctx_option_at(d->ctx, "from", 0) == NULL &&
	    config_at(ctx_config(d->ctx), OPTION_IN_SOURCE, 0) == NULL)
		return;
	if (cmd_sources_find(d->ctx, 0, NULL, &all, &none) < 0)
		tell(d, "sources", "--from", &none);
	for (i = 0; i < all.n; i++)
		check_source(d, &all.v[i]);
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	struct doctor d = { .ctx = ctx };
	const struct config *c = ctx_config(ctx);
	const struct config_entry *e;
	size_t i;

	(void)argc, (void)argv;
	/*
	 * A broken file would have ended the program before: this one is sound.
	 */
	tell(&d, "config",
	    config_path(c) != NULL ? config_path(c) : "(no file)", NULL);
	if (ctx_option(ctx, "repo") != NULL ||
	    config_at(c, OPTION_IN_REPO, 0) == NULL)
		check_repo(&d, NULL);
	else
		for (i = 0; (e = config_at(c, OPTION_IN_REPO, i)) != NULL; i++)
			check_repo(&d, e->name);
	check_sources(&d);
	if (d.wrong == 0)
		return 0;
	*err = d.worst;
	return err_wrap(err, "%u %s wrong, the first", d.wrong,
	    cmd_counted(d.wrong, "thing is", "things are"));
}

static const struct cmd_example examples[] = {
	{ "holdfast doctor", "everything that the configuration names" },
	{ "holdfast doctor --repo s3://bucket/prod --from etcd:https://a:2379",
	    "without a configuration" },
	{ 0 },
};

extern const struct cmd cmd_doctor;
const struct cmd cmd_doctor = {
	.name = "doctor",
	.summary = "Check configuration, clock, keys, rights and sources",
	.about =
	    "Looks at the configuration, the storage (does it exist, may it "
	    "be read, may it be written), the clocks, the repository and its "
	    "root fingerprint, the keys, this host's certificate, and the "
	    "sources.  Each thing that is wrong comes with its remedy.  "
	    "Nothing is left behind in the storage.",
	.examples = examples,
	.flags = CMD_REPO | CMD_SOURCE,
	.run = run,
};
