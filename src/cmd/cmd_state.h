#ifndef CMD_CMD_STATE_H_
#define CMD_CMD_STATE_H_

#include <jansson.h>

/* Opaque types. */
struct repo_backup;

/* A backup in words and in JSON, the same for list and show. */

#define CMD_STATE_MAX 96

/**
 * cmd_state(b, to):
 * Write what is known of ${b}'s health, "verified to level 3 2026-11-20",
 * into ${to} of CMD_STATE_MAX bytes; return ${to}.
 */
char *cmd_state(const struct repo_backup *, char *);

/**
 * cmd_kind(kind):
 * Return the kind of a backup in a word.
 */
const char *cmd_kind(int);

/**
 * cmd_state_json(b):
 * All that is public of ${b}; NULL if memory ran out.
 */
json_t *cmd_state_json(const struct repo_backup *);

#endif /* !CMD_CMD_STATE_H_ */
