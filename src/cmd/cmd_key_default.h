#ifndef CMD_CMD_KEY_DEFAULT_H_
#define CMD_CMD_KEY_DEFAULT_H_

#include <stdbool.h>

/* Opaque types. */
struct cmd_keys;
struct err;

/*
 * The key that is used where none is named: $XDG_CONFIG_HOME/holdfast/
 * holdfast.key, made by the first `holdfast init` without a key.
 */

/**
 * cmd_key_default_path(path, err):
 * Give the caller its path; it may not exist.
 */
int cmd_key_default_path(char **, struct err *);

/**
 * cmd_key_default_make(path, made, err):
 * Make it, mode 0600, unless it exists; ${*made} tells.  ${*path} is the
 * caller's.
 */
int cmd_key_default_make(char **, bool *, struct err *);

/**
 * cmd_keys_given(k):
 * Does --key, or the repository, name a key?
 */
bool cmd_keys_given(const struct cmd_keys *);

#endif /* !CMD_CMD_KEY_DEFAULT_H_ */
