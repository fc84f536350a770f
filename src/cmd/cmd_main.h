#ifndef CMD_CMD_MAIN_H_
#define CMD_CMD_MAIN_H_

/* Opaque types. */
struct cmd_env;

/**
 * cmd_main(env, argc, argv):
 * Run the program; print the error, if there is one, in the one place that
 * does.  Return the exit status.
 */
int cmd_main(const struct cmd_env *, int, char *[]);

#endif /* !CMD_CMD_MAIN_H_ */
