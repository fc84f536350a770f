#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "base/time.h"
#include "cmd/cmd.h"
#include "cmd/cmd_doc.h"
#include "config/config_option.h"

const char cmd_doc_summary[] = "encrypted backups that prove themselves";
const char cmd_doc_about[] =
    "holdfast reads something alive (a source: a folder, a stream, an etcd "
    "cluster), seals it under keys that only their owner can open, stores it "
    "as objects that never change in storage that the owner controls (a "
    "repository in a folder or a bucket), and proves that it can be brought "
    "back.";

const char cmd_doc_example[] =
    "keys:\n"
    "  site: { type: file, path: /etc/holdfast/site.key }\n"
    "repositories:\n"
    "  main:\n"
    "    url: s3://backups/prod\n"
    "    keys: [site]\n"
    "    retention: { keep_daily: 7, keep_weekly: 5 }\n"
    "sources:\n"
    "  node1: { type: tree, path: /srv/node1, repository: main }\n";

static const struct cmd_doc_row env_rows[] = {
	{ "XDG_CONFIG_HOME", "where this user's configuration is; ~/.config "
			     "if it is not set" },
	{ "XDG_STATE_HOME", "where this user's local state is; "
			    "~/.local/state if it is not set" },
	{ "TMPDIR", "where large things wait in files without a name, "
		    "encrypted; /var/tmp if it is not set" },
	{ "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, "
	  "AWS_PROFILE, AWS_REGION",
	    "credentials for S3, if neither the command line nor the "
	    "configuration has them" },
};

static const struct cmd_doc_row file_rows[] = {
	{ "$XDG_CONFIG_HOME/holdfast/holdfast.yaml",
	    "the configuration of this user" },
	{ "/etc/holdfast/holdfast.yaml", "the configuration, if the user has "
					 "none" },
	{ "$XDG_CONFIG_HOME/holdfast/holdfast.key",
	    "the key that is used if none is named; init makes it" },
	{ "$XDG_STATE_HOME/holdfast, or /var/lib/holdfast for root",
	    "local state: this host's signing key, the root fingerprints "
	    "that it remembers, and what its last backups had; losing it "
	    "costs a new certificate and a full backup, never a backup" },
};

static const struct cmd_doc_part parts[] = {
	{ "At the top", OPTION_IN_FILE, "For every command." },
	{ "keys", OPTION_IN_KEY,
	    "A map of names to keys; each has a type and the words of that "
	    "type." },
	{ "repositories", OPTION_IN_REPO,
	    "A map of names to repositories; the scheme of the url says which "
	    "words it takes." },
	{ "retention", OPTION_IN_RETENTION,
	    "In a repository: which backups prune keeps.  A backup stays if "
	    "any of these keeps it." },
	{ "sources", OPTION_IN_SOURCE,
	    "A map of names to sources; each has a type and the words of that "
	    "type." },
};

#define AT(rows, i) ((i) < sizeof(rows) / sizeof((rows)[0]) ? &(rows)[i] : NULL)

const struct cmd_doc_row *
cmd_doc_env(size_t i)
{
	return AT(env_rows, i);
}

const struct cmd_doc_row *
cmd_doc_file(size_t i)
{
	return AT(file_rows, i);
}

const struct cmd_doc_part *
cmd_doc_part(size_t i)
{
	return AT(parts, i);
}

/* Every option of a command is in the first group that has its place. */
static const struct {
	const char *title;
	unsigned places;
} groups[] = {
	{ "General options", OPTION_ALWAYS },
	{ "Options of repositories", OPTION_IN_REPO },
	{ "Options of sources", OPTION_IN_SOURCE },
	{ "What to keep", OPTION_IN_RETENTION },
	{ "Options", ~0U },
};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

/*
 * The groups are shown from the last to the first: the command's own options
 * before the general ones.
 */
const char *
cmd_doc_group(size_t i)
{
	return i < GROUPS ? groups[GROUPS - 1 - i].title : NULL;
}

static size_t
group_of(const struct config_option *o)
{
	size_t g = 0;

	while (!(groups[g].places & o->places))
		g++;
	return GROUPS - 1 - g;
}

const struct config_option *
cmd_doc_option(const struct cmd *cmd, size_t group, size_t i)
{
	const struct config_option *o;
	size_t row;

	for (row = 0; (o = cmd_row(cmd, row)) != NULL; row++)
		if (cmd_takes(cmd, o) && group_of(o) == group && i-- == 0)
			return o;
	return NULL;
}

char *
cmd_doc_usage(const struct config_option *o, char *to)
{
	char flag[OPTION_FLAG_MAX], letter[8] = "    ";

	if (o->letter != 0)
		(void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	(void)snprintf(to, CMD_DOC_MAX, "%s%s%s%s", letter,
	    config_option_flag(o, flag), o->arg != NULL ? " " : "",
	    o->arg != NULL ? o->arg : "");
	return to;
}

char *
cmd_doc_word(const struct config_option *o, char *to)
{
	const char *value = o->arg != NULL           ? o->arg
			    : o->type == OPTION_FLAG ? "true|false"
						     : "{...}";

	(void)snprintf(to, CMD_DOC_MAX, o->list ? "%s: [%s, ...]" : "%s: %s",
	    config_option_word(o), value);
	return to;
}

static void
format_range(const struct config_option *o, char *to, size_t n)
{
	char min[TIME_TEXT_MAX], max[TIME_TEXT_MAX];

	if (o->type == OPTION_INTEGER)
		(void)snprintf(
		    to, n, "%" PRId64 " to %" PRId64, o->min, o->max);
	else if (o->type == OPTION_SIZE)
		(void)snprintf(to, n, "%s to %s",
		    size_format((uint64_t)o->min, min),
		    size_format((uint64_t)o->max, max));
	else
		(void)snprintf(
		    to, n, "at least %s", duration_format(o->min, min));
}

char *
cmd_doc_help(const struct config_option *o, bool line, char *to)
{
	char range[2 * TIME_TEXT_MAX + 8];
	int n;

#define ADD(...) n += snprintf(to + n, CMD_DOC_MAX - (size_t)n, __VA_ARGS__)
	n = snprintf(to, CMD_DOC_MAX, "%s", o->help);
	if (o->only != NULL)
		ADD(" [%s]", o->only);
	if (o->values != NULL)
		ADD("; or one of: %s", o->values);
	/* A limit that only keeps numbers sane is not worth mentioning. */
	if (o->max != 0 && o->max != 1000000 && o->max != INT64_MAX) {
		format_range(o, range, sizeof(range));
		ADD("; %s", range);
	}
	if (o->list && line)
		ADD("; may be repeated");
	if (o->fallback != NULL)
		ADD("; default %s", o->fallback);
	if (o->env != NULL)
		ADD("; also %s", o->env);
#undef ADD
	return to;
}
