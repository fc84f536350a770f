#ifndef ETCD_ETCD_HASHKV_TREE_H_
#define ETCD_ETCD_HASHKV_TREE_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;

/*
 * The CRC-32C of many pieces, one behind the other, of which any may be taken
 * out again: a binary tree whose leaves are the pieces, 16 bytes of memory
 * each.  What changes is summed only when a sum is asked for, so that many
 * changes cost little more than one.
 */
struct etcd_hashkv_sums {
	uint32_t sum, factor; /* Of bytes that follow each other (crc32c.h). */
};

struct etcd_hashkv_tree {
	size_t n, cap, kept; /* Leaves: used, there are, not taken out. */

	/* Private.  [1] is the root, [i] is above [2i] and [2i + 1], and leaf
	 * i is [cap + i].  The factor 0, which no length has: not summed. */
	struct etcd_hashkv_sums *nodes;
};

void etcd_hashkv_tree_clear(struct etcd_hashkv_tree *);

/**
 * etcd_hashkv_tree_grow(t, err):
 * Make room for twice as many leaves.
 */
int etcd_hashkv_tree_grow(struct etcd_hashkv_tree *, struct err *);

/**
 * etcd_hashkv_tree_add(t, sums):
 * Append a leaf, for which there must be room, and return its number.
 */
size_t etcd_hashkv_tree_add(
    struct etcd_hashkv_tree *, const struct etcd_hashkv_sums *);

/**
 * etcd_hashkv_tree_take_out(t, i):
 * From now on leaf ${i} does not count.
 */
void etcd_hashkv_tree_take_out(struct etcd_hashkv_tree *, size_t);

/**
 * etcd_hashkv_tree_first(t, n):
 * Return what the first ${n} leaves are together.
 */
struct etcd_hashkv_sums etcd_hashkv_tree_first(
    struct etcd_hashkv_tree *, size_t);

/**
 * etcd_hashkv_tree_pack(t):
 * Of a tree without room, forget the leaves that were taken out.
 *
 * etcd_hashkv_tree_moved(t, i):
 * Return the number that leaf ${i}, or if it was taken out the next one, has
 * since then.  Valid until a sum is asked for.
 */
void etcd_hashkv_tree_pack(struct etcd_hashkv_tree *);
size_t etcd_hashkv_tree_moved(const struct etcd_hashkv_tree *, size_t);

#endif /* !ETCD_ETCD_HASHKV_TREE_H_ */
