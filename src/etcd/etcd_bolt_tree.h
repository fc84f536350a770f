#ifndef ETCD_ETCD_BOLT_TREE_H_
#define ETCD_ETCD_BOLT_TREE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Opaque types. */
struct err;
struct etcd_bolt_pages;

/*
 * A tree of pages, built from its first key to its last: a leaf is laid down
 * when it is full, and the branches above it grow as the leaves do.  In
 * memory is one page of each level, however many keys there are.
 *
 * Pages are filled as bbolt fills those of keys that only ascend, which is
 * what etcd's revisions do: to nine tenths, and with two keys at least, so
 * that a leaf of big values goes on in more pages.  A record of more than
 * ETCD_BOLT_ALONE pages gets a leaf of its own, and is not copied first.
 */
#define ETCD_BOLT_ALONE 16
#define ETCD_BOLT_LEVELS 64 /* Two children each: more than 2^64 pages. */

/* A page in the making. */
struct etcd_bolt_node {
	struct buf elems; /* As in the file, but ${pos} counts from ${data}. */
	struct buf data;  /* Keys and values. */
	size_t cut;       /* So many elements fill a page; 0: not yet full. */
	bool laid;        /* There are pages of this level already. */
};

struct etcd_bolt_tree {
	struct etcd_bolt_pages *pages;
	size_t fill; /* So many bytes fill a page. */
	struct etcd_bolt_node level[ETCD_BOLT_LEVELS]; /* The leaf is 0. */
};

/**
 * etcd_bolt_tree_init(t, pages):
 * Begin a tree that is laid down in ${pages}.
 */
void etcd_bolt_tree_init(struct etcd_bolt_tree *, struct etcd_bolt_pages *);
void etcd_bolt_tree_clear(struct etcd_bolt_tree *);

/**
 * etcd_bolt_tree_add(t, flags, key, nkey, value, nvalue, err):
 * Append a leaf element.  That its key is the highest so far, and that it is
 * not too long, is the caller's to see to.
 */
int etcd_bolt_tree_add(struct etcd_bolt_tree *, uint32_t, const uint8_t *,
    size_t, const uint8_t *, size_t, struct err *);

/**
 * etcd_bolt_tree_is_small(t):
 * Return whether the tree may be a leaf that lies in no page, but in the
 * value of its bucket: no more than a quarter of a page.
 */
bool etcd_bolt_tree_is_small(const struct etcd_bolt_tree *);

/**
 * etcd_bolt_tree_end_inline(t, out, err):
 * Append that leaf to ${out}; the next tree begins.
 */
int etcd_bolt_tree_end_inline(
    struct etcd_bolt_tree *, struct buf *, struct err *);

/**
 * etcd_bolt_tree_end(t, root, err):
 * Lay down what is left; ${*root} is the page of the root, a leaf without
 * elements if there are none.  The next tree begins.
 */
int etcd_bolt_tree_end(struct etcd_bolt_tree *, uint64_t *, struct err *);

#endif /* !ETCD_ETCD_BOLT_TREE_H_ */
