#ifndef REPO_REPO_STREAM_HEADER_H_
#define REPO_REPO_STREAM_HEADER_H_

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "crypto/aead.h"
#include "repo/repo_format.h"

/* Opaque types. */
struct err;
struct repo_stream_in;
struct repo_stream_opts;
struct secret;

/*
 * The header of a sealed stream, and what must be agreed on by the two who
 * make and open frames.
 */

#define STREAM_FRAME_MAX (1u << 20)   /* bytes, when we seal */
#define STREAM_FRAME_LIMIT (4u << 20) /* bytes, when we open */
#define STREAM_KEYS_MAX 64            /* openers */
#define STREAM_FRAME_HEADER_LEN 10    /* bytes */
#define STREAM_AAD_LEN (4 + REPO_OID_LEN + 8 + 4 + 1 + 1)

struct repo_stream_header {
	uint8_t oid[REPO_OID_LEN], key_id[REPO_ID_LEN], commitment[32];
	uint32_t frame_max;
	int64_t created_ms;
	struct repo_wrapped *wrapped;
	size_t nwrapped;

	struct buf bytes; /* All of it, as it is in the stream. */
	struct secret *object_key;
};

void repo_stream_header_clear(struct repo_stream_header *);

/**
 * repo_stream_header_make(opts, h, err):
 * Make a new header, with new keys, for the openers of ${opts}.
 */
int repo_stream_header_make(
    const struct repo_stream_opts *, struct repo_stream_header *, struct err *);

/**
 * repo_stream_header_read(in, opts, h, err):
 * Read a header, open it with one of the keys of ${opts}, and check it.
 */
int repo_stream_header_read(struct repo_stream_in *,
    const struct repo_stream_opts *, struct repo_stream_header *, struct err *);

/* The associated data of a frame: what it is, and where it belongs. */
static inline void
repo_stream_aad(uint8_t aad[STREAM_AAD_LEN], const uint8_t oid[], uint64_t i,
    uint32_t plain, uint8_t codec, uint8_t last)
{
	memcpy(aad, "HF1S", 4);
	memcpy(aad + 4, oid, REPO_OID_LEN);
	le64_put(aad + 24, i);
	le32_put(aad + 32, plain);
	aad[36] = codec;
	aad[37] = last;
}

#endif /* !REPO_REPO_STREAM_HEADER_H_ */
