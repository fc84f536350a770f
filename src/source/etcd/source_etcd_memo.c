#include "source/etcd/source_etcd_memo.h"
#include "base/crc32c.h"

enum {
	FLAG_TOMBSTONE = 1,
	FLAG_ALIVE = 2
};

void
source_etcd_memo_of(const struct etcd_record *r, struct source_etcd_memo *m)
{
	*m = (struct source_etcd_memo){
		.main = r->main,
		.sub = (uint32_t)r->sub,
		.len = (uint32_t)r->len,
		.crc = crc32c(0, r->value, r->len),
		.tombstone = r->tombstone,
		.alive = true,
	};
}

int
source_etcd_memo_add(
    const struct source_etcd_memo *m, struct buf *b, struct err *err)
{
	uint8_t p[SOURCE_ETCD_MEMO_LEN];

	le64_put(p, m->main);
	le32_put(p + 8, m->sub);
	le32_put(p + 12, m->len);
	le32_put(p + 16, m->crc);
	p[20] =
	    (m->tombstone ? FLAG_TOMBSTONE : 0) | (m->alive ? FLAG_ALIVE : 0);
	return buf_add(b, p, sizeof(p), err);
}

void
source_etcd_memo_read(const uint8_t *p, struct source_etcd_memo *m)
{
	*m = (struct source_etcd_memo){
		.main = le64_get(p),
		.sub = le32_get(p + 8),
		.len = le32_get(p + 12),
		.crc = le32_get(p + 16),
		.tombstone = (p[20] & FLAG_TOMBSTONE) != 0,
		.alive = (p[20] & FLAG_ALIVE) != 0,
	};
}

void
source_etcd_memo_kill(uint8_t *p)
{
	p[20] &= (uint8_t)~FLAG_ALIVE;
}

bool
source_etcd_memo_same(
    const struct source_etcd_memo *a, const struct source_etcd_memo *b)
{
	return a->main == b->main && a->sub == b->sub && a->len == b->len &&
	       a->crc == b->crc && a->tombstone == b->tombstone;
}

int
source_etcd_memo_cmp(
    const struct source_etcd_memo *a, const struct source_etcd_memo *b)
{
	if (a->main != b->main)
		return a->main < b->main ? -1 : 1;
	return a->sub < b->sub ? -1 : a->sub > b->sub;
}
