#include <string.h>

#include "base/err.h"
#include "etcd/etcd_bolt_impl.h"
#include "etcd/etcd_bolt_pages.h"
#include "etcd/etcd_bolt_tree.h"

/* bbolt keeps two keys to a page at least, and fills them to nine tenths. */
#define KEYS_MIN 2
#define FILL(page_size) ((page_size)*9 / 10)

void
etcd_bolt_tree_init(struct etcd_bolt_tree *t, struct etcd_bolt_pages *pages)
{
	*t = (struct etcd_bolt_tree){
		.pages = pages,
		.fill = FILL(pages->page_size),
	};
}

void
etcd_bolt_tree_clear(struct etcd_bolt_tree *t)
{
	size_t i;

	for (i = 0; i < ETCD_BOLT_LEVELS; i++) {
		buf_free(&t->level[i].elems);
		buf_free(&t->level[i].data);
	}
}

static size_t
count_of(const struct etcd_bolt_node *node)
{
	return node->elems.len / BOLT_ELEMENT;
}

static size_t
size_of(const struct etcd_bolt_node *node)
{
	return BOLT_HEADER + node->elems.len + node->data.len;
}

/* The elements of leaves have flags in front. */
static uint8_t *
pos_at(
    const struct etcd_bolt_tree *t, const struct etcd_bolt_node *node, size_t i)
{
	return node->elems.p + i * BOLT_ELEMENT + (node == t->level ? 4 : 0);
}

/* Where the key of element ${i} begins, among so many bytes of data. */
static size_t
data_at(
    const struct etcd_bolt_tree *t, const struct etcd_bolt_node *node, size_t i)
{
	return i < count_of(node) ? le32_get(pos_at(t, node, i))
				  : node->data.len;
}

/* From now on ${pos} counts as in the file, for a page of ${n} elements. */
static void
place(
    const struct etcd_bolt_tree *t, const struct etcd_bolt_node *node, size_t n)
{
	uint8_t *pos;
	size_t i;

	for (i = 0; i < n; i++) {
		pos = pos_at(t, node, i);
		le32_put(
		    pos, le32_get(pos) + (uint32_t)((n - i) * BOLT_ELEMENT));
	}
}

/* Forget the first ${n} elements, which have ${data} bytes. */
static void
drop(const struct etcd_bolt_tree *t, struct etcd_bolt_node *node, size_t n,
    size_t data)
{
	const size_t elems = n * BOLT_ELEMENT;
	uint8_t *pos;
	size_t i;

	node->elems.len -= elems;
	node->data.len -= data;
	node->cut = 0;
	if (node->elems.len == 0)
		return;
	memmove(node->elems.p, node->elems.p + elems, node->elems.len);
	memmove(node->data.p, node->data.p + data, node->data.len);
	for (i = 0; i < count_of(node); i++) {
		pos = pos_at(t, node, i);
		le32_put(pos, le32_get(pos) - (uint32_t)data);
	}
}

static int
add_child(struct etcd_bolt_node *node, const uint8_t *key, size_t nkey,
    uint64_t id, struct err *err)
{
	uint8_t elem[BOLT_ELEMENT];
	int rc;

	le32_put(elem, (uint32_t)node->data.len);
	le32_put(elem + 4, (uint32_t)nkey);
	le64_put(elem + 8, id);
	if ((rc = buf_add(&node->elems, elem, sizeof(elem), err)) < 0)
		return rc;
	return buf_add(&node->data, key, nkey, err);
}

/*
 * Is there a page's worth of elements, and enough for another page behind
 * them?  So no branch ends up with a single child.
 */
static bool
is_full(const struct etcd_bolt_tree *t, struct etcd_bolt_node *node)
{
	const size_t n = count_of(node);

	if (node->cut == 0 && n > KEYS_MIN && size_of(node) > t->fill)
		node->cut = n - 1;
	return node->cut > 0 && n >= node->cut + KEYS_MIN;
}

/* Lay down the first ${n} elements of a level, whose data ends at ${data}. */
static int
lay_page(struct etcd_bolt_tree *t, size_t level, size_t n, size_t data,
    uint64_t *id, struct err *err)
{
	const struct etcd_bolt_node *node = &t->level[level];
	const size_t elems = n * BOLT_ELEMENT;
	int rc;

	place(t, node, n);
	if ((rc = etcd_bolt_pages_begin(t->pages,
		 level == 0 ? BOLT_LEAF : BOLT_BRANCH, n, elems + data, id,
		 err)) < 0 ||
	    (rc = etcd_bolt_pages_add(t->pages, node->elems.p, elems, err)) <
		0 ||
	    (rc = etcd_bolt_pages_add(t->pages, node->data.p, data, err)) < 0)
		return rc;
	etcd_bolt_pages_end(t->pages);
	return 0;
}

