#ifndef SOURCE_STREAM_SOURCE_STREAM_EXEC_H_
#define SOURCE_STREAM_SOURCE_STREAM_EXEC_H_

#include <sys/types.h>

/* Opaque types. */
struct err;
struct sink;

/* A command that runs, and the end of the pipe at which it is heard. */
struct source_stream_exec {
	pid_t pid; /* And its group; 0: none runs. */
	int fd;    /* -1: none. */
};

#define SOURCE_STREAM_EXEC_INIT                                                \
	{                                                                      \
		0, -1                                                          \
	}

/**
 * source_stream_exec_start(x, command, err):
 * Run ${command} as source_stream.h says.
 */
int source_stream_exec_start(
    struct source_stream_exec *, const char *, struct err *);

/**
 * source_stream_exec_wait(x, sink, err):
 * All was read: wait for the command to end.  HF_ESOURCE unless its exit
 * status is 0.
 */
int source_stream_exec_wait(
    struct source_stream_exec *, struct sink *, struct err *);

/**
 * source_stream_exec_stop(x):
 * Make the command end, if it still runs, and close the pipe.
 */
void source_stream_exec_stop(struct source_stream_exec *);

static inline void
freep_source_stream_exec(struct source_stream_exec *x)
{
	source_stream_exec_stop(x);
}

#endif /* !SOURCE_STREAM_SOURCE_STREAM_EXEC_H_ */
