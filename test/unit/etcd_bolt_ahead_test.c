#include <fcntl.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "etcd/etcd_bolt.h"
#include "etcd/etcd_bolt_ahead.h"
#include "etcd/etcd_bolt_writer.h"
#include "test.h"

#define PAGE 4096U
#define MIB ((size_t)1 << 20)

/* A database in memory, which is read as if it were not. */
struct base {
	struct buf bytes;
	struct etcd_bolt_file file;
	struct etcd_bolt bolt;
	atomic_size_t read;
};

static int
read_at(void *arg, uint64_t off, void *to, size_t n, struct err *err)
{
	struct base *b = arg;

	(void)err;
	CHECK(off <= b->bytes.len && n <= b->bytes.len - off);
	memcpy(to, b->bytes.p + off, n);
	b->read += n;
	return 0;
}

static void
freep_base(struct base *b)
{
	buf_free(&b->bytes);
}

/* Lengths that make leaves of many elements, of one, and of several pages. */
static size_t
length(unsigned int i)
{
	static const size_t n[] = { 10, 40, 700, 0, 2900, 90, 13000, 5 };

	return n[i / 50 % 8];
}

static void
fill(struct etcd_bolt_writer *w, const char *bucket, unsigned int n, size_t len)
{
	CLEANUP(freep_buf) struct buf value = BUF_INIT;
	struct err e = ERR_INIT;
	unsigned int i;
	char key[16];

	CHECK_OK(buf_reserve(&value, MIB, &e), &e);
	memset(value.p, 'v', MIB);
	CHECK_OK(etcd_bolt_writer_bucket(w, bucket, strlen(bucket), 0, &e), &e);
	for (i = 0; i < n; i++) {
		(void)snprintf(key, sizeof(key), "%08u", i);
		value.p[0] = (uint8_t)i;
		CHECK_OK(etcd_bolt_writer_put(
			     w, key, 8, value.p, len > 0 ? len : length(i), &e),
		    &e);
	}
}

static void
make(struct base *b)
{
	CLEANUP(freep_etcd_bolt_writer) struct etcd_bolt_writer *w = NULL;
	CLEANUP(freep_mem) char *path = NULL;
	CLEANUP(freep_fd) int fd = -1;
	struct err e = ERR_INIT;
	uint64_t size;

	*b = (struct base){ .bytes = BUF_INIT };
	CHECK_OK(str_printf(&path, &e, "%s/db", test_dir()), &e);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	CHECK_OK(etcd_bolt_writer_new(fd, path, PAGE, &w, &e), &e);
	fill(w, "many", 20000, 0);
	fill(w, "long", 12, MIB);
	fill(w, "inline", 2, 5);
	fill(w, "none", 0, 0);
	CHECK_OK(etcd_bolt_writer_finish(w, &size, &e), &e);
	CHECK_OK(buf_reserve(&b->bytes, size, &e), &e);
	CHECK(pread(fd, b->bytes.p, size, 0) == (ssize_t)size);
	b->bytes.len = size;
	b->file =
	    (struct etcd_bolt_file){ .size = size, .read = read_at, .arg = b };
	CHECK_OK(etcd_bolt_open(&b->bolt, &b->file, &e), &e);
}

static bool
same(const struct etcd_bolt_item *a, const struct etcd_bolt_item *b)
{
	return a->flags == b->flags && a->nkey == b->nkey &&
	       a->nvalue == b->nvalue && memcmp(a->key, b->key, a->nkey) == 0 &&
	       (a->nvalue == 0 || memcmp(a->value, b->value, a->nvalue) == 0);
}

/* Cursor and thread say the same, to the end; how many elements? */
static size_t
agree(const struct base *b, const char *bucket, struct err *cause)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *d = NULL;
	CLEANUP(freep_etcd_bolt_ahead) struct etcd_bolt_ahead *a = NULL;
	struct etcd_bolt_item x, y;
	struct err e = ERR_INIT;
	size_t n = 0;
	int rc;

	CHECK_OK(etcd_bolt_bucket(&b->bolt, bucket, &c, &e), &e);
	CHECK_OK(etcd_bolt_bucket(&b->bolt, bucket, &d, &e), &e);
	CHECK_OK(etcd_bolt_ahead_new(d, &a, &e), &e);
	while ((rc = etcd_bolt_next(c, &x, cause)) == 1) {
		CHECK(etcd_bolt_ahead_next(a, &y, &e) == 1);
		CHECK(same(&x, &y));
		n++;
	}
	CHECK(etcd_bolt_ahead_next(a, &y, &e) == rc);
	CHECK_STR(e.msg, cause->msg);
	/* Nor does it begin anew. */
	CHECK(etcd_bolt_ahead_next(a, &y, &e) == rc);
	return n;
}

