#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "etcd/etcd_bolt.h"
#include "etcd/etcd_bolt_writer.h"
#include "etcd_bolt_walk.h"
#include "test.h"

/*
 * A database in the making, and beside it what reading it back must give.
 */
struct stand {
	size_t page;
	int fd;
	char *path;
	struct etcd_bolt_writer *w;
	struct buf want;
	struct walk *walk; /* After end(). */
	uint64_t size;
};

static void
freep_stand(struct stand *s)
{
	etcd_bolt_writer_free(s->w);
	freep_fd(&s->fd);
	free(s->path);
	buf_free(&s->want);
	walk_free(&s->walk);
}

static void
begin(struct stand *s, size_t page)
{
	static int nth;
	struct err e = ERR_INIT;

	*s = (struct stand){ .page = page, .fd = -1 };
	CHECK_OK(str_printf(&s->path, &e, "%s/db%d", test_dir(), nth++), &e);
	s->fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	CHECK(s->fd >= 0);
	CHECK_OK(etcd_bolt_writer_new(s->fd, s->path, page, &s->w, &e), &e);
}

/* The bytes of a value are the same each time. */
static const uint8_t *
some(size_t n)
{
	static uint8_t p[1 << 20];
	size_t i;

	CHECK(n <= sizeof(p));
	for (i = 0; p[1] == 0 && i < sizeof(p); i++)
		p[i] = (uint8_t)(i * 7 + i / 255 + 1);
	return p;
}

static void
bucket(struct stand *s, const char *name, uint64_t sequence)
{
	struct err e = ERR_INIT;

	CHECK_OK(
	    etcd_bolt_writer_bucket(s->w, name, strlen(name), sequence, &e),
	    &e);
	CHECK_OK(buf_add_str(&s->want, name, &e), &e);
	CHECK_OK(buf_add_u64(&s->want, sequence, &e), &e);
}

static void
put(struct stand *s, const void *key, size_t nkey, size_t nvalue)
{
	struct err e = ERR_INIT;

	CHECK_OK(
	    etcd_bolt_writer_put(s->w, key, nkey, some(nvalue), nvalue, &e),
	    &e);
	CHECK_OK(buf_add_bytes(&s->want, key, nkey, &e), &e);
	CHECK_OK(buf_add_bytes(&s->want, some(nvalue), nvalue, &e), &e);
}

/* A record of ${n} bytes with its element, under the key that comes next. */
static void
record(struct stand *s, size_t n)
{
	static unsigned int nth;
	char key[16];

	CHECK(n >= 24);
	(void)snprintf(key, sizeof(key), "%08u", nth++);
	put(s, key, 8, n - 24);
}

/* The reader's opinion of the file. */
static void
read_bucket(const struct etcd_bolt *b, const struct etcd_bolt_item *bucket,
    struct buf *out)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	struct err e = ERR_INIT;
	int k;

	CHECK_OK(etcd_bolt_cursor_new(b, bucket, &c, &e), &e);
	while ((k = etcd_bolt_next(c, &item, &e)) == 1) {
		CHECK_OK(buf_add_bytes(out, item.key, item.nkey, &e), &e);
		if (bucket != NULL) {
			CHECK_OK(
			    buf_add_bytes(out, item.value, item.nvalue, &e),
			    &e);
			continue;
		}
		CHECK(item.flags == ETCD_BOLT_BUCKET);
		CHECK_OK(buf_add_u64(out, le64_get(item.value + 8), &e), &e);
		read_bucket(b, &item, out);
	}
	CHECK_OK(k, &e);
}

static void
read_file(const struct stand *s, const struct buf *file)
{
	const struct etcd_bolt_file f = { file->len, file->p, NULL, NULL };
	CLEANUP(freep_buf) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	struct etcd_bolt b;

	CHECK_OK(etcd_bolt_open(&b, &f, &e), &e);
	CHECK_OK(etcd_bolt_check(&b, &e), &e);
	read_bucket(&b, NULL, &out);
	CHECK(out.len == s->want.len);
	CHECK(out.len == 0 || memcmp(out.p, s->want.p, out.len) == 0);
}

