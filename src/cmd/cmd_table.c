#include <stddef.h>

#include "cmd/cmd.h"

extern const struct cmd cmd_completion;
extern const struct cmd cmd_help;

/* In the order of help; commands of one first word stand side by side. */
const struct cmd *const cmd_table[] = {
	&cmd_completion,
	&cmd_help,
	NULL,
};
