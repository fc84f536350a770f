#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/params.h"
#include "base/suggest.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_parse.h"
#include "config/config_option.h"

#define ROWS_MAX 200
#define LONG 256 /* getopt returns LONG + row, so that letters stay apart. */

/* The table of options in the form that getopt_long reads. */
struct table {
	struct option options[ROWS_MAX + 1];
	char flags[ROWS_MAX][OPTION_FLAG_MAX];
	char letters[3 * ROWS_MAX];
};

/*
 * May ${o} be on the command line?  As long as no command is known, it may be
 * an option of any.
 */
static bool
on_line(const struct cmd *own, const struct config_option *o)
{
	return own != NULL ? cmd_takes(own, o)
			   : (o->places & OPTION_ON_LINE) != 0;
}

static void
table_init(struct table *t, const struct cmd *own)
{
	const struct config_option *o;
	size_t i, n = 0;
	char *l = t->letters;

	*l++ = ':'; /* Tell a missing value from an unknown option. */
	for (i = 0; i < ROWS_MAX && (o = cmd_row(own, i)) != NULL; i++) {
		if (!on_line(own, o))
			continue;
		t->options[n++] = (struct option){
			.name = config_option_flag(o, t->flags[i]) + 2,
			.has_arg = o->type == OPTION_FLAG ? optional_argument
							  : required_argument,
			.val = LONG + (int)i,
		};
		if (o->letter == 0)
			continue;
		*l++ = o->letter;
		if (o->type != OPTION_FLAG || own != NULL)
			*l++ = ':';
		/* The other program is told so by "-u=false". */
		if (o->type == OPTION_FLAG && own != NULL)
			*l++ = ':';
	}
	t->options[n] = (struct option){ 0 };
	*l = '\0';
}

/* The row that getopt's ${val} means: a letter, or LONG + row. */
static const struct config_option *
row_of(const struct cmd *own, int val)
{
	const struct config_option *o;
	size_t i;

	if (val >= LONG)
		return cmd_row(own, (size_t)(val - LONG));
	for (i = 0; (o = cmd_row(own, i)) != NULL; i++)
		if (val != 0 && o->letter == val && on_line(own, o))
			return o;
	return NULL;
}

/* Refuse what was typed, and show it up to a '=': the value may be a secret. */
static int
unknown_option(const struct cmd *own, const char *typed, struct err *err)
{
	char flags[ROWS_MAX][OPTION_FLAG_MAX], word[OPTION_FLAG_MAX];
	struct suggest s = { .typed = word };
	const struct config_option *o;
	size_t i;

	if (strncmp(typed, "--", 2) == 0)
		(void)snprintf(word, sizeof(word), "%.*s",
		    (int)strcspn(typed, "="), typed);
	else
		(void)snprintf(word, sizeof(word), "-%c", optopt);
	for (i = 0; i < ROWS_MAX && (o = cmd_row(own, i)) != NULL; i++)
		if (on_line(own, o))
			suggest_offer(&s, config_option_flag(o, flags[i]));
	(void)err_set(err, HF_EUSAGE, "there is no option '%s'", word);
	if (strlen(word) > 2 && suggest_best(&s) != NULL)
		return err_hint(err, "did you mean '%s'?", suggest_best(&s));
	return err_hint(err, "'holdfast help COMMAND' lists them");
}

/* Translate the value of another program's flag into ours. */
static const char *
own_flag(const char *value)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "False" };
	size_t i;

	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcmp(value, yes[i]) == 0)
			return "true";
		if (strcmp(value, no[i]) == 0)
			return "false";
	}
	return value;
}

/* Keep one option of the line. */
static int
take_option(struct ctx *ctx, const struct cmd *own, bool letter,
    const struct config_option *o, struct err *err)
{
	const char *value = optarg != NULL ? optarg : "true";
	char flag[OPTION_FLAG_MAX];
	int rc;

	config_option_flag(o, flag);
	if (own != NULL && letter && optarg != NULL && value[0] == '=')
		value++;
	if (own != NULL && o->type == OPTION_FLAG)
		value = own_flag(value);
	if ((rc = config_option_check(o, flag, value, err)) < 0)
		return rc;
	if (o->list)
		return params_add(ctx_line(ctx), o->name, value, err);
	return params_set(ctx_line(ctx), o->name, value, err);
}

/* Read all options; getopt moves the other words to the end of ${argv}. */
static int
take_options(struct ctx *ctx, const struct cmd *own, int argc, char *argv[],
    struct err *err)
{
	const struct config_option *o;
	char flag[OPTION_FLAG_MAX];
	struct table table;
	int c, rc;

	table_init(&table, own);
	optind = 0; /* Of GNU: begin anew. */
	opterr = 0;
	while ((c = getopt_long(
		    argc, argv, table.letters, table.options, NULL)) != -1) {
		if (c == ':' && (o = row_of(own, optopt)) != NULL)
			return err_set(err, HF_EUSAGE,
			    "'%s' needs a value (%s)",
			    config_option_flag(o, flag), o->arg);
		if ((o = row_of(own, c)) == NULL)
			return unknown_option(own, argv[optind - 1], err);
		if ((rc = take_option(ctx, own, c < LONG, o, err)) < 0)
			return rc;
	}
	return 0;
}

