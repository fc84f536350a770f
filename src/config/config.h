#ifndef CONFIG_CONFIG_H_
#define CONFIG_CONFIG_H_

#include <stddef.h>

#include "base/cleanup.h"
#include "config/config_option.h"

/* Opaque types. */
struct config;
struct err;
struct params;

/*
 * The configuration file: one document of YAML with the maps "keys",
 * "repositories" and "sources", and options of the program at the top.  What
 * is loaded is checked: every word is known to the table of options for the
 * entry's type, every value has the right type and range, secrets are
 * references, and names that refer to other entries exist.  Every error
 * names the file and the line.
 */

/* An entry of one of the maps. */
struct config_entry {
	char *name; /* "main" */
	char *type; /* "s3", "recipient", "etcd"; of a repository, from url. */
	struct params *params; /* By word; "type" too; defaults filled in. */
	size_t line;           /* Where it stands in the file. */
};

/**
 * config_find(given, path, err):
 * Find the file: ${given} if it is not NULL, else
 * $XDG_CONFIG_HOME/holdfast/holdfast.yaml (~/.config if that is not set),
 * else /etc/holdfast/holdfast.yaml.  ${*path} is the caller's; NULL if there
 * is none.
 */
int config_find(const char *, char **, struct err *);

/**
 * config_home(dir, err):
 * Give the caller the folder of this user's configuration,
 * $XDG_CONFIG_HOME/holdfast; it may not exist.
 */
int config_home(char **, struct err *);

/**
 * config_key_path(path, err):
 * Give the caller the path of the key that is used where none is named,
 * holdfast.key in that folder; it may not exist.
 */
int config_key_path(char **, struct err *);

/**
 * config_state_dir(dir, err):
 * Give the caller the folder of local state where none is named:
 * $XDG_STATE_HOME/holdfast, /var/lib/holdfast for root, else
 * ~/.local/state/holdfast.
 */
int config_state_dir(char **, struct err *);

/**
 * config_load(path, ret, err):
 * Read and check the file ${path}; NULL gives an empty configuration.
 * HF_ECONFIG "FILE:LINE: ..." if anything is wrong with it.
 */
int config_load(const char *, struct config **, struct err *);

/**
 * config_parse(name, p, n, ret, err):
 * Likewise from ${n} bytes of text that messages call ${name}.
 */
int config_parse(
    const char *, const void *, size_t, struct config **, struct err *);
void config_free(struct config *);
CLEANUP_DEFINE(config);

/**
 * config_path(c):
 * Return the file's name, or NULL.
 */
const char *config_path(const struct config *);

/**
 * config_top(c):
 * Return the options at the top of the file, without defaults.
 */
const struct params *config_top(const struct config *);

/**
 * config_at(c, place, i):
 * Return entry ${i} of the map for ${place} (OPTION_IN_KEY, OPTION_IN_REPO,
 * OPTION_IN_SOURCE) in the order of the file, or NULL behind the last.
 */
const struct config_entry *config_at(
    const struct config *, enum option_place, size_t);

/**
 * config_named(c, place, name):
 * Return the entry called ${name}, or NULL.
 */
const struct config_entry *config_named(
    const struct config *, enum option_place, const char *);

/**
 * config_name(c, place, name, ret, err):
 * Likewise; HF_ENOTFOUND with the names that exist if there is none.
 */
int config_name(const struct config *, enum option_place, const char *,
    const struct config_entry **, struct err *);

/**
 * config_defaults(place, type, params, err):
 * Add to ${params} the defaults of an entry of ${type} that it lacks.
 */
int config_defaults(
    enum option_place, const char *, struct params *, struct err *);

#endif /* !CONFIG_CONFIG_H_ */
