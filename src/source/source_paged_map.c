#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "source/source_paged_map.h"

#define GROUP "HFPG\1\0\0\0"
#define MAP "HFPM\1\0\0\0"
#define MAGIC_LEN 8
#define MAP_ROW 20 /* Bytes of a group in the map, without a bitmap. */

void
source_paged_group_head(
    uint8_t to[SOURCE_PAGED_GROUP_HEAD], uint32_t page_size, uint32_t pages)
{
	memcpy(to, GROUP, MAGIC_LEN);
	le32_put(to + 8, page_size);
	le32_put(to + 12, pages);
}

void
source_paged_group_row(
    uint8_t to[SOURCE_PAGED_GROUP_ROW], uint64_t number, uint32_t len)
{
	le64_put(to, number);
	le32_put(to + 8, len);
}

static int
bad_group(struct err *err, const char *what)
{
	return err_set(err, HF_ECORRUPT, "a group of pages: %s", what);
}

/* Check the rows at ${p}; ${n} bytes of pages must follow them. */
static int
check_rows(const uint8_t *p, uint32_t pages, uint32_t page_size, size_t n,
    struct err *err)
{
	uint64_t number, last = 0, sum = 0;
	uint32_t i, len;

	for (i = 0; i < pages; i++, p += SOURCE_PAGED_GROUP_ROW) {
		number = le64_get(p);
		len = le32_get(p + 8);
		if (len == 0 || len > page_size ||
		    number > INT64_MAX / page_size || (i > 0 && number <= last))
			return bad_group(err, "a page that makes no sense");
		last = number;
		sum += len;
	}
	return sum == n ? 0 : bad_group(err, "its pages are not all there");
}

int
source_paged_group_read(const uint8_t *p, size_t n, uint32_t page_size,
    uint32_t pages, source_paged_fn *fn, void *arg, struct err *err)
{
	const uint8_t *row = p + SOURCE_PAGED_GROUP_HEAD, *end;
	struct source_paged_page page = { 0 };
	size_t left;
	int rc;

	if (n < SOURCE_PAGED_GROUP_HEAD || n > SOURCE_PAGED_GROUP_MAX ||
	    memcmp(p, GROUP, MAGIC_LEN) != 0)
		return bad_group(err, "it is none, or of another version");
	left = n - SOURCE_PAGED_GROUP_HEAD;
	if (le32_get(p + 8) != page_size || le32_get(p + 12) != pages ||
	    pages > left / SOURCE_PAGED_GROUP_ROW)
		return bad_group(err, "it is not the one that the map means");
	end = row + pages * (size_t)SOURCE_PAGED_GROUP_ROW;
	rc = check_rows(row, pages, page_size, (size_t)(p + n - end), err);
	for (page.p = end; rc == 0 && row < end;
	     row += SOURCE_PAGED_GROUP_ROW) {
		page.number = le64_get(row);
		page.len = le32_get(row + 8);
		rc = fn(arg, &page, err);
		page.p += page.len;
		page.i++;
	}
	return rc;
}

void
source_paged_map_clear(struct source_paged_map *m)
{
	size_t i;

	for (i = 0; i < m->ngroups; i++)
		free(m->groups[i].live);
	free(m->groups);
	*m = (struct source_paged_map){ 0 };
}

int
source_paged_map_add(struct source_paged_map *m,
    const struct source_paged_group *g, struct err *err)
{
	struct source_paged_group *grown = m->groups;

	/*
	 * There is room for 1, 2, 4, ...: it is full when the count is a power
	 * of 2.
	 */
	if ((m->ngroups & (m->ngroups - 1)) == 0)
		grown = reallocarray(m->groups,
		    m->ngroups > 0 ? 2 * m->ngroups : 1, sizeof(*grown));
	if (grown == NULL) {
		free(g->live);
		return err_nomem(err);
	}
	m->groups = grown;
	grown[m->ngroups++] = *g;
	return 0;
}

static int
encode_group(const struct source_paged_group *g, struct buf *b, struct err *err)
{
	int rc;

	if ((rc = buf_add_u64(b, g->number, err)) < 0 ||
	    (rc = buf_add_u32(b, g->pages, err)) < 0 ||
	    (rc = buf_add_u32(b, g->alive, err)) < 0)
		return rc;
	return buf_add_bytes(
	    b, g->live, g->live != NULL ? (g->pages + 7) / 8 : 0, err);
}

