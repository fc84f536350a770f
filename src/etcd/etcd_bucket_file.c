#include <string.h>

#include "base/err.h"
#include "etcd/etcd_bucket_file.h"

enum {
	ITEM_BUCKET = 1,
	ITEM_PAIR = 2
};

static const uint8_t magic[ETCD_MAGIC_LEN] = { 'H', 'F', 'E', 'B', 1 };

void
etcd_bucket_file_head(uint8_t to[ETCD_MAGIC_LEN])
{
	memcpy(to, magic, sizeof(magic));
}

void
etcd_bucket_item_head(uint8_t to[ETCD_BUCKET_ITEM_HEAD], bool bucket,
    uint32_t nkey, uint64_t seq, uint32_t nvalue)
{
	to[0] = bucket ? ITEM_BUCKET : ITEM_PAIR;
	le32_put(to + 1, nkey);
	le64_put(to + 5, seq);
	le32_put(to + 13, nvalue);
}

static int
measure(void *arg, const uint8_t *head, uint64_t *len, struct err *err)
{
	uint32_t nkey = le32_get(head + 1), nvalue = le32_get(head + 13);
	bool bucket = head[0] == ITEM_BUCKET;

	(void)arg;
	if ((!bucket && head[0] != ITEM_PAIR) || nkey == 0 ||
	    (bucket && nvalue != 0) || (!bucket && le64_get(head + 5) != 0))
		return err_set(
		    err, HF_ECORRUPT, "neither a bucket nor a pair of one");
	*len = (uint64_t)nkey + nvalue;
	return 0;
}

/* Remember ${p} in ${last}; it must come after what is there. */
static int
ascend(struct buf *last, bool *any, const uint8_t *p, size_t n,
    const char *what, struct err *err)
{
	size_t common = last->len < n ? last->len : n;
	int c = common > 0 ? memcmp(last->p, p, common) : 0;

	if (*any && (c > 0 || (c == 0 && last->len >= n)))
		return err_set(err, HF_ECORRUPT, "its %s do not ascend", what);
	*any = true;
	last->len = 0;
	return buf_add(last, p, n, err);
}

static int
take_bucket(struct etcd_bucket_reader *r, const uint8_t *name, size_t n,
    uint64_t seq, struct err *err)
{
	int rc;

	if (n == 3 && memcmp(name, "key", 3) == 0)
		return err_set(err, HF_ECORRUPT,
		    "the bucket 'key' stands where the others are");
	rc = ascend(&r->name, &r->any_bucket, name, n, "buckets", err);
	if (rc < 0)
		return rc;
	r->any_key = false;
	return r->sink->bucket(r->sink->arg, name, n, seq, err);
}

static int
item(void *arg, const uint8_t *head, const uint8_t *body, size_t len,
    struct err *err)
{
	struct etcd_bucket_reader *r = arg;
	size_t nkey = le32_get(head + 1);
	int rc;

	if (head[0] == ITEM_BUCKET)
		return take_bucket(r, body, nkey, le64_get(head + 5), err);
	if (!r->any_bucket)
		return err_set(
		    err, HF_ECORRUPT, "a key comes before every bucket");
	if ((rc = ascend(&r->key, &r->any_key, body, nkey, "keys", err)) < 0)
		return rc;
	return r->sink->pair(
	    r->sink->arg, body, nkey, body + nkey, len - nkey, err);
}

void
etcd_bucket_reader_init(
    struct etcd_bucket_reader *r, const struct etcd_bucket_sink *sink)
{
	*r = (struct etcd_bucket_reader){
		.sink = sink,
		.items = { .magic = magic,
		    .what = "file of etcd buckets",
		    .head = ETCD_BUCKET_ITEM_HEAD,
		    .measure = measure,
		    .item = item,
		    .arg = r },
	};
}

void
etcd_bucket_reader_clear(struct etcd_bucket_reader *r)
{
	etcd_items_clear(&r->items);
	buf_free(&r->name);
	buf_free(&r->key);
}

int
etcd_bucket_reader_feed(
    struct etcd_bucket_reader *r, const uint8_t *p, size_t n, struct err *err)
{
	return etcd_items_feed(&r->items, p, n, err);
}

int
etcd_bucket_reader_end(struct etcd_bucket_reader *r, struct err *err)
{
	return etcd_items_end(&r->items, err);
}