/* The same, and whatever that fills above. */
static int
lay(struct etcd_bolt_tree *t, size_t level, size_t n, struct err *err)
{
	struct etcd_bolt_node *node;
	size_t data, nkey;
	uint64_t id;
	int rc;

	for (;; level++, n = t->level[level].cut) {
		node = &t->level[level];
		data = data_at(t, node, n);
		nkey = n == 0 ? 0 : le32_get(pos_at(t, node, 0) + 4);
		if ((rc = lay_page(t, level, n, data, &id, err)) < 0 ||
		    (rc = add_child(node + 1, node->data.p, nkey, id, err)) < 0)
			return rc;
		drop(t, node, n, data);
		node->laid = true;
		if (!is_full(t, node + 1))
			return 0;
	}
}

/* Lay down a record in a leaf of its own. */
static int
lay_alone(struct etcd_bolt_tree *t, const uint8_t elem[BOLT_ELEMENT],
    const uint8_t *key, size_t nkey, const uint8_t *value, size_t nvalue,
    struct err *err)
{
	struct etcd_bolt_node *leaf = &t->level[0], *above = leaf + 1;
	uint64_t id;
	int rc;

	if (count_of(leaf) > 0 && (rc = lay(t, 0, count_of(leaf), err)) < 0)
		return rc;
	if ((rc = etcd_bolt_pages_begin(t->pages, BOLT_LEAF, 1,
		 BOLT_ELEMENT + nkey + nvalue, &id, err)) < 0 ||
	    (rc = etcd_bolt_pages_add(t->pages, elem, BOLT_ELEMENT, err)) < 0 ||
	    (rc = etcd_bolt_pages_add(t->pages, key, nkey, err)) < 0 ||
	    (rc = etcd_bolt_pages_add(t->pages, value, nvalue, err)) < 0)
		return rc;
	etcd_bolt_pages_end(t->pages);
	leaf->laid = true;
	if ((rc = add_child(above, key, nkey, id, err)) < 0)
		return rc;
	return is_full(t, above) ? lay(t, 1, above->cut, err) : 0;
}

int
etcd_bolt_tree_add(struct etcd_bolt_tree *t, uint32_t flags, const uint8_t *key,
    size_t nkey, const uint8_t *value, size_t nvalue, struct err *err)
{
	const size_t len = BOLT_ELEMENT + nkey + nvalue;
	struct etcd_bolt_node *leaf = &t->level[0];
	uint8_t elem[BOLT_ELEMENT];
	int rc;

	le32_put(elem, flags);
	le32_put(elem + 4, BOLT_ELEMENT);
	le32_put(elem + 8, (uint32_t)nkey);
	le32_put(elem + 12, (uint32_t)nvalue);
	if (len > ETCD_BOLT_ALONE * t->pages->page_size)
		return lay_alone(t, elem, key, nkey, value, nvalue, err);
	if (count_of(leaf) >= KEYS_MIN && size_of(leaf) + len > t->fill &&
	    (rc = lay(t, 0, count_of(leaf), err)) < 0)
		return rc;
	le32_put(elem + 4, (uint32_t)leaf->data.len);
	if ((rc = buf_add(&leaf->elems, elem, sizeof(elem), err)) < 0 ||
	    (rc = buf_add(&leaf->data, key, nkey, err)) < 0)
		return rc;
	return buf_add(&leaf->data, value, nvalue, err);
}

bool
etcd_bolt_tree_is_small(const struct etcd_bolt_tree *t)
{
	const struct etcd_bolt_node *leaf = &t->level[0];

	return !leaf->laid && size_of(leaf) <= t->pages->page_size / 4;
}

int
etcd_bolt_tree_end_inline(
    struct etcd_bolt_tree *t, struct buf *out, struct err *err)
{
	struct etcd_bolt_node *leaf = &t->level[0];
	const size_t n = count_of(leaf);
	const struct bolt_header h = { .type = BOLT_LEAF,
		.count = (unsigned int)n };
	uint8_t header[BOLT_HEADER];
	int rc;

	place(t, leaf, n);
	bolt_header_put(header, &h);
	if ((rc = buf_add(out, header, sizeof(header), err)) < 0 ||
	    (rc = buf_add(out, leaf->elems.p, leaf->elems.len, err)) < 0 ||
	    (rc = buf_add(out, leaf->data.p, leaf->data.len, err)) < 0)
		return rc;
	drop(t, leaf, n, leaf->data.len);
	return 0;
}

int
etcd_bolt_tree_end(struct etcd_bolt_tree *t, uint64_t *root, struct err *err)
{
	struct etcd_bolt_node *node = &t->level[0];
	size_t i;
	int rc;

	if ((count_of(node) > 0 || !node->laid) &&
	    (rc = lay(t, 0, count_of(node), err)) < 0)
		return rc;
	/* A level's only child needs nothing above it. */
	for (node++; node->laid || count_of(node) > 1; node++)
		if ((rc = lay(t, (size_t)(node - t->level), count_of(node),
			 err)) < 0)
			return rc;
	*root = le64_get(node->elems.p + 8);
	drop(t, node, 1, node->data.len);
	for (i = 0; i < ETCD_BOLT_LEVELS; i++)
		t->level[i].laid = false;
	return 0;
}
