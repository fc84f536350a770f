#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "cmd/cmd.h"
#include "cmd/cmd_doc.h"
#include "cmd/cmd_man.h"
#include "config/config_option.h"

/*
 * Manual pages out of the tables, for man(7) of groff and mandoc.
 */

/* Write text as roff prints it: without escapes and requests. */
static void
text(FILE *f, const char *s)
{
	bool start = true;

	for (; *s != '\0'; s++) {
		if (strncmp(s, "\n\n", 2) == 0) {
			fputs("\n.PP\n", f);
			s++;
			start = true;
			continue;
		}
		/* At the start of a line these two begin a request. */
		if (start && (*s == '.' || *s == '\''))
			fputs("\\&", f);
		start = *s == '\n';
		if (*s == '\\')
			fputs("\\e", f);
		else if (*s == '-')
			fputs("\\-", f);
		else if (*s == '\'')
			fputs("\\(aq", f);
		else if (*s == '"')
			fputs("\\(dq", f);
		else
			fputc(*s, f);
	}
}

static void
line(FILE *f, const char *request, const char *s)
{
	fputs(request, f);
	text(f, s);
	fputc('\n', f);
}

/* A term in bold with its explanation. */
static void
term(FILE *f, const char *left, const char *right)
{
	fputs(".TP\n\\fB", f);
	text(f, left);
	fputs("\\fR\n", f);
	line(f, "", right);
}

/* "holdfast-key-add" */
static void
page_name(const struct cmd *cmd, char *to, size_t n)
{
	char *s;

	(void)snprintf(to, n, "holdfast%s%s", cmd != NULL ? "-" : "",
	    cmd != NULL ? cmd->name : "");
	for (s = to; *s != '\0'; s++)
		if (*s == ' ')
			*s = '-';
}

static void
head(FILE *f, const char *name, const char *section, const char *summary)
{
	fprintf(f, ".TH \"%s\" \"%s\" \"\" \"holdfast %s\"\n.SH NAME\n", name,
	    section, HOLDFAST_VERSION);
	text(f, name);
	fputs(" \\- ", f);
	line(f, "", summary);
}

static void
options(FILE *f, const struct cmd *cmd)
{
	char left[CMD_DOC_MAX], right[CMD_DOC_MAX];
	const struct config_option *o;
	const char *usage;
	size_t g, i;

	fputs(".SH OPTIONS\n", f);
	for (g = 0; cmd_doc_group(g) != NULL; g++) {
		if (cmd_doc_option(cmd, g, 0) == NULL)
			continue;
		line(f, ".SS ", cmd_doc_group(g));
		for (i = 0; (o = cmd_doc_option(cmd, g, i)) != NULL; i++) {
			usage = cmd_doc_usage(o, left);
			term(f, usage + strspn(usage, " "),
			    cmd_doc_help(o, true, right));
		}
	}
}

static void
types(FILE *f, const char *title, enum option_place place)
{
	const struct config_type *t;
	size_t i;

	line(f, ".SS ", title);
	for (i = 0; (t = config_type_at(i)) != NULL; i++)
		if (t->place == place)
			term(f, t->form, t->help);
}

static void
statuses(FILE *f)
{
	const struct err_class *c;
	char status[16];
	int i;

	fputs(".SH EXIT STATUS\n.TP\n\\fB0\\fR\ndone\n", f);
	for (i = 0; (c = err_class_at(i)) != NULL; i++) {
		(void)snprintf(status, sizeof(status), "%d", c->exit_status);
		fputs(".TP\n\\fB", f);
		text(f, status);
		fputs("\\fR ", f);
		fprintf(f, "(%s)\n", c->word);
		line(f, "", c->about);
	}
}

