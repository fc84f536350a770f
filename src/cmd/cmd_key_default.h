#ifndef CMD_CMD_KEY_DEFAULT_H_
#define CMD_CMD_KEY_DEFAULT_H_

#include <stdbool.h>

/* Opaque types. */
struct cmd_keys;
struct err;

/*
 * The key that is used where none is named (config_key_path), made by the
 * first `holdfast init` without a key.
 */

/**
 * cmd_key_default_make(path, made, err):
 * Make it, mode 0600, unless it exists; ${*made} tells.  ${*path}, where it
 * lies, is the caller's.
 */
int cmd_key_default_make(char **, bool *, struct err *);

/**
 * cmd_keys_given(k):
 * Does --key, or the repository, name a key?
 */
bool cmd_keys_given(const struct cmd_keys *);

#endif /* !CMD_CMD_KEY_DEFAULT_H_ */
