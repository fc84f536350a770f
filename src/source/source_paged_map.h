#ifndef SOURCE_SOURCE_PAGED_MAP_H_
#define SOURCE_SOURCE_PAGED_MAP_H_

#include <stddef.h>
#include <stdint.h>

#include "crypto/hash.h"

/* Opaque types. */
struct buf;
struct err;

/*
 * The two kinds of files of which the pages form consists (doc/format.md,
 * "Pages"): groups of pages, which never change, and the map, which says
 * which pages of which groups make the file.
 */
#define SOURCE_PAGED_MIN 4096u  /* Bytes: the smallest page, */
#define SOURCE_PAGED_MAX 65536u /* and the largest one. */

#define SOURCE_PAGED_GROUP_MAX ((size_t)1 << 20) /* Bytes of a group. */
#define SOURCE_PAGED_GROUP_HEAD 16
#define SOURCE_PAGED_GROUP_ROW 12

#define SOURCE_PAGED_FOLDER ".pages" /* Behind the file's own name. */
#define SOURCE_PAGED_MAP "map"
#define SOURCE_PAGED_NAME_LEN 17 /* Of a group: 16 hex digits, with NUL. */

/**
 * source_paged_group_head(to, page_size, pages):
 * Encode the head of a group.  Then come its rows, and then its pages.
 */
void source_paged_group_head(
    uint8_t[SOURCE_PAGED_GROUP_HEAD], uint32_t, uint32_t);

/**
 * source_paged_group_row(to, number, len):
 * Encode one row: which page, and its bytes (only the file's last page may
 * have fewer than others).
 */
void source_paged_group_row(
    uint8_t[SOURCE_PAGED_GROUP_ROW], uint64_t, uint32_t);

/* One page of a group: row ${i} of it, and its bytes. */
struct source_paged_page {
	uint32_t i;
	uint64_t number;
	const uint8_t *p;
	uint32_t len;
};
typedef int source_paged_fn(
    void *, const struct source_paged_page *, struct err *);

/**
 * source_paged_group_read(p, n, page_size, pages, fn, arg, err):
 * Give ${fn} all pages of the group that the ${n} bytes at ${p} are.
 * HF_ECORRUPT, before the first one, if a rule is broken: counts, order and
 * lengths of rows, another page size, another number of pages than ${pages}.
 */
int source_paged_group_read(const uint8_t *, size_t, uint32_t, uint32_t,
    source_paged_fn *, void *, struct err *);

struct source_paged_group {
	uint64_t number; /* Its name. */
	uint32_t pages;  /* In it, dead ones included. */
	uint32_t alive;
	/* A bit for each page, the lowest of a byte first: 1 is alive.  NULL:
	 * all are. */
	uint8_t *live;
};

struct source_paged_map {
	uint64_t size; /* Of the file. */
	uint32_t page_size;
	uint8_t sha256[SHA256_LEN]; /* Of the file. */
	struct source_paged_group *groups;
	size_t ngroups;
};

void source_paged_map_clear(struct source_paged_map *);

static inline void
freep_source_paged_map(struct source_paged_map *m)
{
	source_paged_map_clear(m);
}

/**
 * source_paged_map_add(m, g, err):
 * Append a group and take over its ${live}, also on failure.
 */
int source_paged_map_add(
    struct source_paged_map *, const struct source_paged_group *, struct err *);

/* Is page ${i} of the group alive? */
static inline int
source_paged_alive(const struct source_paged_group *g, uint32_t i)
{
	return g->live == NULL || (g->live[i / 8] >> (i % 8) & 1);
}

/* How many pages a file has, and how long page ${number} is. */
static inline uint64_t
source_paged_count(uint64_t size, uint32_t page_size)
{
	return size / page_size + (size % page_size > 0);
}

static inline uint32_t
source_paged_len(uint64_t size, uint32_t page_size, uint64_t number)
{
	uint64_t left = size - number * page_size;

	return left < page_size ? (uint32_t)left : page_size;
}

int source_paged_map_encode(
    const struct source_paged_map *, struct buf *, struct err *);

/**
 * source_paged_map_decode(p, n, m, err):
 * Read one into the empty ${m}.  HF_ECORRUPT if a rule is broken: order,
 * counts that do not add up to the size, bytes left over.
 */
int source_paged_map_decode(
    const uint8_t *, size_t, struct source_paged_map *, struct err *);

#endif /* !SOURCE_SOURCE_PAGED_MAP_H_ */
