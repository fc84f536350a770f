#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "etcd/etcd_record.h"

static const uint8_t magic[ETCD_MAGIC_LEN] = { 'H', 'F', 'E', 'R', 1 };

int
etcd_record_cmp(const struct etcd_record *a, const struct etcd_record *b)
{
	if (a->main != b->main)
		return a->main < b->main ? -1 : 1;
	return a->sub < b->sub ? -1 : a->sub > b->sub;
}

void
etcd_segment_head(uint8_t to[ETCD_MAGIC_LEN])
{
	memcpy(to, magic, sizeof(magic));
}

void
etcd_record_head(const struct etcd_record *r, uint8_t to[ETCD_RECORD_HEAD])
{
	le64_put(to, r->main);
	le64_put(to + 8, r->sub);
	to[16] = r->tombstone;
	le32_put(to + 17, (uint32_t)r->len);
}

static int
measure(void *arg, const uint8_t *head, uint64_t *len, struct err *err)
{
	(void)arg;
	if (le64_get(head) > INT64_MAX || le64_get(head + 8) > INT64_MAX ||
	    head[16] > 1)
		return err_set(err, HF_ECORRUPT, "a record is malformed");
	*len = le32_get(head + 17);
	return 0;
}

static int
item(void *arg, const uint8_t *head, const uint8_t *body, size_t len,
    struct err *err)
{
	struct etcd_segment_reader *s = arg;
	const struct etcd_record r = {
		.main = le64_get(head),
		.sub = le64_get(head + 8),
		.tombstone = head[16] == 1,
		.value = body,
		.len = len,
	};

	if (s->any && etcd_record_cmp(&s->last, &r) >= 0)
		return err_set(err, HF_ECORRUPT,
		    "the record of revision %" PRIu64
		    " does not come after the one before it",
		    r.main);
	s->any = true;
	s->last = r;
	return s->fn(s->arg, &r, err);
}

void
etcd_segment_reader_init(
    struct etcd_segment_reader *s, etcd_record_fn *fn, void *arg)
{
	*s = (struct etcd_segment_reader){
		.fn = fn,
		.arg = arg,
		.items = { .magic = magic,
		    .what = "segment of etcd records",
		    .head = ETCD_RECORD_HEAD,
		    .measure = measure,
		    .item = item,
		    .arg = s },
	};
}

void
etcd_segment_reader_clear(struct etcd_segment_reader *s)
{
	etcd_items_clear(&s->items);
}

int
etcd_segment_reader_feed(
    struct etcd_segment_reader *s, const uint8_t *p, size_t n, struct err *err)
{
	return etcd_items_feed(&s->items, p, n, err);
}

int
etcd_segment_reader_end(struct etcd_segment_reader *s, struct err *err)
{
	return etcd_items_end(&s->items, err);
}
