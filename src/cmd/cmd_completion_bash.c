#include <string.h>

#include "cmd/cmd.h"
#include "cmd/cmd_completion.h"
#include "config/config_option.h"

/* For bash 4 and later; bash-completion is not needed. */

static void
flags_of(FILE *f, const struct cmd *cmd)
{
	char flag[OPTION_FLAG_MAX];
	const struct config_option *o;
	size_t i;

	for (i = 0; (o = cmd_row(cmd, i)) != NULL; i++) {
		if (!cmd_takes(cmd, o))
			continue;
		fprintf(f, " %s", config_option_flag(o, flag));
		if (o->letter != 0)
			fprintf(f, " -%c", o->letter);
	}
}

/* "--repo | -r", for a case. */
static void
pattern(FILE *f, const struct config_option *o)
{
	char flag[OPTION_FLAG_MAX];

	fputs(config_option_flag(o, flag), f);
	if (o->letter != 0)
		fprintf(f, " | -%c", o->letter);
}

static bool
takes_value(const struct config_option *o)
{
	return (o->places & OPTION_ON_LINE) && o->type != OPTION_FLAG;
}

/* Find the command among the words before the cursor. */
static void
find_command(FILE *f)
{
	const struct config_option *o;
	const char *tail;
	char head[64];
	size_t i, j;

	fputs("\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase ${COMP_WORDS[i - 1]} in\n\t\t",
	    f);
	for (i = j = 0; (o = config_option_at(i)) != NULL; i++) {
		if (!takes_value(o))
			continue;
		fputs(j++ > 0 ? " | " : "", f);
		pattern(f, o);
	}
	fputs(") continue ;;\n\t\tesac\n"
	      "\t\tcase $cmd,${COMP_WORDS[i]} in\n",
	    f);
	for (i = 0; cmd_completion_head(i, head, sizeof(head)); i++) {
		fprintf(f, "\t\t,%s) cmd=%s ;;\n", head, head);
		for (j = 0; cmd_table[j] != NULL; j++)
			if ((tail = cmd_completion_tail(cmd_table[j], head)))
				fprintf(f, "\t\t%s,%s) cmd='%s' ;;\n", head,
				    tail, cmd_table[j]->name);
	}
	fputs("\t\tesac\n\tdone\n", f);
}

/* Complete the value of the option before the cursor. */
static void
complete_value(FILE *f)
{
	const struct config_option *o;
	size_t i;

	fputs("\tcase $prev in\n", f);
	for (i = 0; (o = config_option_at(i)) != NULL; i++) {
		if (!takes_value(o))
			continue;
		fputc('\t', f);
		pattern(f, o);
		if (cmd_completion_is_path(o)) {
			fputs(") mapfile -t COMPREPLY < <(compgen -f -- "
			      "\"$cur\"); return ;;\n",
			    f);
			continue;
		}
		fputs(") mapfile -t COMPREPLY < <(compgen -W '", f);
		cmd_completion_values(f, o);
		fputs("' -- \"$cur\"); return ;;\n", f);
	}
	fputs("\tesac\n", f);
}

static void
complete_word(FILE *f)
{
	const struct cmd *cmd;
	const char *tail;
	char head[64];
	size_t i, j;

	fputs("\tcase $cmd in\n\t'') words='", f);
	for (i = 0; cmd_completion_head(i, head, sizeof(head)); i++)
		fprintf(f, "%s ", head);
	flags_of(f, NULL);
	fputs("' ;;\n", f);
	for (i = 0; cmd_completion_head(i, head, sizeof(head)); i++) {
		fprintf(f, "\t%s) words='", head);
		for (j = 0; cmd_table[j] != NULL; j++)
			if ((tail = cmd_completion_tail(cmd_table[j], head)))
				fprintf(f, "%s ", tail);
		if ((cmd = cmd_find(head)) != NULL)
			flags_of(f, cmd);
		fputs("' ;;\n", f);
	}
	for (i = 0; (cmd = cmd_table[i]) != NULL; i++) {
		if (strchr(cmd->name, ' ') == NULL)
			continue;
		fprintf(f, "\t'%s') words='", cmd->name);
		flags_of(f, cmd);
		fputs("' ;;\n", f);
	}
	fputs("\tesac\n", f);
}

void
cmd_completion_bash(FILE *f)
{
	fputs("# bash completion, printed by `holdfast completion bash`.\n"
	      "_holdfast() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n"
	      "\tlocal prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	      "\tlocal cmd='' words='' i\n",
	    f);
	find_command(f);
	complete_value(f);
	complete_word(f);
	fputs("\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	      "}\n"
	      "complete -o default -F _holdfast holdfast\n",
	    f);
}