int
source_paged_map_encode(
    const struct source_paged_map *m, struct buf *b, struct err *err)
{
	size_t i;
	int rc;

	if ((rc = buf_add(b, MAP, MAGIC_LEN, err)) < 0 ||
	    (rc = buf_add_u64(b, m->size, err)) < 0 ||
	    (rc = buf_add_u32(b, m->page_size, err)) < 0 ||
	    (rc = buf_add(b, m->sha256, sizeof(m->sha256), err)) < 0 ||
	    (rc = buf_add_u32(b, (uint32_t)m->ngroups, err)) < 0)
		return rc;
	for (i = 0; rc == 0 && i < m->ngroups; i++)
		rc = encode_group(&m->groups[i], b, err);
	return rc;
}

static int
bad_map(struct err *err, const char *what)
{
	return err_set(err, HF_ECORRUPT, "the map of pages: %s", what);
}

/* Does the bitmap agree with the counts, with no bit behind the end? */
static bool
bitmap_ok(const struct source_paged_group *g, const uint8_t *bits, size_t n)
{
	uint32_t alive = 0;
	size_t i;

	if (n == 0)
		return g->alive == g->pages;
	if (n != ((size_t)g->pages + 7) / 8 ||
	    (g->pages % 8 != 0 && bits[n - 1] >> (g->pages % 8) != 0))
		return false;
	for (i = 0; i < n; i++)
		alive += (uint32_t)__builtin_popcount(bits[i]);
	return alive == g->alive;
}

static int
decode_group(struct cur *c, struct source_paged_map *m, struct err *err)
{
	struct source_paged_group g = { 0 };
	const uint8_t *bits;
	size_t n;

	g.number = cur_u64(c);
	g.pages = cur_u32(c);
	g.alive = cur_u32(c);
	bits = cur_bytes(c, &n);
	if (c->bad)
		return bad_map(err, "it is cut");
	if (g.alive == 0 || !bitmap_ok(&g, bits, n) ||
	    (m->ngroups > 0 && g.number <= m->groups[m->ngroups - 1].number))
		return bad_map(err, "a group that makes no sense");
	if (n > 0) {
		if ((g.live = malloc(n)) == NULL)
			return err_nomem(err);
		memcpy(g.live, bits, n);
	}
	return source_paged_map_add(m, &g, err);
}

/*
 * Read all that comes before the groups; ${*n} is how many of them there are.
 */
static bool
decode_head(struct cur *c, struct source_paged_map *m, uint32_t *n)
{
	const uint8_t *magic = cur_take(c, MAGIC_LEN);

	m->size = cur_u64(c);
	m->page_size = cur_u32(c);
	cur_copy(c, m->sha256, sizeof(m->sha256));
	*n = cur_u32(c);
	return !c->bad && memcmp(magic, MAP, MAGIC_LEN) == 0 &&
	       m->size <= INT64_MAX && m->page_size >= SOURCE_PAGED_MIN &&
	       m->page_size <= SOURCE_PAGED_MAX &&
	       (m->page_size & (m->page_size - 1)) == 0 &&
	       *n <= c->left / MAP_ROW;
}

static int
decode(struct cur *c, struct source_paged_map *m, struct err *err)
{
	uint64_t alive = 0;
	uint32_t i, n;
	int rc;

	if (!decode_head(c, m, &n))
		return bad_map(err, "it is none, or of another version");
	for (i = 0; i < n; i++) {
		if ((rc = decode_group(c, m, err)) < 0)
			return rc;
		alive += m->groups[i].alive;
	}
	if (!cur_end(c) || alive != source_paged_count(m->size, m->page_size))
		return bad_map(err, "it does not add up");
	return 0;
}

int
source_paged_map_decode(
    const uint8_t *p, size_t n, struct source_paged_map *ret, struct err *err)
{
	struct source_paged_map m = { 0 };
	struct cur c;
	int rc;

	cur_init(&c, p, n);
	if ((rc = decode(&c, &m, err)) < 0)
		source_paged_map_clear(&m);
	else
		*ret = m;
	return rc;
}
