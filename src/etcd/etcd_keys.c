#include "etcd/etcd_keys.h"
#include "base/err.h"
#include "crypto/hash.h"

#define SLOTS_MIN 1024 /* A power of two. */

struct slot {
	uint64_t hash; /* 0: empty */
	uint64_t number;
};

/* Linear probing, at most three quarters full. */
struct etcd_keys {
	uint8_t secret[SIPHASH_KEY_LEN];
	struct slot *slots;
	size_t nslots, used;
};

int
etcd_keys_new(struct etcd_keys **ret, struct err *err)
{
	CLEANUP(freep_etcd_keys) struct etcd_keys *k = NULL;

	if ((k = calloc(1, sizeof(*k))) == NULL ||
	    (k->slots = calloc(SLOTS_MIN, sizeof(*k->slots))) == NULL)
		return err_nomem(err);
	k->nslots = SLOTS_MIN;
	siphash_key(k->secret);
	*ret = TAKE(k);
	return 0;
}

void
etcd_keys_free(struct etcd_keys *k)
{
	if (k == NULL)
		return;
	free(k->slots);
	free(k);
}

/* Return the slot of ${hash}, or the empty one where it belongs. */
static struct slot *
find(struct slot *slots, size_t nslots, uint64_t hash)
{
	size_t i = (size_t)hash & (nslots - 1);

	while (slots[i].hash != 0 && slots[i].hash != hash)
		i = (i + 1) & (nslots - 1);
	return &slots[i];
}

static int
grow(struct etcd_keys *k, struct err *err)
{
	size_t i, n = 2 * k->nslots;
	struct slot *to;

	if ((to = calloc(n, sizeof(*to))) == NULL)
		return err_nomem(err);
	for (i = 0; i < k->nslots; i++)
		if (k->slots[i].hash != 0)
			*find(to, n, k->slots[i].hash) = k->slots[i];
	free(k->slots);
	k->slots = to;
	k->nslots = n;
	return 0;
}

int
etcd_keys_get(struct etcd_keys *k, const uint8_t *key, size_t n, uint64_t **ret,
    struct err *err)
{
	uint64_t hash = siphash_of(k->secret, key, n);
	struct slot *s;
	int rc;

	if (hash == 0)
		hash = 1;
	if (k->used >= k->nslots / 4 * 3 && (rc = grow(k, err)) < 0)
		return rc;
	s = find(k->slots, k->nslots, hash);
	if (s->hash == 0) {
		s->hash = hash;
		k->used++;
	}
	*ret = &s->number;
	return 0;
}

void
etcd_keys_each(struct etcd_keys *k, void (*fn)(void *, uint64_t *), void *arg)
{
	size_t i;

	for (i = 0; i < k->nslots; i++)
		if (k->slots[i].hash != 0)
			fn(arg, &k->slots[i].number);
}
