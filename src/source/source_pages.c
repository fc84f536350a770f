#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "crypto/aead.h"
#include "crypto/secret.h"
#include "source/source_pages.h"
#include "source/source_scratch.h"

#define BLOCK SOURCE_PAGES_BLOCK /* A bolt page: what a walk asks for. */
#define SEALED (BLOCK + AEAD_TAG_LEN)
#define BATCH 64 /* Blocks that are written, or read, with one call. */

struct source_pages {
	uint8_t *memory; /* The first cap bytes. */
	size_t cap;
	uint64_t size;
	uint64_t at; /* Where the next byte belongs. */

	struct source_scratch *file;
	struct aead *aead;
	uint8_t *batch;   /* BATCH * SEALED bytes. */
	size_t nbatch;    /* Plain bytes in it. */
	uint64_t nblocks; /* The first one of the batch. */

	/* When reading, the batch has what was read last: nread blocks. */
	uint64_t first;
	size_t nread;
};

int
source_pages_new(const struct source_pages_opts *o, struct source_pages **ret,
    struct err *err)
{
	/*
	 * The key is new and each block is written once, so no nonce comes
	 * twice.
	 */
	static const uint8_t prefix[16] = "holdfast pages.";
	CLEANUP(freep_secret) struct secret *key = NULL;
	CLEANUP(freep_source_pages) struct source_pages *s = NULL;
	int rc;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	s->cap = o->memory;
	/*
	 * Memory that is not touched costs nothing, so a small file uses
	 * little.
	 */
	if ((s->memory = malloc(s->cap > 0 ? s->cap : 1)) == NULL ||
	    (s->batch = malloc(BATCH * SEALED)) == NULL)
		return err_nomem(err);
	if ((rc = source_scratch_new(o->dir, &s->file, err)) < 0 ||
	    (rc = secret_random(AEAD_KEY_LEN, &key, err)) < 0 ||
	    (rc = aead_new(key, prefix, &s->aead, err)) < 0)
		return rc;
	*ret = TAKE(s);
	return 0;
}

void
source_pages_free(struct source_pages *s)
{
	if (s == NULL)
		return;
	source_scratch_free(s->file);
	aead_free(s->aead);
	free(s->memory);
	free(s->batch);
	free(s);
}

uint64_t
source_pages_size(const struct source_pages *s)
{
	return s->size;
}

/* Seal the batch where it lies and write it. */
static int
flush(struct source_pages *s, struct err *err)
{
	size_t i, n = (s->nbatch + BLOCK - 1) / BLOCK;
	int rc;

	for (i = 0; i < n; i++) {
		uint8_t *p = s->batch + i * SEALED;

		rc = aead_seal(
		    s->aead, s->nblocks + i, NULL, 0, p, BLOCK, p, err);
		if (rc < 0)
			return rc;
	}
	rc = source_scratch_write(
	    s->file, s->nblocks * SEALED, s->batch, n * SEALED, err);
	if (rc == -HF_ENOSPC)
		(void)err_hint(err, "it takes as much room as the source has: "
				    "set TMPDIR to a larger folder");
	if (rc < 0)
		return rc;
	s->nblocks += n;
	s->nbatch = 0;
	return 0;
}

/* Take at most ${n} bytes into the batch; return how many. */
static size_t
fill(struct source_pages *s, const uint8_t *p, size_t n)
{
	size_t at = s->nbatch % BLOCK, room = BLOCK - at;

	if (n > room)
		n = room;
	memcpy(s->batch + s->nbatch / BLOCK * SEALED + at, p, n);
	s->nbatch += n;
	return n;
}

int
source_pages_put(
    struct source_pages *s, const uint8_t *p, size_t n, struct err *err)
{
	uint64_t at = s->at;
	size_t k = 0;
	int rc;