static void
end(struct stand *s)
{
	CLEANUP(freep_buf) struct buf file = BUF_INIT;
	struct err e = ERR_INIT;
	struct walk *w;

	CHECK_OK(etcd_bolt_writer_finish(s->w, &s->size, &e), &e);
	CHECK_OK(file_read(s->path, SIZE_MAX / 4, &file, &e), &e);
	CHECK(file.len == s->size);
	CHECK((w = s->walk = calloc(1, sizeof(*w))) != NULL);
	walk_file(w, &file, s->page);
	CHECK(w->out.len == s->want.len);
	CHECK(w->out.len == 0 || memcmp(w->out.p, s->want.p, w->out.len) == 0);
	read_file(s, &file);
}

TEST(writer__writes_a_database_of_nothing)
{
	CLEANUP(freep_stand) struct stand s;

	begin(&s, 4096);
	end(&s);
	CHECK(s.size == 3 * 4096UL && s.walk->leaves == 1);
}

TEST(writer__keeps_empty_buckets_and_sequences)
{
	CLEANUP(freep_stand) struct stand s;

	begin(&s, 4096);
	bucket(&s, "alarm", 0);
	bucket(&s, "auth", UINT64_MAX);
	bucket(&s, "authRoles", 1);
	end(&s);
	CHECK(s.size == 3 * 4096UL && s.walk->inlines == 3);
}

TEST(writer__takes_buckets_in_any_order)
{
	CLEANUP(freep_stand) struct stand s;
	static const char *const names[] = { "m", "z", "a", "mm", "b" };
	CLEANUP(freep_buf) struct buf file = BUF_INIT;
	struct err e = ERR_INIT;
	struct walk *w;
	size_t i;

	begin(&s, 512);
	for (i = 0; i < 5; i++) {
		CHECK_OK(etcd_bolt_writer_bucket(
			     s.w, names[i], strlen(names[i]), i, &e),
		    &e);
		CHECK_OK(etcd_bolt_writer_put(
			     s.w, "k", 1, some(i * 200), i * 200, &e),
		    &e);
	}
	CHECK_FAIL(
	    etcd_bolt_writer_bucket(s.w, "mm", 2, 0, &e), &e, HF_ECORRUPT);
	e = (struct err)ERR_INIT;
	CHECK_OK(etcd_bolt_writer_finish(s.w, &s.size, &e), &e);
	CHECK_OK(file_read(s.path, 1 << 20, &file, &e), &e);
	CHECK((w = s.walk = calloc(1, sizeof(*w))) != NULL);
	walk_file(w, &file, 512);
	for (i = 0; i < 5; i++) {
		static const size_t order[] = { 2, 4, 0, 3, 1 };
		const size_t k = order[i];

		CHECK_OK(buf_add_str(&s.want, names[k], &e), &e);
		CHECK_OK(buf_add_u64(&s.want, k, &e), &e);
		CHECK_OK(buf_add_str(&s.want, "k", &e), &e);
		CHECK_OK(
		    buf_add_bytes(&s.want, some(k * 200), k * 200, &e), &e);
	}
	CHECK(w->out.len == s.want.len);
	CHECK(memcmp(w->out.p, s.want.p, w->out.len) == 0);
}

TEST(writer__keeps_a_bucket_of_a_quarter_page_inline)
{
	size_t more;

	for (more = 0; more < 2; more++) {
		CLEANUP(freep_stand) struct stand s;

		begin(&s, 4096);
		bucket(&s, "meta", 0);
		record(&s, 500);
		record(&s, 1024 - 16 - 500 + more);
		end(&s);
		CHECK(s.walk->inlines == 1 - more);
		CHECK(s.size == (3 + more) * 4096);
	}
}

TEST(writer__fills_a_leaf_to_nine_tenths)
{
	size_t more;

	/* 3686 bytes, of which the header has 16. */
	for (more = 0; more < 2; more++) {
		CLEANUP(freep_stand) struct stand s;

		begin(&s, 4096);
		bucket(&s, "key", 0);
		record(&s, 1000);
		record(&s, 1000);
		record(&s, 1670 + more);
		end(&s);
		CHECK(s.walk->leaves == 2 + more);
		CHECK(s.walk->branches == more);
	}
}

