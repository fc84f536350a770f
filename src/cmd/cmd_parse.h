#ifndef CMD_CMD_PARSE_H_
#define CMD_CMD_PARSE_H_

/* Opaque types. */
struct cmd;
struct ctx;
struct err;

/**
 * cmd_parse(ctx, argc, argv, ret, err):
 * Read the command line: put the options into ${ctx}, find the command, and
 * move its arguments to the front of ${argv}.  Options may stand before,
 * between and behind the words; "--" ends them.  Return the number of
 * arguments; ${*ret} is NULL if no command was named.  HF_EUSAGE with "did
 * you mean" if there is no such option or command, or if the command does
 * not take an option or that many arguments.
 */
int cmd_parse(struct ctx *, int, char *[], const struct cmd **, struct err *);

#endif /* !CMD_CMD_PARSE_H_ */