static void
environment(FILE *f)
{
	const struct config_option *o;
	const struct cmd_doc_row *r;
	size_t i;

	fputs(".SH ENVIRONMENT\n", f);
	for (i = 0; (o = config_option_at(i)) != NULL; i++)
		if (o->env != NULL)
			term(f, o->env, o->help);
	for (i = 0; (r = cmd_doc_env(i)) != NULL; i++)
		term(f, r->name, r->what);
	fputs(".SH FILES\n", f);
	for (i = 0; (r = cmd_doc_file(i)) != NULL; i++)
		term(f, r->name, r->what);
}

static void
command(FILE *f, const struct cmd *cmd)
{
	const struct cmd_example *e;

	fputs(".SH SYNOPSIS\n\\fBholdfast ", f);
	text(f, cmd->name);
	fputs("\\fR [\\fIOPTION\\fR...] ", f);
	line(f, "", cmd->args != NULL ? cmd->args : "");
	if (cmd->about != NULL)
		line(f, ".SH DESCRIPTION\n", cmd->about);
	if (cmd->examples != NULL)
		fputs(".SH EXAMPLES\n", f);
	for (e = cmd->examples; e != NULL && e->line != NULL; e++)
		term(f, e->line, e->what);
	if (cmd->flags & CMD_REPO)
		types(f, "Places of repositories", OPTION_IN_REPO);
	if (cmd->flags & CMD_SOURCE)
		types(f, "Sources", OPTION_IN_SOURCE);
	if (cmd->flags & (CMD_REPO | CMD_KEY))
		types(f, "Keys", OPTION_IN_KEY);
	options(f, cmd);
	fputs(".SH SEE ALSO\n.BR holdfast (1),\n.BR holdfast.yaml (5)\n", f);
}

static void
program(FILE *f)
{
	size_t i;

	fputs(".SH SYNOPSIS\n\\fBholdfast\\fR \\fICOMMAND\\fR "
	      "[\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n",
	    f);
	line(f, ".SH DESCRIPTION\n", cmd_doc_about);
	fputs(".SH COMMANDS\n", f);
	for (i = 0; cmd_table[i] != NULL; i++)
		term(f, cmd_table[i]->name, cmd_table[i]->summary);
	options(f, NULL);
	fputs(".SH WHERE AND WITH WHAT\n", f);
	types(f, "Places of repositories", OPTION_IN_REPO);
	types(f, "Sources", OPTION_IN_SOURCE);
	types(f, "Keys", OPTION_IN_KEY);
	statuses(f);
	environment(f);
	fputs(".SH SEE ALSO\n.BR holdfast.yaml (5)\n", f);
}

void
cmd_man_print(FILE *f, const struct cmd *cmd)
{
	char name[64];

	page_name(cmd, name, sizeof(name));
	head(f, name, "1", cmd != NULL ? cmd->summary : cmd_doc_summary);
	if (cmd != NULL)
		command(f, cmd);
	else
		program(f);
}

void
cmd_man_config(FILE *f)
{
	char left[CMD_DOC_MAX], right[CMD_DOC_MAX];
	const struct cmd_doc_part *p;
	const struct config_option *o;
	size_t i, j;

	head(f, "holdfast.yaml", "5", "the configuration of holdfast");
	line(f, ".SH DESCRIPTION\n",
	    "One document of YAML.  Unknown and duplicate words, anchors, "
	    "aliases and tags are refused.  Secrets are never in it: a REF "
	    "is file:/PATH, env:NAME or fd:N.");
	for (i = 0; (p = cmd_doc_part(i)) != NULL; i++) {
		line(f, ".SH ", p->title);
		line(f, "", p->about);
		for (j = 0; (o = config_option_at(j)) != NULL; j++)
			if (o->places & p->place)
				term(f, cmd_doc_word(o, left),
				    cmd_doc_help(o, false, right));
	}
	fputs(".SH EXAMPLE\n.nf\n", f);
	text(f, cmd_doc_example);
	fputs(".fi\n", f);
	fputs(".SH SEE ALSO\n.BR holdfast (1)\n", f);
}
