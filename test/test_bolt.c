#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "test.h"
#include "test_bolt.h"

static int
read_bytes(void *arg, uint64_t off, void *to, size_t n, struct err *err)
{
	const struct test_bolt *t = arg;

	(void)err;
	if (off > t->file.size || n > t->file.size - off)
		abort();
	memcpy(to, t->p + off, n);
	return 0;
}

void
test_bolt_init(struct test_bolt *t, bool in_memory)
{
	memset(t->p, 0, sizeof(t->p));
	t->file = (struct etcd_bolt_file){
		.size = sizeof(t->p),
		.base = in_memory ? t->p : NULL,
		.read = read_bytes,
		.arg = t,
	};
}

uint8_t *
test_bolt_page(struct test_bolt *t, unsigned int id)
{
	return t->p + id * TEST_BOLT_PAGE;
}

void
test_bolt_header(uint8_t *p, uint64_t id, unsigned int type, unsigned int count,
    uint32_t overflow)
{
	le64_put(p, id);
	le32_put(p + 8, type | count << 16);
	le32_put(p + 12, overflow);
}

void
test_bolt_sum(struct test_bolt *t, unsigned int n)
{
	uint8_t *p = test_bolt_page(t, n) + 16;
	uint64_t h = 0xcbf29ce484222325;
	int i;

	for (i = 0; i < 56; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	le64_put(p + 56, h);
}

void
test_bolt_meta(struct test_bolt *t, unsigned int n, uint64_t txid,
    uint64_t root, uint64_t freelist, uint64_t pages)
{
	uint8_t *p = test_bolt_page(t, n);

	test_bolt_header(p, n, 4, 0, 0);
	p += 16;
	le32_put(p, 0xed0cdaed);
	le32_put(p + 4, 2);
	le32_put(p + 8, TEST_BOLT_PAGE);
	le64_put(p + 16, root);
	le64_put(p + 32, freelist);
	le64_put(p + 40, pages);
	le64_put(p + 48, txid);
	test_bolt_sum(t, n);
}

size_t
test_bolt_leaf(uint8_t *p, uint64_t id, uint32_t overflow,
    const struct etcd_bolt_item *items, unsigned int n)
{
	size_t at = 16 + (size_t)n * 16;
	unsigned int i;
	uint8_t *e;

	test_bolt_header(p, id, 2, n, overflow);
	for (i = 0; i < n; i++) {
		e = p + 16 + (size_t)i * 16;
		le32_put(e, items[i].flags);
		le32_put(e + 4, (uint32_t)(at - 16 - (size_t)i * 16));
		le32_put(e + 8, (uint32_t)items[i].nkey);
		le32_put(e + 12, (uint32_t)items[i].nvalue);
		memcpy(p + at, items[i].key, items[i].nkey);
		at += items[i].nkey;
		memcpy(p + at, items[i].value, items[i].nvalue);
		at += items[i].nvalue;
	}
	return at;
}

struct etcd_bolt_item
test_bolt_item(const char *key, const char *value)
{
	return (struct etcd_bolt_item){ (const uint8_t *)key,
		(const uint8_t *)value, strlen(key), strlen(value), 0 };
}

struct etcd_bolt_item
test_bolt_at(const char *name, uint8_t room[16], uint64_t root)
{
	le64_put(room, root);
	le64_put(room + 8, 0);
	return (struct etcd_bolt_item){ (const uint8_t *)name, room,
		strlen(name), 16, ETCD_BOLT_BUCKET };
}

struct etcd_bolt_item
test_bolt_inline(const char *name, uint8_t *room,
    const struct etcd_bolt_item *items, unsigned int n)
{
	struct etcd_bolt_item item = test_bolt_at(name, room, 0);

	item.nvalue += test_bolt_leaf(room + 16, 0, 0, items, n);
	return item;
}

void
test_bolt_branch(uint8_t *p, uint64_t id, const char *const keys[],
    const uint64_t *children, unsigned int n)
{
	size_t at = 16 + (size_t)n * 16;
	unsigned int i;
	uint8_t *e;

	test_bolt_header(p, id, 1, n, 0);
	for (i = 0; i < n; i++) {
		e = p + 16 + (size_t)i * 16;
		le32_put(e, (uint32_t)(at - 16 - (size_t)i * 16));
		le32_put(e + 4, (uint32_t)strlen(keys[i]));
		le64_put(e + 8, children[i]);
		memcpy(p + at, keys[i], strlen(keys[i]));
		at += strlen(keys[i]);
	}
}
