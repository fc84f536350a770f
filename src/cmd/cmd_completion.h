#ifndef CMD_CMD_COMPLETION_H_
#define CMD_CMD_COMPLETION_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Opaque types. */
struct cmd;
struct config_option;

/* Scripts that complete the line, out of the tables: one function a shell. */
void cmd_completion_bash(FILE *);
void cmd_completion_zsh(FILE *);
void cmd_completion_fish(FILE *);

/* What the three share. */

/**
 * cmd_completion_head(i, to, n):
 * Write the ${i}th different first word of the commands into ${to} of ${n}
 * bytes; return false behind the last.
 */
bool cmd_completion_head(size_t, char *, size_t);

/**
 * cmd_completion_tail(cmd, head):
 * If ${cmd} is ${head} and one more word, return that word, else NULL.
 */
const char *cmd_completion_tail(const struct cmd *, const char *);

/**
 * cmd_completion_values(f, o):
 * Write the values that ${o} can have, as far as the tables know them, with
 * blanks between; the beginnings of places, sources and keys count.
 */
void cmd_completion_values(FILE *, const struct config_option *);

/**
 * cmd_completion_quote(f, s, special):
 * Write ${s} for the inside of '...', with a backslash in front of every
 * character of ${special}.
 */
void cmd_completion_quote(FILE *, const char *, const char *);

/* Does the value name a file? */
bool cmd_completion_is_path(const struct config_option *);

#endif /* !CMD_CMD_COMPLETION_H_ */
