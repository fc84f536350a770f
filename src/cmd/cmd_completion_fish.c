#include <string.h>

#include "cmd/cmd.h"
#include "cmd/cmd_completion.h"
#include "config/config_option.h"

/* For fish 3 and later. */

#define SPECIAL "\\"

static void
option(FILE *f, const struct config_option *o, const char *condition)
{
	char flag[OPTION_FLAG_MAX];

	fputs("complete -c holdfast", f);
	if (condition[0] != '\0')
		fprintf(f, " -n '%s'", condition);
	fprintf(f, " -l %s", config_option_flag(o, flag) + 2);
	if (o->letter != 0)
		fprintf(f, " -s %c", o->letter);
	if (cmd_completion_is_path(o))
		fputs(" -r -F", f);
	else if (o->type != OPTION_FLAG) {
		fputs(" -x -a '", f);
		cmd_completion_values(f, o);
		fputc('\'', f);
	}
	fputs(" -d '", f);
	cmd_completion_quote(f, o->help, SPECIAL);
	fputs("'\n", f);
}

static void
word(FILE *f, const char *condition, const char *w, const char *summary)
{
	fprintf(f, "complete -c holdfast -n '%s' -a %s -d '", condition, w);
	cmd_completion_quote(f, summary, SPECIAL);
	fputs("'\n", f);
}

static void
command(FILE *f, const struct cmd *cmd)
{
	const struct config_option *o;
	const char *tail = strchr(cmd->name, ' ');
	char seen[160];
	size_t i;

	if (tail == NULL)
		(void)snprintf(seen, sizeof(seen),
		    "__fish_seen_subcommand_from %s", cmd->name);
	else
		(void)snprintf(seen, sizeof(seen),
		    "__fish_seen_subcommand_from %.*s; and "
		    "__fish_seen_subcommand_from %s",
		    (int)(tail - cmd->name), cmd->name, tail + 1);
	for (i = 0; (o = cmd_row(cmd, i)) != NULL; i++)
		if (cmd_takes(cmd, o) && !(o->places & OPTION_ALWAYS))
			option(f, o, seen);
}

void
cmd_completion_fish(FILE *f)
{
	const struct config_option *o;
	const struct cmd *cmd;
	const char *tail;
	char head[64], seen[96];
	size_t i, j;

	fputs("# fish completion, printed by `holdfast completion fish`.\n", f);
	for (i = 0; cmd_completion_head(i, head, sizeof(head)); i++) {
		cmd = cmd_find(head);
		word(f, "__fish_use_subcommand", head,
		    cmd != NULL ? cmd->summary : "Several commands");
		(void)snprintf(
		    seen, sizeof(seen), "__fish_seen_subcommand_from %s", head);
		for (j = 0; (cmd = cmd_table[j]) != NULL; j++)
			if ((tail = cmd_completion_tail(cmd, head)) != NULL)
				word(f, seen, tail, cmd->summary);
	}
	for (i = 0; (o = config_option_at(i)) != NULL; i++)
		if (o->places & OPTION_ALWAYS)
			option(f, o, "");
	for (i = 0; cmd_table[i] != NULL; i++)
		command(f, cmd_table[i]);
}
