#ifndef CMD_CMD_H_
#define CMD_CMD_H_

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Opaque types. */
struct config_option;
struct err;
struct key_driver;
struct source_driver;
struct store_driver;

/* One invocation: see cmd_ctx.h, which a command includes. */
struct ctx;

/*
 * A command is one file that ends in one const struct cmd, and one line in
 * cmd_table.c.  Help, the manual page and completion come from the row; the
 * framework parses the line, checks the count of arguments and every value,
 * loads the configuration, and prints the error that run returns.
 */

enum cmd_flags {
	/* Works on a repository: takes --repo, --key, --state-dir, --host and
	 * every option of every kind of repository. */
	CMD_REPO = (1 << 0),
	/* Reads a source: takes --from, --source-name, --host and every
	 * option of every type of source. */
	CMD_SOURCE = (1 << 1),
	/* Takes --key, without a repository. */
	CMD_KEY = (1 << 2),
	/* Takes the --keep options, --max-age and --min-count. */
	CMD_RETENTION = (1 << 3),
	/* Standard output carries data: what is said goes to stderr. */
	CMD_RAW = (1 << 4),
	/* Works without the configuration file, even with a broken one. */
	CMD_NO_CONFIG = (1 << 5),
};

struct cmd_example {
	const char *line; /* "holdfast verify latest --level 3" */
	const char *what; /* What it does, in one line. */
};

struct cmd {
	const char *name;    /* "verify", or of two words: "key add". */
	const char *args;    /* Behind the name: "BACKUP [PATH]"; or NULL. */
	const char *summary; /* One line: "Check that a backup is whole". */
	/* For help and the manual: paragraphs with an empty line between. */
	const char *about;
	const struct cmd_example *examples; /* Ends with a zero row; or NULL. */
	const char *const *options; /* Names of rows, beside what flags give. */
	/*
	 * A command that stands in for one of another program has options of
	 * its own, ending with a row without a name, and of the table only the
	 * general ones.  Its letters may mean something else elsewhere.
	 */
	const struct config_option *own;
	unsigned flags;         /* enum cmd_flags */
	int min_args, max_args; /* max_args -1: any number. */
	int (*run)(struct ctx *, int argc, char *argv[], struct err *);
};

/* All commands, in the order of help; ends with a NULL. */
extern const struct cmd *const cmd_table[];

/* Which drivers exist; each list ends with a NULL. */
struct drivers {
	const struct store_driver *const *stores;
	const struct key_driver *const *keys;
	const struct source_driver *const *sources;
};

/* What the program gives to the commands. */
struct cmd_env {
	const struct drivers *drivers;
	/* Not 0 once the operator has asked to stop. */
	const volatile sig_atomic_t *cancel;
	/* Let the network work on then for a while: there is something to
	 * finish. */
	void (*linger)(void);
	FILE *out, *err; /* stdout and stderr. */
};

/**
 * cmd_find(name):
 * Return the command called ${name} ("verify", "key add"), or NULL.
 */
const struct cmd *cmd_find(const char *);

/**
 * cmd_unknown(first, second, err):
 * There is no command of these words, of which the ${second} may be NULL:
 * HF_EUSAGE with what may have been meant.
 */
int cmd_unknown(const char *, const char *, struct err *);

/**
 * cmd_takes(cmd, o):
 * Return true if ${o} may stand on the line of ${cmd}; NULL for ${cmd} is the
 * program without a command.
 */
bool cmd_takes(const struct cmd *, const struct config_option *);

/**
 * cmd_row(cmd, i):
 * Return row ${i} of the options: those of ${cmd} alone, then the table's.
 */
const struct config_option *cmd_row(const struct cmd *, size_t);

#endif /* !CMD_CMD_H_ */
