#include <inttypes.h>
#include <stdbool.h>

#include "base/crc32c.h"
#include "base/err.h"
#include "etcd/etcd_hashkv.h"
#include "etcd/etcd_hashkv_impl.h"
#include "etcd/etcd_keys.h"
#include "etcd/etcd_mvcc.h"

/* A record up to the compact revision. */
#define DROPPED (UINT32_C(0x80000000)) /* It counts only if nothing is kept. */

struct old {
	uint32_t hash;
	uint32_t len; /* And DROPPED. */
};

/* What the table of keys says of a key's newest record so far. */
#define DELETED 1        /* Or 0: there is none. */
#define NEW 2            /* After the compact revision. */
#define OLD(i) ((i) + 3) /* It is old[i]. */

struct etcd_hashkv_sum {
	uint64_t revision, compact_revision;
	struct etcd_keys *keys; /* NULL: nothing is compacted. */
	uint64_t kept;          /* Keys whose newest record is no deletion. */
	struct old *old;
	size_t nold, cap;
	uint32_t hash; /* Of what came after the compact revision, */
	uint64_t len;  /* which is as long as this. */
};

int
etcd_hashkv_sum_new(uint64_t revision, uint64_t compact_revision,
    struct etcd_hashkv_sum **ret, struct err *err)
{
	CLEANUP(freep_etcd_hashkv_sum) struct etcd_hashkv_sum *s = NULL;
	int rc;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	s->revision = revision;
	s->compact_revision = compact_revision;
	if (compact_revision > 0 && (rc = etcd_keys_new(&s->keys, err)) < 0)
		return rc;
	*ret = TAKE(s);
	return 0;
}

void
etcd_hashkv_sum_free(struct etcd_hashkv_sum *s)
{
	if (s == NULL)
		return;
	etcd_keys_free(s->keys);
	free(s->old);
	free(s);
}

static int
add_old(struct etcd_hashkv_sum *s, const struct old *o, struct err *err)
{
	size_t cap = s->cap == 0 ? 1024 : 2 * s->cap;
	struct old *p;

	if (s->nold == s->cap) {
		p = reallocarray(s->old, cap, sizeof(*p));
		if (p == NULL)
			return err_nomem(err);
		s->old = p;
		s->cap = cap;
	}
	s->old[s->nold++] = *o;
	return 0;
}

/* The key's newest record is now another: ${what}. */
static void
replace(struct etcd_hashkv_sum *s, uint64_t *newest, uint64_t what)
{
	if (*newest >= OLD(0))
		s->old[*newest - OLD(0)].len |= DROPPED;
	if (*newest > DELETED)
		s->kept--;
	if (what > DELETED)
		s->kept++;
	*newest = what;
}

uint32_t
etcd_hashkv_record(uint32_t hash, const struct etcd_record *r, size_t *len)
{
	uint8_t key[ETCD_MVCC_KEY_MAX];
	size_t n = etcd_mvcc_key(r, key);

	*len = n + r->len;
	return crc32c(crc32c(hash, key, n), r->value, r->len);
}

int
etcd_hashkv_kv(const struct etcd_record *r, struct etcd_kv *kv, struct err *err)
{
	if (r->len <= ETCD_HASHKV_LEN_MAX - ETCD_MVCC_KEY_MAX &&
	    etcd_kv_read(r->value, r->len, kv))
		return 0;
	return err_set(err, HF_ECORRUPT,
	    "the record of revision %" PRIu64 " is no KeyValue message",
	    r->main);
}

static int
take_old(struct etcd_hashkv_sum *s, const struct etcd_record *r,
    uint64_t *newest, struct err *err)
{
	struct old o;
	size_t len;
	int rc;

	/* Older servers drop it when they compact, newer ones do not. */
	if (r->tombstone && r->main == s->compact_revision) {
		replace(s, newest, DELETED);
		return 0;
	}
	o.hash = etcd_hashkv_record(0, r, &len);
	o.len = (uint32_t)len | (r->tombstone ? DROPPED : 0);
	if ((rc = add_old(s, &o, err)) < 0)
		return rc;
	replace(s, newest, r->tombstone ? DELETED : OLD(s->nold - 1));
	return 0;
}

static void
take_new(struct etcd_hashkv_sum *s, const struct etcd_record *r)
{
	size_t len;

	s->hash = etcd_hashkv_record(s->hash, r, &len);
	s->len += len;
}

int
etcd_hashkv_sum_add(
    struct etcd_hashkv_sum *s, const struct etcd_record *r, struct err *err)
{
	uint64_t *newest;
	struct etcd_kv kv;
	int rc;

	if (r->main > s->revision)
		return 0;
	if (s->keys == NULL) {
		take_new(s, r);
		return 0;
	}
	if ((rc = etcd_hashkv_kv(r, &kv, err)) < 0 ||
	    (rc = etcd_keys_get(s->keys, kv.key, kv.nkey, &newest, err)) < 0)
		return rc;
	if (r->main <= s->compact_revision)
		return take_old(s, r, newest, err);
	replace(s, newest, r->tombstone ? DELETED : NEW);
	take_new(s, r);
	return 0;
}

uint32_t
etcd_hashkv_sum_end(const struct etcd_hashkv_sum *s)
{
	uint32_t hash = crc32c(0, "key", 3);
	const struct old *o;

	for (o = s->old; o != NULL && o < s->old + s->nold; o++)
		if ((o->len & DROPPED) == 0 || s->kept == 0)
			hash = crc32c_join(
			    hash, o->hash, o->len & ETCD_HASHKV_LEN_MAX);
	return crc32c_join(hash, s->hash, s->len);
}