	s->at += n;
	if (s->size < s->at)
		s->size = s->at;
	if (at < s->cap) {
		k = n < s->cap - at ? n : s->cap - (size_t)at;
		memcpy(s->memory + at, p, k);
	}
	for (p += k, n -= k; n > 0; p += k, n -= k) {
		k = fill(s, p, n);
		if (s->nbatch == BATCH * BLOCK && (rc = flush(s, err)) < 0)
			return rc;
	}
	return 0;
}

int
source_pages_end(struct source_pages *s, struct err *err)
{
	size_t at = s->nbatch % BLOCK;

	if (s->nbatch == 0)
		return 0;
	/* The last block is sealed whole, so what it lacks must be defined. */
	if (at > 0)
		memset(
		    s->batch + s->nbatch / BLOCK * SEALED + at, 0, BLOCK - at);
	return flush(s, err);
}

int
source_pages_seek(struct source_pages *s, uint64_t off, struct err *err)
{
	int rc;

	if (off == s->at)
		return 0;
	if (off % BLOCK != 0 || s->cap % BLOCK != 0)
		return err_set(err, HF_EBUG, "a seek into a block");
	if ((rc = source_pages_end(s, err)) < 0)
		return rc;
	s->nblocks = off < s->cap ? 0 : (off - s->cap) / BLOCK;
	s->at = off;
	return 0;
}

/*
 * Read block ${i} into the batch.  If a read goes on where the last one ended,
 * more such reads are likely: each is twice as long as the one before.
 */
static int
fetch(struct source_pages *s, uint64_t i, struct err *err)
{
	uint64_t end = (s->size - s->cap + BLOCK - 1) / BLOCK;
	size_t n = 1;
	int rc;

	if (i - s->first < s->nread)
		return 0;
	if (s->nread > 0 && i == s->first + s->nread)
		n = s->nread < BATCH / 2 ? 2 * s->nread : BATCH;
	if (n > end - i)
		n = (size_t)(end - i);
	s->nread = 0;
	rc =
	    source_scratch_read(s->file, i * SEALED, s->batch, n * SEALED, err);
	if (rc < 0)
		return rc;
	s->first = i;
	s->nread = n;
	return 0;
}

/* Copy ${n} bytes of block ${i}, without its first ${skip}. */
static int
read_block(struct source_pages *s, uint64_t i, size_t skip, uint8_t *to,
    size_t n, struct err *err)
{
	uint8_t block[BLOCK], *open = n == BLOCK ? to : block;
	const uint8_t *p;
	int rc;

	if ((rc = fetch(s, i, err)) < 0)
		return rc;
	p = s->batch + (i - s->first) * SEALED;
	if ((rc = aead_open(s->aead, i, NULL, 0, p, SEALED, open, err)) < 0)
		return rc;
	if (open == block)
		memcpy(to, block + skip, n);
	return 0;
}

/* Read ${n} bytes at ${at} of the part that lies in the file. */
static int
read_file(
    struct source_pages *s, uint64_t at, uint8_t *to, size_t n, struct err *err)
{
	size_t skip, k;
	int rc;

	for (; n > 0; at += k, to += k, n -= k) {
		skip = (size_t)(at % BLOCK);
		k = n < BLOCK - skip ? n : BLOCK - skip;
		if ((rc = read_block(s, at / BLOCK, skip, to, k, err)) < 0)
			return rc;
	}
	return 0;
}

int
source_pages_read(void *arg, uint64_t off, void *to, size_t n, struct err *err)
{
	struct source_pages *s = arg;
	size_t head = 0;

	if (off > s->size || n > s->size - off)
		return err_set(err, HF_EBUG, "a read beyond the pages");
	if (off < s->cap) {
		head = n < s->cap - off ? n : s->cap - (size_t)off;
		memcpy(to, s->memory + off, head);
	}
	if (n == head)
		return 0;
	return read_file(
	    s, off + head - s->cap, (uint8_t *)to + head, n - head, err);
}
