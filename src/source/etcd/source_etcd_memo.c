#include <string.h>

#include "base/buf.h"
#include "crypto/secret.h"
#include "source/etcd/source_etcd_memo.h"

#define MAGIC "HFEM\1\0\0\0"
#define MAGIC_LEN (SOURCE_ETCD_MEMO_HEAD - SIPHASH_KEY_LEN)
#define AT_FLAGS 16 /* In a row. */

enum {
	FLAG_TOMBSTONE = 1,
	FLAG_ALIVE = 2
};

void
source_etcd_memo_of(const struct secret *key, const struct etcd_record *r,
    struct source_etcd_memo *m)
{
	*m = (struct source_etcd_memo){
		.main = r->main,
		.sub = (uint32_t)r->sub,
		.len = (uint32_t)r->len,
		.tombstone = r->tombstone,
		.alive = true,
		.id = siphash_of(secret_p(key), r->value, r->len),
	};
}

int
source_etcd_memo_begin(struct buf *b, const struct secret *key, struct err *err)
{
	int rc;

	b->len = 0;
	if ((rc = buf_add(b, MAGIC, MAGIC_LEN, err)) < 0)
		return rc;
	return buf_add(b, secret_p(key), SIPHASH_KEY_LEN, err);
}

int
source_etcd_memo_add(
    struct buf *b, const struct source_etcd_memo *m, struct err *err)
{
	uint8_t p[SOURCE_ETCD_MEMO_ROW];

	le64_put(p, m->main);
	le32_put(p + 8, m->sub);
	le32_put(p + 12, m->len);
	p[AT_FLAGS] =
	    (m->tombstone ? FLAG_TOMBSTONE : 0) | (m->alive ? FLAG_ALIVE : 0);
	le64_put(p + AT_FLAGS + 1, m->id);
	return buf_add(b, p, sizeof(p), err);
}

bool
source_etcd_memo_ok(const uint8_t *p, size_t n)
{
	return n > SOURCE_ETCD_MEMO_HEAD &&
	       (n - SOURCE_ETCD_MEMO_HEAD) % SOURCE_ETCD_MEMO_ROW == 0 &&
	       memcmp(p, MAGIC, MAGIC_LEN) == 0;
}

size_t
source_etcd_memo_count(const struct buf *b)
{
	return (b->len - SOURCE_ETCD_MEMO_HEAD) / SOURCE_ETCD_MEMO_ROW;
}

const uint8_t *
source_etcd_memo_key(const struct buf *b)
{
	return b->p + MAGIC_LEN;
}

void
source_etcd_memo_get(const struct buf *b, size_t i, struct source_etcd_memo *m)
{
	const uint8_t *p =
	    b->p + SOURCE_ETCD_MEMO_HEAD + i * SOURCE_ETCD_MEMO_ROW;

	*m = (struct source_etcd_memo){
		.main = le64_get(p),
		.sub = le32_get(p + 8),
		.len = le32_get(p + 12),
		.tombstone = (p[AT_FLAGS] & FLAG_TOMBSTONE) != 0,
		.alive = (p[AT_FLAGS] & FLAG_ALIVE) != 0,
		.id = le64_get(p + AT_FLAGS + 1),
	};
}

void
source_etcd_memo_kill(struct buf *b, size_t i)
{
	b->p[SOURCE_ETCD_MEMO_HEAD + i * SOURCE_ETCD_MEMO_ROW + AT_FLAGS] &=
	    (uint8_t)~FLAG_ALIVE;
}

bool
source_etcd_memo_same(
    const struct source_etcd_memo *a, const struct source_etcd_memo *b)
{
	return a->main == b->main && a->sub == b->sub && a->len == b->len &&
	       a->id == b->id && a->tombstone == b->tombstone;
}

int
source_etcd_memo_cmp(
    const struct source_etcd_memo *a, const struct source_etcd_memo *b)
{
	if (a->main != b->main)
		return a->main < b->main ? -1 : 1;
	return a->sub < b->sub ? -1 : a->sub > b->sub;
}
