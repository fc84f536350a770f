#ifndef REPO_REPO_STREAM_IO_H_
#define REPO_REPO_STREAM_IO_H_

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;

/* A descriptor that is read to its end, unless somebody asks to stop. */
struct repo_stream_in {
	int fd;
	uint64_t pos;                        /* Bytes read so far. */
	const volatile sig_atomic_t *cancel; /* The operator; or NULL. */
	const atomic_bool *stopped;          /* Another thread; or NULL. */
};

/**
 * repo_stream_read(in, p, n, got, err):
 * Read until ${n} bytes are there or the stream ends: ${*got} says how many.
 * HF_EINTR if asked to stop while waiting.
 */
int repo_stream_read(
    struct repo_stream_in *, void *, size_t, size_t *, struct err *);

#endif /* !REPO_REPO_STREAM_IO_H_ */