TEST(writer__puts_two_keys_at_least_into_a_leaf)
{
	size_t more;

	/* Two pages to the last byte, and one byte more. */
	for (more = 0; more < 2; more++) {
		CLEANUP(freep_stand) struct stand s;

		begin(&s, 4096);
		bucket(&s, "key", 0);
		record(&s, 4000);
		record(&s, 8192 - 16 - 4000 + more);
		record(&s, 24);
		end(&s);
		CHECK(s.walk->leaves == 3);
		CHECK(s.size == (2 + 1 + 1 + 1 + 2 + more) * 4096);
	}
}

TEST(writer__gives_a_big_value_a_leaf_of_its_own)
{
	size_t more;

	/* Sixteen pages share their leaf. */
	for (more = 0; more < 2; more++) {
		CLEANUP(freep_stand) struct stand s;

		begin(&s, 4096);
		bucket(&s, "key", 0);
		record(&s, 24);
		record(&s, 65536 + more);
		record(&s, 24);
		end(&s);
		CHECK(s.walk->leaves == 3 + more);
	}
}

TEST(writer__begins_and_ends_with_big_values)
{
	CLEANUP(freep_stand) struct stand s;

	begin(&s, 512);
	bucket(&s, "a", 0);
	record(&s, 1 << 20);
	bucket(&s, "b", 0);
	record(&s, 100000);
	record(&s, 24);
	record(&s, 100000);
	/* The run is full to its last byte. */
	record(&s, 512 * 100 - 16);
	bucket(&s, "c", 0);
	record(&s, 24);
	end(&s);
	CHECK(s.walk->leaves == 1 + 1 + 4 + 1 && s.walk->inlines == 1);
}

/* No branch is left with a single child, whatever the number of leaves. */
TEST(writer__builds_trees_of_every_size)
{
	size_t n, i;

	for (n = 0; n < 1000; n += n < 60 ? 1 : 17) {
		CLEANUP(freep_stand) struct stand s;

		begin(&s, 512);
		bucket(&s, "key", n);
		for (i = 0; i < n; i++)
			record(&s, 200);
		end(&s);
		if (n > 4)
			CHECK(s.walk->leaves == 1 + (n + 1) / 2);
		CHECK(n < 800 || s.walk->depth == 4);
	}
}

TEST(writer__takes_the_longest_keys)
{
	CLEANUP(freep_mem) uint8_t *key = NULL;
	CLEANUP(freep_stand) struct stand s;
	size_t i;

	CHECK((key = calloc(1, 32768)) != NULL);
	begin(&s, 512);
	bucket(&s, "key", 0);
	for (i = 0; i < 9; i++) {
		key[32767] = (uint8_t)i;
		put(&s, key, 32768, i * 3);
	}
	end(&s);
	/* Two keys fill a branch: nine leaves under four, two and one. */
	CHECK(s.walk->leaves == 10 && s.walk->branches == 7);
}

TEST(writer__splits_the_bucket_of_buckets)
{
	CLEANUP(freep_stand) struct stand s;
	char name[8];
	int i;

	begin(&s, 512);
	for (i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "%03d", i);
		bucket(&s, name, (uint64_t)i);
		record(&s, 24);
	}
	end(&s);
	CHECK(s.walk->inlines == 100 && s.walk->branches == 1);
}

