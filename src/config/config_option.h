#ifndef CONFIG_CONFIG_OPTION_H_
#define CONFIG_CONFIG_OPTION_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;

/*
 * Everything that can be set is a row of one table, config_option_table.c.
 * The flags of the command line, the words of the configuration file, the
 * environment variables, help, manual pages and completion all come from
 * these rows: a new option is a new row, and nothing else.
 */

enum option_type {
	OPTION_STRING,
	OPTION_FLAG,     /* "true" or "false". */
	OPTION_INTEGER,  /* min..max */
	OPTION_SIZE,     /* Bytes, "96MiB"; min..max, or one of ${values}. */
	OPTION_DURATION, /* "15d"; min..max in ms. */
	OPTION_ENUM,     /* One of ${values}. */
	OPTION_PATH,     /* Of a file or folder. */
	/* Where a secret lies, "file:/path", "env:NAME" or "fd:N"; a value is
	 * refused and not repeated in the message. */
	OPTION_SECRET,
	OPTION_KEY,        /* Name of a key of the configuration ... */
	OPTION_REPOSITORY, /* ... or of a repository. */
	OPTION_RETENTION,  /* A map of the rows that are OPTION_IN_RETENTION. */
};

/* Where an option may stand. */
enum option_place {
	OPTION_ON_LINE = (1 << 0),   /* "--name" for commands that list it. */
	OPTION_ALWAYS = (1 << 1),    /* "--name" for every command. */
	OPTION_IN_FILE = (1 << 2),   /* At the top of the file. */
	OPTION_IN_KEY = (1 << 3),    /* In an entry under "keys:" ... */
	OPTION_IN_REPO = (1 << 4),   /* ... "repositories:" ... */
	OPTION_IN_SOURCE = (1 << 5), /* ... and "sources:". */
	OPTION_IN_RETENTION = (1 << 6), /* Under a repository's "retention:". */
};

struct config_option {
	/*
	 * Unique.  On the line it is "--" and the name with '-' for '_'; it
	 * is what commands list and ctx_option asks for.
	 */
	const char *name;
	/*
	 * What it is called in the file and in the params of a driver, if
	 * that differs: "etcd_ca" is "ca" in a source of type etcd.
	 */
	const char *word;
	char letter; /* "-v", or 0. */
	enum option_type type;
	unsigned places; /* enum option_place */
	/* The types that know it, "tree etcd"; NULL: all in its places. */
	const char *only;
	bool list;       /* May be given several times; in the file, a list. */
	bool required;   /* An entry of the file must have it. */
	const char *env; /* Environment variable, or NULL. */
	const char *arg; /* Its value in help: "PATH". */
	const char *fallback; /* Without it, in the words of the line. */
	int64_t min, max;     /* Both 0: no range. */
	const char *values;   /* "zstd none" */
	const char *help;     /* One line, in lower case, without a dot. */
};

/**
 * config_option_at(i):
 * Return row ${i}, or NULL behind the last.
 */
const struct config_option *config_option_at(size_t);

/**
 * config_option_named(name):
 * Return the row with the unique ${name}, or NULL.
 */
const struct config_option *config_option_named(const char *);

/**
 * config_option_in(place, type, word):
 * Return the row that ${word} means in ${place} for an entry of ${type}, or
 * NULL.
 */
const struct config_option *config_option_in(
    enum option_place, const char *, const char *);

/**
 * config_option_word(o):
 * Return what ${o} is called in the file and among params.
 */
const char *config_option_word(const struct config_option *);

/**
 * config_option_for(o, type):
 * Return true if an entry of ${type} knows ${o}.
 */
bool config_option_for(const struct config_option *, const char *);

/**
 * config_option_flag(o, to):
 * Write "--path-style" into ${to} of OPTION_FLAG_MAX bytes; return ${to}.
 */
#define OPTION_FLAG_MAX 40
char *config_option_flag(const struct config_option *, char *);

/**
 * config_option_value(o, i, to):
 * Write the ${i}th of a row's ${values} into ${to} of OPTION_FLAG_MAX bytes;
 * return ${to}, or NULL behind the last.
 */
char *config_option_value(const struct config_option *, size_t, char *);

/**
 * config_option_check(o, what, value, err):
 * Check ${value} for type and range.  ${what} is how the operator said it
 * ("--region", "region").  HF_EUSAGE, which the caller may turn into
 * another code.
 */
int config_option_check(
    const struct config_option *, const char *, const char *, struct err *);

/**
 * config_option_number(o, value):
 * Return the number that a checked ${value} of an integer, a size (bytes) or
 * a duration (ms) means; -1 if it is a word from ${values}.
 */
int64_t config_option_number(const struct config_option *, const char *);

/**
 * config_place_word(place):
 * Return "key", "repository" or "source".
 */
const char *config_place_word(enum option_place);

/*
 * The types that an entry can have: one row for each driver.
 */
struct config_type {
	enum option_place place; /* OPTION_IN_KEY, _REPO or _SOURCE. */
	const char *name;        /* "s3" */
	const char *form;        /* On the line: "s3://BUCKET[/PREFIX]". */
	const char *help;        /* One line. */
};
const struct config_type *config_type_at(size_t);

/**
 * config_type_named(place, name, err):
 * Return the type, or NULL and in ${err} HF_EUSAGE that lists what there is.
 */
const struct config_type *config_type_named(
    enum option_place, const char *, struct err *);

#endif /* !CONFIG_CONFIG_OPTION_H_ */
