#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_bolt_impl.h"

static int
damaged(const struct bolt_page *pg, unsigned int i, const char *what,
    struct err *err)
{
	if (pg->id == 0)
		return err_set(err, HF_ECORRUPT,
		    "a page inside a bucket's value: element %u %s", i, what);
	return err_set(err, HF_ECORRUPT, "page %" PRIu64 ": element %u %s",
	    pg->id, i, what);
}

void
bolt_header(const uint8_t *p, struct bolt_header *h)
{
	h->id = le64_get(p);
	h->type = p[8] | (unsigned int)p[9] << 8;
	h->count = p[10] | (unsigned int)p[11] << 8;
	h->overflow = le32_get(p + 12);
}

void
bolt_header_put(uint8_t *p, const struct bolt_header *h)
{
	le64_put(p, h->id);
	le32_put(p + 8, h->type | h->count << 16);
	le32_put(p + 12, h->overflow);
}

int
bolt_key_cmp(const struct bolt_key *a, const struct bolt_key *b)
{
	size_t n = a->n < b->n ? a->n : b->n;
	int cmp = n == 0 ? 0 : memcmp(a->p, b->p, n);

	if (cmp != 0)
		return cmp;
	return (a->n > b->n) - (a->n < b->n);
}

static const uint8_t *
element(const struct bolt_page *pg, unsigned int i)
{
	return pg->p + BOLT_HEADER + (size_t)i * BOLT_ELEMENT;
}

struct bolt_key
bolt_page_key(const struct bolt_page *pg, unsigned int i)
{
	const uint8_t *e = element(pg, i);
	size_t at = pg->leaf ? 4 : 0;

	return (struct bolt_key){ e + le32_get(e + at), le32_get(e + at + 4) };
}

void
bolt_page_item(
    const struct bolt_page *pg, unsigned int i, struct etcd_bolt_item *item)
{
	const uint8_t *e = element(pg, i);

	item->flags = le32_get(e);
	item->key = e + le32_get(e + 4);
	item->nkey = le32_get(e + 8);
	item->value = item->key + item->nkey;
	item->nvalue = le32_get(e + 12);
}

uint64_t
bolt_page_child(const struct bolt_page *pg, unsigned int i)
{
	return le64_get(element(pg, i) + 8);
}

/* Do key and value lie in the run, behind all elements? */
static bool
inside(const struct bolt_page *pg, unsigned int i)
{
	const uint8_t *e = element(pg, i);
	uint64_t from = (uint64_t)(e - pg->p), to;

	from += le32_get(pg->leaf ? e + 4 : e);
	to = from + le32_get(pg->leaf ? e + 8 : e + 4);
	if (pg->leaf)
		to += le32_get(e + 12);
	return from >= BOLT_HEADER + (uint64_t)pg->count * BOLT_ELEMENT &&
	       to <= pg->len;
}

/* bbolt accepts no other keys, so a restore could not write them. */
static bool
key_ok(const struct bolt_page *pg, const struct bolt_key *key)
{
	return !pg->leaf || (key->n > 0 && key->n <= BOLT_KEY_MAX);
}

static int
check_elements(const struct bolt_page *pg, struct err *err)
{
	const struct bolt_bounds *in = &pg->bounds;
	struct bolt_key key, last = in->lo;
	unsigned int i;
	int cmp;

	for (i = 0; i < pg->count; i++, last = key) {
		if (!inside(pg, i))
			return damaged(pg, i, "lies outside the page", err);
		key = bolt_page_key(pg, i);
		if (!key_ok(pg, &key))
			return damaged(pg, i, "has no possible key", err);
		cmp = last.p == NULL ? 1 : bolt_key_cmp(&key, &last);
		if (i == 0 && cmp < 0)
			return damaged(
			    pg, i, "is below the key of the page above", err);
		if (i > 0 && cmp <= 0)
			return damaged(
			    pg, i, "is not above the one before it", err);
	}
	if (pg->count > 0 && in->hi.p != NULL &&
	    bolt_key_cmp(&last, &in->hi) >= 0)
		return damaged(pg, pg->count - 1,
		    "is not below the next key of the page above", err);
	return 0;
}