static size_t
below(size_t n)
{
	static uint32_t seed = 1;

	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* Random records of random sizes, with many of a kind. */
TEST(writer__gives_back_what_was_put)
{
	static const size_t pages[] = { 512, 1024, 4096, 65536 };
	size_t round, i, n, len;
	uint8_t key[300];

	for (round = 0; round < 60; round++) {
		CLEANUP(freep_stand) struct stand s;
		char name[2] = "a";

		begin(&s, pages[round % 4]);
		for (; name[0] < 'e'; name[0]++) {
			bucket(&s, name, below(3));
			memset(key, 0, sizeof(key));
			n = below(2) ? below(8) : below(300);
			for (i = 0; i < n; i++) {
				key[0] = (uint8_t)(i >> 8);
				key[1] = (uint8_t)i;
				len = below(20) ? below(200) : below(20 * 512);
				put(&s, key, 2 + below(below(9) ? 20 : 298),
				    len);
			}
		}
		end(&s);
	}
}

TEST(writer__refuses_keys_out_of_order)
{
	CLEANUP(freep_stand) struct stand s;
	struct err e = ERR_INIT;

	begin(&s, 4096);
	CHECK_FAIL(etcd_bolt_writer_put(s.w, "b", 1, "", 0, &e), &e, HF_EBUG);
	bucket(&s, "key", 0);
	put(&s, "b", 1, 3);
	CHECK_FAIL(
	    etcd_bolt_writer_put(s.w, "b", 1, "", 0, &e), &e, HF_ECORRUPT);
	CHECK_FAIL(
	    etcd_bolt_writer_put(s.w, "aa", 2, "", 0, &e), &e, HF_ECORRUPT);
	put(&s, "b\0", 2, 3);
	/* Each bucket has an order of its own. */
	bucket(&s, "lease", 0);
	put(&s, "a", 1, 3);
	end(&s);
}

TEST(writer__refuses_what_bbolt_does)
{
	CLEANUP(freep_mem) uint8_t *key = NULL;
	CLEANUP(freep_stand) struct stand s;
	struct err e = ERR_INIT;

	CHECK((key = calloc(1, 32769)) != NULL);
	begin(&s, 4096);
	CHECK_FAIL(etcd_bolt_writer_bucket(s.w, "", 0, 0, &e), &e, HF_ECORRUPT);
	CHECK_FAIL(
	    etcd_bolt_writer_bucket(s.w, key, 32769, 0, &e), &e, HF_ECORRUPT);
	bucket(&s, "key", 0);
	CHECK_FAIL(
	    etcd_bolt_writer_put(s.w, "", 0, "", 0, &e), &e, HF_ECORRUPT);
	CHECK_FAIL(
	    etcd_bolt_writer_put(s.w, key, 32769, "", 0, &e), &e, HF_ECORRUPT);
	CHECK_FAIL(etcd_bolt_writer_put(s.w, "k", 1, "", 0x7FFFFFFF, &e), &e,
	    HF_ECORRUPT);
}

TEST(writer__refuses_page_sizes_that_are_none)
{
	static const size_t bad[] = { 0, 256, 4095, 4608, 131072 };
	struct etcd_bolt_writer *w = NULL;
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_FAIL(etcd_bolt_writer_new(-1, "db", bad[i], &w, &e), &e,
		    HF_ECORRUPT);
}

TEST(writer__refuses_a_file_with_something_in_it)
{
	struct etcd_bolt_writer *w = NULL;
	CLEANUP(freep_stand) struct stand s;
	struct err e = ERR_INIT;

	begin(&s, 4096);
	end(&s);
	CHECK_FAIL(
	    etcd_bolt_writer_new(s.fd, s.path, 4096, &w, &e), &e, HF_EBUG);
}

/* What a crash leaves must not pass for a database with something missing. */
TEST(writer__makes_no_database_before_its_end)
{
	CLEANUP(freep_buf) struct buf file = BUF_INIT;
	CLEANUP(freep_stand) struct stand s;
	struct err e = ERR_INIT;
	size_t i;

	begin(&s, 4096);
	bucket(&s, "key", 0);
	for (i = 0; i < 9; i++)
		record(&s, 1 << 20);
	CHECK_OK(file_read(s.path, SIZE_MAX / 4, &file, &e), &e);
	CHECK(file.len >= 2 << 20);
	for (i = 0; i < 2 * 4096; i++)
		CHECK(file.p[i] == 0);
	end(&s);
}

/* Pieces are written side by side, into a file that was made longer ahead. */
TEST(writer__leaves_no_room_behind_its_end)
{
	CLEANUP(freep_buf) struct buf file = BUF_INIT;
	CLEANUP(freep_stand) struct stand s;
	struct err e = ERR_INIT;
	size_t i;

	begin(&s, 4096);
	bucket(&s, "key", 0);
	for (i = 0; i < 45; i++)
		record(&s, 1 << 20);
	end(&s);
	CHECK_OK(file_read(s.path, SIZE_MAX / 4, &file, &e), &e);
	CHECK(file.len == s.size && file.len > 45 << 20);
	CHECK((fcntl(s.fd, F_GETFL) & O_DIRECT) == 0);
}

TEST(writer__says_which_file_found_no_room)
{
	CLEANUP(freep_stand) struct stand s;
	const struct rlimit small = { 1536 << 10, RLIM_INFINITY };
	struct rlimit before;
	struct err e = ERR_INIT;
	int i, rc = 0;

	begin(&s, 4096);
	bucket(&s, "key", 0);
	CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
	CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
	for (i = 0; rc == 0 && i < 200; i++) {
		const uint8_t key = (uint8_t)i;

		rc = etcd_bolt_writer_put(
		    s.w, &key, 1, some(100000), 100000, &e);
	}
	CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
	CHECK(rc == -HF_ENOSPC && i > 15 && i < 120);
	CHECK(strstr(e.msg, s.path) != NULL);
	CHECK(strstr(e.hint, "make room") != NULL);
}

static int
write_some(int fd, const char *path, struct err *err)
{
	CLEANUP(freep_etcd_bolt_writer) struct etcd_bolt_writer *w = NULL;
	uint64_t size;
	uint8_t key;
	int rc;

	CHECK(ftruncate(fd, 0) == 0);
	if ((rc = etcd_bolt_writer_new(fd, path, 512, &w, err)) < 0 ||
	    (rc = etcd_bolt_writer_bucket(w, "key", 3, 0, err)) < 0)
		return rc;
	for (key = 0; key < 40; key++)
		if ((rc = etcd_bolt_writer_put(
			 w, &key, 1, some(20 * key), 20U * key, err)) < 0)
			return rc;
	if ((rc = etcd_bolt_writer_put(w, &key, 1, some(9000), 9000, err)) <
		0 ||
	    (rc = etcd_bolt_writer_bucket(w, "a", 1, 0, err)) < 0 ||
	    (rc = etcd_bolt_writer_put(w, "k", 1, "v", 1, err)) < 0 ||
	    (rc = etcd_bolt_writer_finish(w, &size, err)) < 0)
		return rc;
	return etcd_bolt_seal(fd, path, size, err);
}

TEST(writer__survives_every_failed_allocation)
{
	CLEANUP(freep_stand) struct stand s;
	int rc;

	begin(&s, 4096);
	TEST_TORTURE (n) {
		struct err e = ERR_INIT;

		test_malloc_fail(n);
		rc = write_some(s.fd, s.path, &e);
		if (!test_malloc_failed()) {
			CHECK_OK(rc, &e);
			CHECK(n > 10);
			break;
		}
		CHECK(rc == -HF_ENOMEM);
	}
	test_malloc_fail(0);
}

TEST(seal__appends_the_hash_that_etcdutl_wants)
{
	CLEANUP(freep_buf) struct buf file = BUF_INIT;
	CLEANUP(freep_stand) struct stand s;
	uint8_t digest[SHA256_LEN];
	struct err e = ERR_INIT;
	int i;

	begin(&s, 512);
	bucket(&s, "key", 0);
	for (i = 0; i < 3; i++)
		record(&s, 1 << 20);
	end(&s);
	CHECK_OK(etcd_bolt_seal(s.fd, s.path, s.size, &e), &e);
	CHECK_OK(file_read(s.path, SIZE_MAX / 4, &file, &e), &e);
	CHECK(file.len == s.size + 32 && file.len % 512 == 32);
	CHECK_OK(sha256_of(file.p, s.size, digest, &e), &e);
	CHECK(memcmp(digest, file.p + s.size, 32) == 0);
}

TEST(seal__refuses_a_file_that_is_too_short)
{
	CLEANUP(freep_stand) struct stand s;
	struct err e = ERR_INIT;

	begin(&s, 512);
	end(&s);
	CHECK_FAIL(etcd_bolt_seal(s.fd, s.path, s.size + 1, &e), &e, HF_EIO);
	CHECK(strstr(e.msg, s.path) != NULL);
}
