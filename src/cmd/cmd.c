#include <string.h>

#include "base/err.h"
#include "base/suggest.h"
#include "cmd/cmd.h"
#include "config/config_option.h"

/* What a flag of a command brings along: places of rows, and single rows. */
static const struct {
	enum cmd_flags flag;
	unsigned places;
	const char *names[6];
} groups[] = {
	{ CMD_REPO, OPTION_IN_REPO,
	    { "repo", "key", "state_dir", "cache", "host" } },
	{ CMD_SOURCE, OPTION_IN_SOURCE, { "from", "source_name", "host" } },
	{ CMD_KEY, 0, { "key" } },
	{ CMD_RETENTION, OPTION_IN_RETENTION, { NULL } },
};

const struct cmd *
cmd_find(const char *name)
{
	size_t i;

	for (i = 0; cmd_table[i] != NULL; i++)
		if (strcmp(cmd_table[i]->name, name) == 0)
			return cmd_table[i];
	return NULL;
}

/* Return a command of two words whose first one is ${word}, or NULL. */
static const char *
two_words(const char *word)
{
	size_t i, len = strlen(word);

	for (i = 0; cmd_table[i] != NULL; i++)
		if (strncmp(cmd_table[i]->name, word, len) == 0 &&
		    cmd_table[i]->name[len] == ' ')
			return cmd_table[i]->name;
	return NULL;
}

int
cmd_unknown(const char *first, const char *second, struct err *err)
{
	const char *name = two_words(first);
	char typed[64];
	struct suggest s = { .typed = typed };
	size_t i;

	if (name != NULL && second == NULL) {
		(void)err_set(err, HF_EUSAGE,
		    "'%s' is only the first word of a command", first);
		return err_hint(err, "as in 'holdfast %s'", name);
	}
	(void)snprintf(typed, sizeof(typed), "%s%s%s", first,
	    name != NULL ? " " : "", name != NULL ? second : "");
	for (i = 0; cmd_table[i] != NULL; i++)
		suggest_offer(&s, cmd_table[i]->name);
	(void)err_set(err, HF_EUSAGE, "there is no command '%s'", typed);
	if (suggest_best(&s) != NULL)
		return err_hint(err, "did you mean '%s'?", suggest_best(&s));
	return err_hint(err, "'holdfast help' lists them");
}

static bool
lists(const char *const *names, const char *name)
{
	for (; names != NULL && *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

const struct config_option *
cmd_row(const struct cmd *cmd, size_t i)
{
	const struct config_option *o = cmd == NULL ? NULL : cmd->own;

	for (; o != NULL && o->name != NULL; o++)
		if (i-- == 0)
			return o;
	return config_option_at(i);
}

/*
 * Does it take the row as its own, or as a general one that none of its own
 * hides?
 */
static bool
takes_own(const struct cmd *cmd, const struct config_option *o)
{
	const struct config_option *own;

	for (own = cmd->own; own->name != NULL; own++)
		if (strcmp(own->name, o->name) == 0)
			return own == o;
	return o->places & OPTION_ALWAYS;
}

bool
cmd_takes(const struct cmd *cmd, const struct config_option *o)
{
	size_t i;

	if (!(o->places & OPTION_ON_LINE))
		return false;
	if (cmd != NULL && cmd->own != NULL)
		return takes_own(cmd, o);
	if (o->places & OPTION_ALWAYS)
		return true;
	if (cmd == NULL)
		return false;
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if ((cmd->flags & groups[i].flag) &&
		    ((o->places & groups[i].places) ||
			lists(groups[i].names, o->name)))
			return true;
	return lists(cmd->options, o->name);
}
