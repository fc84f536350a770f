#include <string.h>

#include "cmd/cmd.h"
#include "cmd/cmd_completion.h"
#include "config/config_option.h"

/* For zsh's _arguments. */

#define SPECIAL "[]:\\"

/* '*--key=[help]:NAME|KEY:(file\: ...)' */
static void
spec(FILE *f, const struct config_option *o, const char *flag)
{
	fprintf(f, " \\\n\t\t'%s%s%s[", o->list ? "*" : "", flag,
	    o->type == OPTION_FLAG ? ""
	    : flag[1] == '-'       ? "="
				   : "+");
	cmd_completion_quote(f, o->help, SPECIAL);
	fputc(']', f);
	if (o->type != OPTION_FLAG) {
		fputc(':', f);
		cmd_completion_quote(f, o->arg, SPECIAL);
		fputc(':', f);
		if (cmd_completion_is_path(o))
			fputs("_files", f);
	}
	fputc('\'', f);
}

static void
specs(FILE *f, const struct cmd *cmd)
{
	char flag[OPTION_FLAG_MAX], letter[3] = "-?";
	const struct config_option *o;
	size_t i;

	for (i = 0; (o = cmd_row(cmd, i)) != NULL; i++) {
		if (!cmd_takes(cmd, o))
			continue;
		spec(f, o, config_option_flag(o, flag));
		letter[1] = o->letter;
		if (o->letter != 0)
			spec(f, o, letter);
	}
}

static void
describe(FILE *f, const char *word, const char *summary)
{
	fprintf(f, "\t\t'%s:", word);
	cmd_completion_quote(f, summary, SPECIAL);
	fputs("'\n", f);
}

/* The words behind a first word that begins several commands. */
static void
second_words(FILE *f, const char *head)
{
	const char *tail;
	size_t i;

	for (i = 0; cmd_table[i] != NULL; i++)
		if ((tail = cmd_completion_tail(cmd_table[i], head)) != NULL)
			fprintf(f, " %s", tail);
}

static bool
has_second_word(const char *head)
{
	size_t i;

	for (i = 0; cmd_table[i] != NULL; i++)
		if (cmd_completion_tail(cmd_table[i], head) != NULL)
			return true;
	return false;
}

static void
commands(FILE *f)
{
	const struct cmd *cmd;
	char head[64];
	size_t i;

	fputs("\tcommands=(\n", f);
	for (i = 0; cmd_completion_head(i, head, sizeof(head)); i++) {
		cmd = cmd_find(head);
		describe(
		    f, head, cmd != NULL ? cmd->summary : "Several commands");
	}
	fputs("\t)\n", f);
}

static void
arguments(FILE *f)
{
	char head[64];
	size_t i;

	fputs("\tcmd=$words[1]\n\tcase $cmd in\n", f);
	for (i = 0; cmd_completion_head(i, head, sizeof(head)); i++) {
		if (!has_second_word(head))
			continue;
		fprintf(f,
		    "\t%s)\n\t\tif (( CURRENT == 2 )); then\n"
		    "\t\t\tcompadd --",
		    head);
		second_words(f, head);
		fputs("\n\t\t\treturn\n\t\tfi\n"
		      "\t\tcmd=\"$cmd $words[2]\"\n"
		      "\t\tshift words\n\t\t(( CURRENT-- ))\n\t\t;;\n",
		    f);
	}
	fputs("\tesac\n\tcase $cmd in\n", f);
	for (i = 0; cmd_table[i] != NULL; i++) {
		fprintf(f, "\t'%s')\n\t\t_arguments", cmd_table[i]->name);
		specs(f, cmd_table[i]);
		fputs(" \\\n\t\t'*:argument:_files'\n\t\t;;\n", f);
	}
	fputs("\tesac\n", f);
}

void
cmd_completion_zsh(FILE *f)
{
	fputs("#compdef holdfast\n"
	      "# zsh completion, printed by `holdfast completion zsh`.\n"
	      "_holdfast() {\n"
	      "\tlocal context state state_descr line cmd\n"
	      "\tlocal -a commands\n"
	      "\ttypeset -A opt_args\n",
	    f);
	commands(f);
	fputs("\t_arguments -C", f);
	specs(f, NULL);
	fputs(" \\\n\t\t'1:command:->command' "
	      "\\\n\t\t'*::argument:->argument' && return\n"
	      "\tif [[ $state == command ]]; then\n"
	      "\t\t_describe command commands\n"
	      "\t\treturn\n\tfi\n",
	    f);
	arguments(f);
	fputs("}\n_holdfast \"$@\"\n", f);
}