/* Return how many words name the command in ${*ret}, or an error. */
static int
take_command(int argc, char *argv[], const struct cmd **ret, struct err *err)
{
	char two[64];

	*ret = NULL;
	if (argc == 0)
		return 0;
	if (argc > 1) {
		(void)snprintf(two, sizeof(two), "%s %s", argv[0], argv[1]);
		if ((*ret = cmd_find(two)) != NULL)
			return 2;
	}
	if ((*ret = cmd_find(argv[0])) != NULL)
		return 1;
	return cmd_unknown(argv[0], argc > 1 ? argv[1] : NULL, err);
}

static int
check_options(struct ctx *ctx, const struct cmd *cmd, struct err *err)
{
	const struct config_option *o;
	char flag[OPTION_FLAG_MAX];
	const char *name;
	size_t i;

	if (cmd != NULL && cmd->own != NULL)
		return 0; /* No others were known. */
	for (i = 0; (name = params_name(ctx_line(ctx), i)) != NULL; i++) {
		o = config_option_named(name);
		if (cmd_takes(cmd, o))
			continue;
		config_option_flag(o, flag);
		if (cmd == NULL)
			return err_set(
			    err, HF_EUSAGE, "'%s' needs a command", flag);
		(void)err_set(
		    err, HF_EUSAGE, "'%s' does not take '%s'", cmd->name, flag);
		return err_hint(err, "see 'holdfast help %s'", cmd->name);
	}
	return 0;
}

static int
check_count(const struct cmd *cmd, int n, char *argv[], struct err *err)
{
	if (n < cmd->min_args)
		(void)err_set(err, HF_EUSAGE, "'%s' needs %s%s", cmd->name,
		    cmd->min_args - n > 1 ? "the arguments " : "", cmd->args);
	else if (cmd->max_args >= 0 && n > cmd->max_args)
		(void)err_set(err, HF_EUSAGE, "'%s' does not take '%.64s'",
		    cmd->name, argv[cmd->max_args]);
	else
		return n;
	return err_hint(err, "see 'holdfast help %s'", cmd->name);
}

/*
 * Is it the command line of a program that we stand in for, by the name with
 * which we were started, or by its first word?  Return that name, and the place
 * of the word in ${*from}.
 */
static const char *
other_program(int argc, char *argv[], int *from)
{
	const char *base = strrchr(argv[0], '/');
	size_t i, n;

	base = base == NULL ? argv[0] : base + 1;
	for (i = 0; cmd_table[i] != NULL; i++) {
		n = strcspn(cmd_table[i]->name, " ");
		if (cmd_table[i]->own == NULL)
			continue;
		for (*from = 0; *from < 2 && *from < argc; ++*from) {
			const char *word = *from == 0 ? base : argv[1];

			if (strlen(word) == n &&
			    memcmp(word, cmd_table[i]->name, n) == 0)
				return word;
		}
	}
	return NULL;
}

/*
 * Find the command first, because it decides what the letters mean.  ${argv}
 * begins with the program's name; the value of an option may come before the
 * command ("-c FILE backup").
 */
static int
own_command(int argc, char *argv[], const char *program, const struct cmd **ret,
    struct err *err)
{
	char two[64];
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-c") == 0 ||
		    strcmp(argv[i], "--config") == 0)
			i++;
		else if (argv[i][0] != '-')
			break;
		else if (strcmp(argv[i], "-h") == 0 ||
			 strcmp(argv[i], "--help") == 0 ||
			 strcmp(argv[i], "--version") == 0)
			return 0;
	}
	if (i >= argc)
		return cmd_unknown(program, NULL, err);
	(void)snprintf(two, sizeof(two), "%s %s", program, argv[i]);
	if ((*ret = cmd_find(two)) == NULL)
		return cmd_unknown(program, argv[i], err);
	return 0;
}

int
cmd_parse(struct ctx *ctx, int argc, char *argv[], const struct cmd **ret,
    struct err *err)
{
	const struct cmd *cmd, *own = NULL;
	const char *program;
	int rc, words, n, from;

	program = other_program(argc, argv, &from);
	if (program == NULL)
		from = 0;
	else if ((rc = own_command(
		      argc - from, argv + from, program, &own, err)) < 0)
		return rc;
	rc = take_options(ctx, own, argc - from, argv + from, err);
	if (rc < 0)
		return rc;
	n = argc - from - optind;
	cmd = own;
	words = 1;
	if (own == NULL &&
	    (words = take_command(n, argv + from + optind, &cmd, err)) < 0)
		return words;
	if ((rc = check_options(ctx, cmd, err)) < 0)
		return rc;
	n -= words;
	memmove(argv, argv + from + optind + words, (size_t)n * sizeof(*argv));
	argv[n] = NULL;
	/* A line that only asks for help need not be complete. */
	if (cmd != NULL && params_get(ctx_line(ctx), "help") == NULL &&
	    params_get(ctx_line(ctx), "version") == NULL &&
	    (n = check_count(cmd, n, argv, err)) < 0)
		return n;
	*ret = cmd;
	return n;
}
