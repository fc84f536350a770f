#include <stddef.h>

#include "cmd/cmd.h"

/* One line a command, in the order of help. */
#define COMMANDS(X) X(cmd_help)

#define DECLARE(c) extern const struct cmd c;
#define LIST(c) &c,

COMMANDS(DECLARE)

const struct cmd *const cmd_table[] = { COMMANDS(LIST) NULL };
