#ifndef REPO_REPO_STREAM_KEYS_H_
#define REPO_REPO_STREAM_KEYS_H_

#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;
struct key;
struct repo_stream_header;
struct repo_stream_opts;
struct secret;

/* The keys of one run: the array and its elements are owned. */
struct repo_stream_keys {
	struct key **v;
	size_t n;
};
void repo_stream_keys_clear(struct repo_stream_keys *);

/**
 * repo_stream_keys_open(opts, salt, keys, err):
 * Open the keys that ${opts} name: one at least.
 */
int repo_stream_keys_open(const struct repo_stream_opts *, const uint8_t[],
    struct repo_stream_keys *, struct err *);

/**
 * repo_stream_unlock(h, keys, data_key, err):
 * Open the data key of ${h} with one of ${keys}.  HF_EKEY names the openers
 * that there are.
 */
int repo_stream_unlock(const struct repo_stream_header *,
    const struct repo_stream_keys *, struct secret **, struct err *);

#endif /* !REPO_REPO_STREAM_KEYS_H_ */