/* Read ${pg->p} as a page of this type. */
static int
parse(struct bolt_page *pg, const struct bolt_header *h, struct err *err)
{
	pg->leaf = h->type == BOLT_LEAF;
	pg->count = h->count;
	pg->at = 0;
	if ((uint64_t)h->count * BOLT_ELEMENT > pg->len - BOLT_HEADER)
		return damaged(pg, h->count - 1, "lies outside the page", err);
	return check_elements(pg, err);
}

int
bolt_page_room(struct bolt_page *pg, size_t n, struct err *err)
{
	uint8_t *p;

	if (n <= pg->cap)
		return 0;
	if ((p = realloc(pg->room, n)) == NULL)
		return err_nomem(err);
	pg->room = p;
	pg->cap = n;
	return 0;
}

/* Read the bytes ${from} to ${to} of the run of page ${pg->id}. */
static int
fetch(const struct etcd_bolt *b, struct bolt_page *pg, size_t from, size_t to,
    struct err *err)
{
	uint64_t off = pg->id * b->page_size;
	int rc;

	if (b->file->base != NULL) {
		pg->p = b->file->base + off;
		return 0;
	}
	if ((rc = bolt_page_room(pg, to, err)) < 0)
		return rc;
	pg->p = pg->room;
	return b->file->read(
	    b->file->arg, off + from, pg->room + from, to - from, err);
}

/* Check the header, and find the length of the run. */
static int
check_header(const struct etcd_bolt *b, struct bolt_page *pg,
    const struct bolt_header *h, struct err *err)
{
	uint64_t len = ((uint64_t)h->overflow + 1) * b->page_size;

	if (h->id != pg->id)
		return err_set(err, HF_ECORRUPT,
		    "page %" PRIu64 " says that it is page %" PRIu64, pg->id,
		    h->id);
	if (h->type != BOLT_BRANCH && h->type != BOLT_LEAF)
		return err_set(err, HF_ECORRUPT,
		    "page %" PRIu64
		    " is neither branch nor leaf: its type is %#x",
		    pg->id, h->type);
	if (h->overflow >= b->pages - pg->id)
		return err_set(err, HF_ECORRUPT,
		    "page %" PRIu64 " goes on for %" PRIu32
		    " pages, of %" PRIu64 " in all",
		    pg->id, h->overflow, b->pages);
	if (len > BOLT_RUN_MAX)
		return err_set(err, HF_ECORRUPT,
		    "page %" PRIu64 " goes on for %" PRIu32
		    " pages, which is more than %lu MiB",
		    pg->id, h->overflow, BOLT_RUN_MAX >> 20);
	if (h->count == 0 && (h->type == BOLT_BRANCH || pg->bounds.lo.p))
		return err_set(err, HF_ECORRUPT,
		    "page %" PRIu64 " has no elements", pg->id);
	pg->len = (size_t)len;
	return 0;
}

int
bolt_page_load(const struct etcd_bolt *b, uint64_t id,
    const struct bolt_bounds *bounds, struct bolt_page *pg, struct err *err)
{
	struct bolt_header h;
	int rc;

	if (id < 2 || id >= b->pages)
		return err_set(err, HF_ECORRUPT,
		    "page %" PRIu64
		    " is referred to, and the file has %" PRIu64,
		    id, b->pages);
	pg->id = id;
	pg->bounds = *bounds;
	if ((rc = fetch(b, pg, 0, b->page_size, err)) < 0)
		return rc;
	bolt_header(pg->p, &h);
	if ((rc = check_header(b, pg, &h, err)) < 0)
		return rc;
	if (pg->len > b->page_size &&
	    (rc = fetch(b, pg, b->page_size, pg->len, err)) < 0)
		return rc;
	return parse(pg, &h, err);
}

int
bolt_page_inline(
    const uint8_t *p, size_t n, struct bolt_page *pg, struct err *err)
{
	struct bolt_header h = { .type = 0 };

	if (n >= BOLT_HEADER)
		bolt_header(p, &h);
	if (h.type != BOLT_LEAF)
		return err_set(err, HF_ECORRUPT,
		    "a page inside a bucket's value is no leaf");
	pg->id = 0;
	pg->p = p;
	pg->len = n;
	pg->bounds = (struct bolt_bounds){ .lo = { NULL, 0 } };
	return parse(pg, &h, err);
}
