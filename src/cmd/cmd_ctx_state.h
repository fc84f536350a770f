#ifndef CMD_CMD_CTX_STATE_H_
#define CMD_CMD_CTX_STATE_H_

#include <pthread.h>
#include <stdbool.h>

#include "cmd/cmd.h"
#include "cmd/cmd_progress.h"

/* Opaque types. */
struct config;
struct params;

/* What is behind struct ctx; for cmd_ctx.c and cmd_print.c alone. */
struct ctx {
	const struct cmd_env *env;
	const struct cmd *cmd; /* NULL until ctx_start. */
	struct params *line;   /* By the unique names of rows. */
	struct config *config;

	/* The streams and what follows: any thread may print. */
	pthread_mutex_t lock;
	struct progress progress;
	bool terminal; /* Standard error is one. */
	bool drawn;    /* A progress line stands on it. */
	int lost;      /* errno of the first answer that was not written. */
};

#endif /* !CMD_CMD_CTX_STATE_H_ */
