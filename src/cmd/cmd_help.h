#ifndef CMD_CMD_HELP_H_
#define CMD_CMD_HELP_H_

/* Opaque types. */
struct cmd;
struct ctx;
struct err;

/**
 * cmd_help_print(ctx, cmd, err):
 * Explain ${cmd}, or the program if it is NULL; with --json as a document.
 */
int cmd_help_print(struct ctx *, const struct cmd *, struct err *);

/**
 * cmd_help_config(ctx):
 * Explain the configuration file.
 */
void cmd_help_config(struct ctx *);

/**
 * cmd_help_version(ctx):
 * Print the version.
 */
void cmd_help_version(struct ctx *);

#endif /* !CMD_CMD_HELP_H_ */
