#ifndef CMD_CMD_DOC_H_
#define CMD_CMD_DOC_H_

#include <stdbool.h>
#include <stddef.h>

/* Opaque types. */
struct cmd;
struct config_option;

/*
 * What help, manual pages and completion say, taken from the tables: the
 * three only differ in how they set it.
 */

#define CMD_DOC_MAX 320 /* Bytes that the functions below may write. */

/**
 * cmd_doc_group(i):
 * Return the title of the ${i}th group of options, or NULL behind the last.
 */
const char *cmd_doc_group(size_t);

/**
 * cmd_doc_option(cmd, group, i):
 * Return option ${i} of a group of ${cmd} (NULL: of the program), or NULL.
 */
const struct config_option *cmd_doc_option(const struct cmd *, size_t, size_t);

/**
 * cmd_doc_usage(o, to):
 * Write "-k, --key NAME|KEY" into ${to} of CMD_DOC_MAX bytes; return ${to}.
 */
char *cmd_doc_usage(const struct config_option *, char *);

/**
 * cmd_doc_word(o, to):
 * Write "keys: [NAME, ...]", as the configuration file has it; return ${to}.
 */
char *cmd_doc_word(const struct config_option *, char *);

/**
 * cmd_doc_help(o, line, to):
 * Write the row's help and what else it says: the types it is for, range,
 * default, variable, and, for the command line, whether it may be repeated;
 * return ${to}.
 */
char *cmd_doc_help(const struct config_option *, bool, char *);

/* Things worth knowing beside commands and options. */
struct cmd_doc_row {
	const char *name, *what;
};

/**
 * cmd_doc_env(i), cmd_doc_file(i):
 * Return row ${i} of the variables that are in no row of the table, and of
 * the files; NULL behind the last.
 */
const struct cmd_doc_row *cmd_doc_env(size_t);
const struct cmd_doc_row *cmd_doc_file(size_t);

/* The parts of the configuration file, in the order of explaining them. */
struct cmd_doc_part {
	const char *title; /* "repositories" */
	unsigned place;    /* enum option_place */
	const char *about;
};
const struct cmd_doc_part *cmd_doc_part(size_t);

/* A configuration file. */
extern const char cmd_doc_example[];

/* What holdfast is, in one line and in a paragraph. */
extern const char cmd_doc_summary[], cmd_doc_about[];

#endif /* !CMD_CMD_DOC_H_ */