TEST(ahead__says_what_a_cursor_says)
{
	CLEANUP(freep_base) struct base b;
	struct err none = ERR_INIT;

	make(&b);
	CHECK(agree(&b, "many", &none) == 20000);
	CHECK(agree(&b, "long", &none) == 12);
	CHECK(agree(&b, "inline", &none) == 2);
	CHECK(agree(&b, "none", &none) == 0);
	b.file.base = b.bytes.p;
	CHECK(agree(&b, "many", &none) == 20000);
	CHECK(agree(&b, "inline", &none) == 2);
	CHECK(none.code == 0);
}

/* The next leaf of the bucket "many" from ${at}: pages are written in order. */
static uint8_t *
leaf_from(struct base *b, size_t at)
{
	uint8_t *p = b->bytes.p + at / PAGE * PAGE;

	while (p[8] != 2 || le64_get(p) != (uint64_t)(p - b->bytes.p) / PAGE)
		p += PAGE;
	return p;
}

TEST(ahead__gives_out_what_comes_before_a_damaged_page)
{
	CLEANUP(freep_base) struct base b;
	struct err cause;
	uint8_t *leaf;
	size_t n;
	int i;

	make(&b);
	leaf = leaf_from(&b, b.bytes.len / 4);
	for (i = 0; i < 20; i++) {
		cause = (struct err)ERR_INIT;
		(*leaf)++;
		n = agree(&b, "many", &cause);
		(*leaf)--;
		CHECK(n > 1000 && n < 19000);
		CHECK(cause.code == -HF_ECORRUPT);
		leaf = leaf_from(&b, (size_t)(leaf - b.bytes.p) + PAGE);
	}
}

TEST(ahead__can_be_ended_anywhere)
{
	CLEANUP(freep_base) struct base b;
	struct err e = ERR_INIT;
	struct etcd_bolt_item item;
	unsigned int i, n;

	make(&b);
	for (n = 0; n < 4000; n = 4 * n + 1) {
		CLEANUP(freep_etcd_bolt_cursor)
		struct etcd_bolt_cursor *c = NULL;
		CLEANUP(freep_etcd_bolt_ahead)
		struct etcd_bolt_ahead *a = NULL;

		CHECK_OK(etcd_bolt_bucket(&b.bolt, "many", &c, &e), &e);
		CHECK_OK(etcd_bolt_ahead_new(c, &a, &e), &e);
		for (i = 0; i < n; i++)
			CHECK(etcd_bolt_ahead_next(a, &item, &e) == 1);
	}
}

TEST(ahead__never_holds_many_long_values)
{
	const struct timespec moment = { .tv_nsec = 100000000 };
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	CLEANUP(freep_etcd_bolt_ahead) struct etcd_bolt_ahead *a = NULL;
	CLEANUP(freep_base) struct base b;
	struct err e = ERR_INIT;
	struct etcd_bolt_item item;

	make(&b);
	CHECK_OK(etcd_bolt_bucket(&b.bolt, "long", &c, &e), &e);
	b.read = 0;
	CHECK_OK(etcd_bolt_ahead_new(c, &a, &e), &e);
	CHECK(etcd_bolt_ahead_next(a, &item, &e) == 1);
	(void)nanosleep(&moment, NULL);
	/* The one that was given out, and nothing further. */
	CHECK(b.read >= MIB && b.read < 2 * MIB);
}

TEST(ahead__reports_that_memory_ran_out)
{
	CLEANUP(freep_base) struct base b;
	struct err e = ERR_INIT;
	int rc;

	make(&b);
	TEST_TORTURE (n) {
		CLEANUP(freep_etcd_bolt_cursor)
		struct etcd_bolt_cursor *c = NULL;
		CLEANUP(freep_etcd_bolt_ahead)
		struct etcd_bolt_ahead *a = NULL;

		e = (struct err)ERR_INIT;
		CHECK_OK(etcd_bolt_bucket(&b.bolt, "many", &c, &e), &e);
		test_malloc_fail(n);
		rc = etcd_bolt_ahead_new(c, &a, &e);
		test_malloc_fail(0);
		if (rc == 0)
			break;
		CHECK(e.code == -HF_ENOMEM);
	}
}
