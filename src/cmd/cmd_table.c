#include <stddef.h>

#include "cmd/cmd.h"

extern const struct cmd cmd_completion;
extern const struct cmd cmd_help;
extern const struct cmd cmd_keygen;
extern const struct cmd cmd_seal;
extern const struct cmd cmd_unseal;

/* In the order of help; commands of one first word stand side by side. */
const struct cmd *const cmd_table[] = {
	&cmd_seal,
	&cmd_unseal,
	&cmd_keygen,
	&cmd_completion,
	&cmd_help,
	NULL,
};
