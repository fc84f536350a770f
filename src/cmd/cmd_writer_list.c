#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_job.h"

/* Who may write, or might. */

#define ROLES_MAX 32

static const struct {
	uint32_t role;
	const char *word;
} roles[] = {
	{ REPO_ROLE_WRITE, "write" },
	{ REPO_ROLE_PRUNE, "prune" },
	{ REPO_ROLE_VERIFY, "verify" },
};

/* As --role has it, or several with commas. */
static const char *
words(uint32_t of, char to[ROLES_MAX])
{
	size_t i, n = 0;

	if (of == REPO_ROLE_ALL)
		return "all";
	to[0] = '\0';
	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (of & roles[i].role)
			n += (size_t)snprintf(to + n, ROLES_MAX - n, "%s%s",
			    n > 0 ? "," : "", roles[i].word);
	return to;
}

/* As many as `list` shows without options. */
static size_t
count(const struct repo_catalogue *cat, const uint8_t fp[])
{
	const struct repo_backup *b;
	size_t i, n = 0;

	for (i = 0; i < cat->n; i++) {
		b = &cat->backups[i];
		n += !b->removed && b->m.kind != REPO_LOG &&
		     memcmp(b->m.writer, fp, SIGN_FINGERPRINT_LEN) == 0;
	}
	return n;
}

static const char *
when(int64_t ms, char to[TIME_TEXT_MAX])
{
	return ms == 0 ? NULL : time_format(ms / 1000 * 1000, to);
}

static int
answer(struct ctx *ctx, const struct repo_catalogue *cat,
    const struct repo_certified *w, struct err *err)
{
	char hex[2 * SIGN_FINGERPRINT_LEN + 1], pk[2 * SIGN_PUBLIC_LEN + 1];
	char text[ROLES_MAX], added[TIME_TEXT_MAX], ends[TIME_TEXT_MAX];
	char revoked[TIME_TEXT_MAX];
	const char *since = when(w->cert.created_ms, added);
	const char *until = when(w->cert.expires_ms, ends);
	const char *gone = when(w->revoked_ms, revoked);
	const char *role = words(w->cert.roles, text);
	size_t n = count(cat, w->fingerprint);

	(void)str_hex(hex, w->fingerprint, SIGN_FINGERPRINT_LEN);
	ctx_print(ctx, "%s  %-16s %-12s %-20s  %-20s  %-20s  %7zu", hex,
	    w->cert.name, role, since != NULL ? since : "-",
	    until != NULL ? until : "-", gone != NULL ? gone : "-", n);
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:I}",
		"fingerprint", hex, "public",
		str_hex(pk, w->cert.pk, SIGN_PUBLIC_LEN), "name", w->cert.name,
		"role", role, "added", since, "until", until, "revoked", gone,
		"backups", (json_int_t)n),
	    err);
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { .keyless = true };
	size_t i;
	int rc;

	(void)argc, (void)argv;
	if ((rc = cmd_opened_catalogue(ctx, STORE_READ, &o, err)) < 0)
		return rc;
	ctx_print(ctx, "%-*s  %-16s %-12s %-20s  %-20s  %-20s  %s",
	    2 * SIGN_FINGERPRINT_LEN, "FINGERPRINT", "NAME", "ROLE", "ADDED",
	    "UNTIL", "REVOKED", "BACKUPS");
	for (i = 0; i < o.cat.nwriters; i++)
		if ((rc = answer(ctx, &o.cat, &o.cat.writers[i], err)) < 0)
			return rc;
	return cmd_opened_whole(&o, err);
}

static const struct cmd_example examples[] = {
	{ "holdfast writer list", "who may write, and until when" },
	{ 0 },
};

extern const struct cmd cmd_writer_list;
const struct cmd cmd_writer_list = {
	.name = "writer list",
	.summary = "List the hosts that are or were certified",
	.about =
	    "Lists every host with a certificate: its fingerprint and name, "
	    "what it may do, since when and until when, when it was revoked, "
	    "and how many backups of it there are.  It needs no key.  The "
	    "exit status is that of `list`.",
	.examples = examples,
	.flags = CMD_REPO,
	.run = run,
};
