#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_doc.h"
#include "cmd/cmd_help.h"
#include "config/config_option.h"

/*
 * Help for a terminal, out of the tables.
 */

#define WIDTH 79
#define COLUMN 30

/* Print ${text} in lines of at most WIDTH, all but the first indented. */
static void
fill(FILE *f, size_t column, size_t indent, const char *text)
{
	size_t n, at = column;

	while (*text != '\0') {
		n = strcspn(text, " \n");
		if (at > indent && at + 1 + n > WIDTH) {
			fprintf(f, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			fputc(' ', f);
			at++;
		}
		at += fwrite(text, 1, n, f);
		text += n;
		if (strncmp(text, "\n\n", 2) == 0) {
			fprintf(f, "\n\n%*s", (int)indent, "");
			at = indent;
		}
		text += strspn(text, " \n");
	}
	fputc('\n', f);
}

/* "  left         text that goes on below itself" */
static void
row(FILE *f, size_t column, const char *left, const char *text)
{
	size_t n = strlen(left);

	fprintf(f, "  %s", left);
	if (n + 3 > column)
		fprintf(f, "\n%*s", (int)column, "");
	else
		fprintf(f, "%*s", (int)(column - n - 2), "");
	fill(f, column, column, text);
}

static void
print_options(FILE *f, const struct cmd *cmd)
{
	char left[CMD_DOC_MAX], text[CMD_DOC_MAX];
	const struct config_option *o;
	size_t g, i;

	for (g = 0; cmd_doc_group(g) != NULL; g++) {
		if (cmd_doc_option(cmd, g, 0) == NULL)
			continue;
		fprintf(f, "\n%s:\n", cmd_doc_group(g));
		for (i = 0; (o = cmd_doc_option(cmd, g, i)) != NULL; i++)
			row(f, COLUMN, cmd_doc_usage(o, left),
			    cmd_doc_help(o, true, text));
	}
}

static void
print_types(FILE *f, unsigned places)
{
	const struct config_type *t;
	size_t i;

	for (i = 0; (t = config_type_at(i)) != NULL; i++)
		if (t->place & places)
			row(f, COLUMN, t->form, t->help);
}

static void
print_forms(FILE *f, const struct cmd *cmd)
{
	if (cmd->flags & CMD_REPO) {
		fputs("\nPlaces of repositories:\n", f);
		print_types(f, OPTION_IN_REPO);
	}
	if (cmd->flags & CMD_SOURCE) {
		fputs("\nSources:\n", f);
		print_types(f, OPTION_IN_SOURCE);
	}
	if (cmd->flags & (CMD_REPO | CMD_KEY)) {
		fputs("\nKeys:\n", f);
		print_types(f, OPTION_IN_KEY);
	}
}

static void
print_command(FILE *f, const struct cmd *cmd)
{
	const struct cmd_example *e;

	fprintf(f, "Usage: holdfast %s [OPTION...]%s%s\n\n%s.\n", cmd->name,
	    cmd->args != NULL ? " " : "", cmd->args != NULL ? cmd->args : "",
	    cmd->summary);
	if (cmd->about != NULL) {
		fputc('\n', f);
		fill(f, 0, 0, cmd->about);
	}
	if (cmd->examples != NULL)
		fputs("\nExamples:\n", f);
	for (e = cmd->examples; e != NULL && e->line != NULL; e++)
		fprintf(f, "  %s\n      %s\n", e->line, e->what);
	print_forms(f, cmd);
	print_options(f, cmd);
}

static void
print_program(FILE *f)
{
	size_t i;

	fprintf(f,
	    "Usage: holdfast COMMAND [OPTION...] [ARGUMENT...]\n\n"
	    "holdfast: %s\n\nCommands:\n",
	    cmd_doc_summary);
	for (i = 0; cmd_table[i] != NULL; i++)
		row(f, 16, cmd_table[i]->name, cmd_table[i]->summary);
	print_options(f, NULL);
	fputs("\n'holdfast help COMMAND' explains one, 'holdfast help config' "
	      "the file.\n",
	    f);
}

static int
print_json(struct ctx *ctx, const struct cmd *cmd, struct err *err)
{
	json_auto_t *commands = json_array(), *options = NULL;
	char flag[OPTION_FLAG_MAX];
	const struct config_option *o;
	size_t i;

	for (i = 0; cmd == NULL && cmd_table[i] != NULL; i++)
		(void)json_array_append_new(commands,
		    json_pack("{s:s, s:s}", "name", cmd_table[i]->name,
			"summary", cmd_table[i]->summary));
	options = json_array();
	for (i = 0; (o = config_option_at(i)) != NULL; i++)
		if (cmd_takes(cmd, o))
			(void)json_array_append_new(options,
			    json_pack("{s:s, s:s*, s:s, s:b}", "name",
				config_option_flag(o, flag), "value", o->arg,
				"help", o->help, "list", (int)o->list));
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:O, s:O}", "name",
		cmd != NULL ? cmd->name : "holdfast", "summary",
		cmd != NULL ? cmd->summary : cmd_doc_summary, "commands",
		commands, "options", options),
	    err);
}

int
cmd_help_print(struct ctx *ctx, const struct cmd *cmd, struct err *err)
{
	if (ctx_json_wanted(ctx))
		return print_json(ctx, cmd, err);
	if (cmd != NULL)
		print_command(ctx_out(ctx), cmd);
	else
		print_program(ctx_out(ctx));
	return 0;
}

void
cmd_help_config(struct ctx *ctx)
{
	const struct cmd_doc_part *p;
	char left[CMD_DOC_MAX], text[CMD_DOC_MAX];
	const struct config_option *o;
	FILE *f = ctx_out(ctx);
	size_t i, j;

	fputs("The configuration is one document of YAML.  Secrets are never "
	      "in it: a REF is\nfile:/PATH, env:NAME or fd:N.\n",
	    f);
	for (i = 0; (p = cmd_doc_part(i)) != NULL; i++) {
		fprintf(f, "\n%s:\n", p->title);
		fill(f, 0, 0, p->about);
		for (j = 0; (o = config_option_at(j)) != NULL; j++) {
			if (!(o->places & p->place))
				continue;
			row(f, COLUMN, cmd_doc_word(o, left),
			    cmd_doc_help(o, false, text));
		}
	}
	fprintf(f, "\nExample:\n%s", cmd_doc_example);
}

void
cmd_help_version(struct ctx *ctx)
{
	struct err ignored = ERR_INIT;

	ctx_print(ctx, "holdfast %s", HOLDFAST_VERSION);
	(void)ctx_json(
	    ctx, json_pack("{s:s}", "version", HOLDFAST_VERSION), &ignored);
}
