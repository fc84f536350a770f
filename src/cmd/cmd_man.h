#ifndef CMD_CMD_MAN_H_
#define CMD_CMD_MAN_H_

#include <stdio.h>

/* Opaque types. */
struct cmd;

/**
 * cmd_man_print(f, cmd):
 * Write the manual page of ${cmd}, holdfast-NAME(1), in the man macros of
 * roff; that of the program, holdfast(1), if ${cmd} is NULL.
 */
void cmd_man_print(FILE *, const struct cmd *);

/**
 * cmd_man_config(f):
 * Write holdfast.yaml(5).
 */
void cmd_man_config(FILE *);

#endif /* !CMD_CMD_MAN_H_ */
