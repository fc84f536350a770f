#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/err.h"
#include "etcd/etcd_hashkv_tree.h"

#define CAP_MIN ((size_t)16)
#define CAP_MAX ((size_t)1 << 31)

static const struct etcd_hashkv_sums nothing = { 0, CRC32C_NOTHING };

void
etcd_hashkv_tree_clear(struct etcd_hashkv_tree *t)
{
	free(t->nodes);
	*t = (struct etcd_hashkv_tree){ 0 };
}

static void
set_nothing(struct etcd_hashkv_tree *t, size_t from)
{
	size_t i;

	for (i = from; i < t->cap; i++)
		t->nodes[t->cap + i] = nothing;
}

int
etcd_hashkv_tree_grow(struct etcd_hashkv_tree *t, struct err *err)
{
	const size_t cap = t->cap == 0 ? CAP_MIN : 2 * t->cap;
	struct etcd_hashkv_sums *nodes;

	if (cap > CAP_MAX || (nodes = calloc(2 * cap, sizeof(*nodes))) == NULL)
		return err_nomem(err);
	if (t->n > 0)
		memcpy(nodes + cap, t->nodes + t->cap, t->n * sizeof(*nodes));
	free(t->nodes);
	t->nodes = nodes;
	t->cap = cap;
	set_nothing(t, t->n);
	return 0;
}

/* What is above a node that is not summed is not summed either. */
static void
change(struct etcd_hashkv_tree *t, size_t i, const struct etcd_hashkv_sums *s)
{
	size_t at = t->cap + i;

	t->nodes[at] = *s;
	for (at /= 2; at > 0 && t->nodes[at].factor != 0; at /= 2)
		t->nodes[at].factor = 0;
}

size_t
etcd_hashkv_tree_add(
    struct etcd_hashkv_tree *t, const struct etcd_hashkv_sums *s)
{
	change(t, t->n, s);
	t->kept++;
	return t->n++;
}

void
etcd_hashkv_tree_take_out(struct etcd_hashkv_tree *t, size_t i)
{
	change(t, i, &nothing);
	t->kept--;
}

static struct etcd_hashkv_sums
join(struct etcd_hashkv_sums a, struct etcd_hashkv_sums b)
{
	return (struct etcd_hashkv_sums){
		.sum = crc32c_times(a.sum, b.factor) ^ b.sum,
		.factor = crc32c_times(a.factor, b.factor),
	};
}

/* As deep as the tree is high, which is 31 at most. */
static struct etcd_hashkv_sums
sum(struct etcd_hashkv_tree *t, size_t at)
{
	if (t->nodes[at].factor == 0)
		t->nodes[at] = join(sum(t, 2 * at), sum(t, 2 * at + 1));
	return t->nodes[at];
}

struct etcd_hashkv_sums
etcd_hashkv_tree_first(struct etcd_hashkv_tree *t, size_t n)
{
	struct etcd_hashkv_sums all = nothing;
	size_t at = 1, half;

	if (n == t->cap)
		return n == 0 ? nothing : sum(t, 1);
	for (half = t->cap / 2; half > 0; half /= 2) {
		at *= 2;
		if (n < half)
			continue;
		all = join(all, sum(t, at++));
		n -= half;
	}
	return all;
}

static bool
is_out(const struct etcd_hashkv_sums *s)
{
	return s->sum == nothing.sum && s->factor == nothing.factor;
}

/* Where leaves went is noted in nodes that are not summed. */
void
etcd_hashkv_tree_pack(struct etcd_hashkv_tree *t)
{
	struct etcd_hashkv_sums *leaves = t->nodes + t->cap;
	size_t i, n = 0;

	for (i = 0; i < t->cap; i++) {
		t->nodes[i] = (struct etcd_hashkv_sums){ .sum = (uint32_t)n };
		if (!is_out(&leaves[i]))
			leaves[n++] = leaves[i];
	}
	t->n = n;
	set_nothing(t, n);
}

size_t
etcd_hashkv_tree_moved(const struct etcd_hashkv_tree *t, size_t i)
{
	return i < t->cap ? t->nodes[i].sum : t->n;
}
