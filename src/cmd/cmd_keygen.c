#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "cmd/cmd_ctx.h"
#include "crypto/secret.h"
#include "key/file/key_file.h"
#include "key/recipient/key_recipient.h"

/* Make a key, or a pair of keys. */

/*
 * Write the text to the file of --out, or print it.  An existing file is never
 * overwritten: a key that is lost takes with it all that it opens.
 */
static int
hand_out(struct ctx *ctx, const struct secret *text, struct err *err)
{
	const char *out = ctx_option(ctx, "out");
	const char *line = (const char *)secret_p(text);
	int rc;

	if (out == NULL) {
		ctx_print(ctx, "%.*s", (int)strcspn(line, "\n"), line);
		return 0;
	}
	rc = file_write_new(out, 0600, secret_p(text), secret_len(text), err);
	if (rc == -HF_EEXISTS)
		(void)err_hint(err, "a key is never overwritten: give another "
				    "name");
	return rc;
}

static void
advise(struct ctx *ctx, const char *what)
{
	ctx_note(ctx,
	    "\nKeep a copy of %s away from this machine and from the storage: "
	    "in a\nsafe, a password manager, on paper (it is one line).  "
	    "Without it nobody opens\nwhat was sealed, not even you.",
	    what);
}

static int
make_file(struct ctx *ctx, struct err *err)
{
	CLEANUP(freep_secret) struct secret *text = NULL;
	const char *out = ctx_option(ctx, "out");
	int rc;

	if ((rc = key_file_generate(&text, err)) < 0 ||
	    (rc = hand_out(ctx, text, err)) < 0)
		return rc;
	if (out != NULL)
		ctx_print(ctx, "key  file:%s", out);
	advise(ctx, "the key");
	return ctx_json(ctx,
	    json_pack("{s:s, s:s?, s:s?}", "type", "file", "path", out, "key",
		out == NULL ? (const char *)secret_p(text) : NULL),
	    err);
}

static int
make_pair(struct ctx *ctx, struct err *err)
{
	CLEANUP(freep_secret) struct secret *text = NULL;
	const char *out = ctx_option(ctx, "out");
	char public[KEY_RECIPIENT_TEXT_MAX];
	int rc;

	if ((rc = key_identity_generate(&text, public, err)) < 0 ||
	    (rc = hand_out(ctx, text, err)) < 0)
		return rc;
	if (out != NULL) {
		ctx_print(ctx, "identity   identity:%s", out);
		ctx_print(ctx, "recipient  recipient:%s", public);
	} else {
		ctx_note(ctx, "recipient  recipient:%s", public);
	}
	ctx_note(ctx, "\nThe recipient is no secret: give it to the hosts that "
		      "write.  Keep the identity,\nwhich opens what they "
		      "seal, away from them.");
	advise(ctx, "the identity");
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:s?, s:s?}", "type", "identity", "public",
		public, "path", out, "identity",
		out == NULL ? (const char *)secret_p(text) : NULL),
	    err);
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	(void)argc, (void)argv;
	if (ctx_flag(ctx, "recipient"))
		return make_pair(ctx, err);
	return make_file(ctx, err);
}

static const char *const options[] = { "out", "recipient", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast keygen --out /etc/holdfast/site.key",
	    "a key that seals and opens" },
	{ "holdfast keygen --recipient --out /media/usb/backup.id",
	    "a public half for the host, a private one for the safe" },
	{ 0 },
};

extern const struct cmd cmd_keygen;
const struct cmd cmd_keygen = {
	.name = "keygen",
	.summary = "Make a key",
	.about =
	    "Makes a new key and writes it to the file of --out, which nobody "
	    "else can read and which must not exist yet, or to standard "
	    "output.  It is used as file:PATH.\n\n"
	    "With --recipient the key has two halves.  The public one is "
	    "shown: recipient:hfr1... seals, and opens nothing.  The private "
	    "one is written: identity:PATH opens what the other has sealed.",
	.examples = examples,
	.options = options,
	.flags = CMD_NO_CONFIG,
	.run = run,
};
