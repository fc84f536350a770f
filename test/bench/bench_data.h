#ifndef TEST_BENCH_BENCH_DATA_H_
#define TEST_BENCH_BENCH_DATA_H_

#include <stddef.h>
#include <stdint.h>

/* Bytes like those of an etcd that serves Kubernetes: the same everywhere. */
struct bench_data {
	uint64_t rnd;    /* State of the generator, xorshift64. */
	uint64_t record; /* Number of the record being written. */
	size_t off, len; /* What of it is out already. */
	char text[1024];
};

void bench_data_init(struct bench_data *);

/**
 * bench_data_fill(d, p, n):
 * Write the next ${n} bytes; zstd -1 makes about a third of them.
 */
void bench_data_fill(struct bench_data *, uint8_t *, size_t);

#endif /* !TEST_BENCH_BENCH_DATA_H_ */
