#ifndef TEST_UNIT_ETCD_BOLT_WALK_H_
#define TEST_UNIT_ETCD_BOLT_WALK_H_

#include "base/buf.h"
#include "test.h"

/*
 * A second opinion about a bbolt file, from its format alone: what bbolt's own
 * check looks at, and that a fresh file has no page too many, no byte that
 * nobody put there, and no branch with a single child.
 */
struct walk {
	const uint8_t *p;
	size_t page, pages;
	uint8_t seen[1 << 16];
	size_t leaves, branches, inlines, depth;
	struct buf out; /* Each key and value in order, with their lengths. */
};

/* A page, or the leaf inside a bucket's value; ${len} bytes of it. */
static void walk_node(
    struct walk *, const uint8_t *, size_t, size_t, const struct buf *);

static uint16_t
walk_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

/* Go down to page ${id}, whose first key must be ${first}, if that is given. */
static void
walk_page(struct walk *w, uint64_t id, size_t depth, const struct buf *first)
{
	const uint8_t *p;
	size_t i, n;

	CHECK(id >= 2 && id < w->pages);
	p = w->p + id * w->page;
	n = 1 + le32_get(p + 12);
	CHECK(le64_get(p) == id && n <= w->pages - id);
	for (i = 0; i < n; i++)
		CHECK(!w->seen[id + i]++);
	if (depth > w->depth)
		w->depth = depth;
	walk_node(w, p, n * w->page, depth, first);
}

static void
walk_value(struct walk *w, uint32_t flags, const uint8_t *v, size_t n)
{
	struct err e = ERR_INIT;

	CHECK(flags <= 1);
	if (flags == 0) {
		CHECK_OK(buf_add_bytes(&w->out, v, n, &e), &e);
		return;
	}
	CHECK(n >= 16);
	CHECK_OK(buf_add_u64(&w->out, le64_get(v + 8), &e), &e);
	if (le64_get(v) != 0) {
		CHECK(n == 16);
		walk_page(w, le64_get(v), 1, NULL);
		return;
	}
	CHECK(n >= 32 && n - 16 <= w->page / 4);
	CHECK(le64_get(v + 16) == 0 && le32_get(v + 28) == 0);
	CHECK(v[24] == 2 && v[25] == 0);
	w->inlines++;
	walk_node(w, v + 16, n - 16, 1, NULL);
}

static void
walk_node(struct walk *w, const uint8_t *p, size_t len, size_t depth,
    const struct buf *first)
{
	const bool leaf = p[8] == 2;
	size_t i, n = walk_u16(p + 10), end = 16 + 16 * n, pos;
	struct buf key = BUF_INIT, last = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK((p[8] == 1 || p[8] == 2) && p[9] == 0);
	CHECK(leaf || n >= 2);
	*(leaf ? &w->leaves : &w->branches) += 1;
	for (i = 0; i < n; i++) {
		const uint8_t *el = p + 16 + 16 * i;

		pos = (size_t)(el - p) + le32_get(el + (leaf ? 4 : 0));
		CHECK(pos == end);
		key.len = le32_get(el + (leaf ? 8 : 4));
		CHECK(key.len > 0 && key.len <= len - pos);
		key.p = (uint8_t *)(uintptr_t)(p + pos);
		end += key.len + (leaf ? le32_get(el + 12) : 0);
		CHECK(end <= len);
		if (i == 0 && first != NULL)
			CHECK(key.len == first->len &&
			      memcmp(key.p, first->p, key.len) == 0);
		if (i > 0) {
			size_t m = key.len < last.len ? key.len : last.len;
			int k = memcmp(last.p, key.p, m);

			CHECK(k < 0 || (k == 0 && last.len < key.len));
		}
		last = key;
		if (!leaf) {
			walk_page(w, le64_get(el + 8), depth + 1, &key);
			continue;
		}
		CHECK_OK(buf_add_bytes(&w->out, key.p, key.len, &e), &e);
		walk_value(w, le32_get(el), key.p + key.len, le32_get(el + 12));
	}
	/* No more pages than needed, and nothing behind the last byte. */
	CHECK(len - end < w->page);
	for (i = end; i < len; i++)
		CHECK(p[i] == 0);
}

static uint64_t
walk_meta(const struct walk *w, size_t i, uint64_t txid)
{
	const uint8_t *m = w->p + i * w->page;
	uint64_t h = 0xcbf29ce484222325;
	size_t k;

	CHECK(le64_get(m) == i && m[8] == 4 && m[9] == 0 && m[10] == 0);
	for (k = 80; k < w->page; k++)
		CHECK(m[k] == 0);
	m += 16;
	for (k = 0; k < 56; k++)
		h = (h ^ m[k]) * 0x100000001b3;
	CHECK(le64_get(m + 56) == h);
	CHECK(le32_get(m) == 0xED0CDAED && le32_get(m + 4) == 2);
	CHECK(le32_get(m + 8) == w->page && le32_get(m + 12) == 0);
	CHECK(le64_get(m + 32) == UINT64_MAX && le64_get(m + 24) == 0);
	CHECK(le64_get(m + 40) == w->pages && le64_get(m + 48) == txid);
	return le64_get(m + 16);
}

/* Read a whole file of pages of ${page} bytes. */
static inline void
walk_file(struct walk *w, const struct buf *file, size_t page)
{
	uint64_t root;
	size_t i;

	w->p = file->p;
	w->page = page;
	w->pages = file->len / page;
	CHECK(file->len % page == 0 && w->pages >= 3);
	CHECK(w->pages <= sizeof(w->seen));
	root = walk_meta(w, 0, 2);
	CHECK(root == walk_meta(w, 1, 1));
	walk_page(w, root, 0, NULL);
	for (i = 2; i < w->pages; i++)
		CHECK(w->seen[i] == 1);
}

static inline void
walk_free(struct walk **w)
{
	if (*w != NULL)
		buf_free(&(*w)->out);
	free(*w);
}

#endif /* !TEST_UNIT_ETCD_BOLT_WALK_H_ */
