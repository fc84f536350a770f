#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "etcd/etcd_bolt.h"
#include "etcd/etcd_hashkv.h"
#include "etcd/etcd_mvcc.h"
#include "fuzz.h"
#include "test_bolt_read.h"

/*
 * A database: what is read lies inside it, keys ascend, and what the check
 * accepts can be read to its end.
 */
static const uint8_t *input;
static size_t input_len;

static int
read_input(void *arg, uint64_t off, void *to, size_t n, struct err *err)
{
	(void)arg, (void)err;
	MUST(off <= input_len && n <= input_len - off);
	memcpy(to, input + off, n);
	return 0;
}

static bool
ascend(const struct etcd_bolt_item *a, const struct etcd_bolt_item *b)
{
	size_t n = a->nkey < b->nkey ? a->nkey : b->nkey;
	int cmp = n == 0 ? 0 : memcmp(a->key, b->key, n);

	return cmp < 0 || (cmp == 0 && a->nkey < b->nkey);
}

/* Walk a bucket, in memory; and those in it, a few deep. */
static int
walk(const struct etcd_bolt *b, const struct etcd_bolt_item *bucket, int depth)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item, last = { .key = NULL };
	struct err err = ERR_INIT;
	int rc;

	if ((rc = etcd_bolt_cursor_new(b, bucket, &c, &err)) < 0)
		return rc;
	while ((rc = etcd_bolt_next(c, &item, &err)) == 1) {
		MUST(item.key >= input && item.value >= item.key);
		MUST(item.value + item.nvalue <= input + input_len);
		MUST(last.key == NULL || ascend(&last, &item));
		last = item;
		if (item.flags & ETCD_BOLT_BUCKET && depth < 3 &&
		    (rc = walk(b, &item, depth + 1)) < 0)
			return rc;
	}
	MUST(rc == 0 || err.code == rc);
	return rc;
}

/* The same elements, read piece by piece. */
static void
count(const struct etcd_bolt *b, bool sound)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	struct err err = ERR_INIT;
	int rc;

	if (etcd_bolt_bucket(b, "key", &c, &err) < 0)
		return;
	while ((rc = etcd_bolt_next(c, &item, &err)) == 1)
		;
	MUST(rc == 0 || !sound);
	(void)etcd_bolt_seek(c, "\0\0\0\0\0\0\0\2_", 9, &item, &err);
}

/* Records that the check accepts can be hashed, compacted or not. */
static void
records(const struct etcd_bolt *b)
{
	bool good;
	struct err err = ERR_INIT;
	uint32_t hash;

	good = test_bolt_audit(b, &err) == 0;
	MUST(test_bolt_hashkv(b, 5, 0, &hash, &err) == 0 || !good);
	MUST(test_bolt_hashkv(b, INT64_MAX, 3, &hash, &err) == 0 || !good);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct etcd_bolt_file memory = { .size = n, .base = p };
	struct etcd_bolt_file disk = { .size = n, .read = read_input };
	struct err err = ERR_INIT;
	struct etcd_bolt b;
	bool sound;

	input = p;
	input_len = n;
	if (etcd_bolt_open(&b, &memory, &err) < 0)
		return 0;
	sound = etcd_bolt_check(&b, &err) == 0;
	MUST(walk(&b, NULL, 0) == 0 || !sound);
	MUST(etcd_bolt_open(&b, &disk, &err) == 0);
	MUST((etcd_bolt_check(&b, &err) == 0) == sound);
	count(&b, sound);
	records(&b);
	return 0;
}
