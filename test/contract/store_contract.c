#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/buf.h"
#include "store_contract.h"
#include "test.h"

#define THREADS 16
#define READ_WRITE (STORE_READ | STORE_WRITE)

/* What the promises are checked on. */
static store_contract_open_fn *open_fn;
static void *open_arg;
static unsigned flags;

static struct store *
opened(const char *place, enum store_power power)
{
	struct err e = ERR_INIT;
	struct store *s = NULL;

	CHECK_OK(open_fn(open_arg, place, power, &s, &e), &e);
	return s;
}

static int
put(struct store *s, const char *name, const void *p, size_t n, struct err *e)
{
	const struct store_blob blob = { .p = p, .len = n };

	return store_put(s, name, &blob, e);
}

static void
put_text(struct store *s, const char *name, const char *text)
{
	struct err e = ERR_INIT;

	CHECK_OK(put(s, name, text, strlen(text), &e), &e);
}

static void
check_text(struct store *s, const char *name, const char *text)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(store_get(s, name, 1 << 20, &b, &e), &e);
	CHECK(b.len == strlen(text));
	CHECK(memcmp(b.p, text, b.len) == 0);
}

static void
check_absent(struct store *s, const char *name)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct store_info info;
	struct err e = ERR_INIT;

	CHECK_FAIL(store_get(s, name, 100, &b, &e), &e, HF_ENOTFOUND);
	CHECK_FAIL(store_head(s, name, &info, &e), &e, HF_ENOTFOUND);
	CHECK(b.len == 0);
}

/* Fill with bytes that differ from place to place and from seed to seed. */
static void
fill(uint8_t *p, size_t n, unsigned seed)
{
	uint32_t x = seed * 2654435761U + 1;
	size_t i;

	for (i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (uint8_t)(x >> 24);
	}
}

/* Collect a listing as "name\n" lines. */
static int
collect(void *arg, const struct store_info *info, struct err *e)
{
	struct buf *b = arg;

	return buf_printf(b, e, "%s\n", info->name);
}

static void
check_list(struct store *s, const char *prefix, const char *want)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(store_list(s, prefix, collect, &b, &e), &e);
	CHECK_OK(buf_add(&b, "", 1, &e), &e);
	CHECK_STR((const char *)b.p, want);
}

static void
get__gives_the_very_bytes_that_were_put(void)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 65537, 5242881 };
	CLEANUP(freep_store) struct store *s = opened("bytes", READ_WRITE);
	CLEANUP(freep_mem) uint8_t *p = malloc(5242881);
	struct err e = ERR_INIT;
	char name[32];
	size_t i;

	CHECK(p != NULL);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		CLEANUP(freep_buf) struct buf b = BUF_INIT;

		fill(p, sizes[i], (unsigned)i);
		(void)snprintf(name, sizeof(name), "of/%zu", sizes[i]);
		CHECK_OK(put(s, name, p, sizes[i], &e), &e);
		CHECK_OK(store_get(s, name, sizes[i], &b, &e), &e);
		CHECK(b.len == sizes[i]);
		CHECK(sizes[i] == 0 || memcmp(b.p, p, b.len) == 0);
	}
}

static void
put__refuses_a_taken_name_and_keeps_the_old_bytes(void)
{
	CLEANUP(freep_store) struct store *s = opened("taken", READ_WRITE);
	CLEANUP(freep_mem) uint8_t *large = calloc(8, 1 << 20);
	struct err e = ERR_INIT;

	CHECK(large != NULL);
	put_text(s, "a/b", "one");
	CHECK_FAIL(put(s, "a/b", "second", 6, &e), &e, HF_EEXISTS);
	CHECK_FAIL(put(s, "a/b", "one", 3, &e), &e, HF_EEXISTS);
	/* A server may refuse it before it has read it all. */
	CHECK_FAIL(put(s, "a/b", large, 8 << 20, &e), &e, HF_EEXISTS);
	check_text(s, "a/b", "one");
}

struct race {
	struct store *store;
	pthread_barrier_t *start;
	uint8_t id;
	int rc;
	struct err err;
};

#define RACE_LEN 100000

static void *
race_put(void *arg)
{
	struct race *r = arg;
	uint8_t *p = malloc(RACE_LEN);

	(void)pthread_barrier_wait(r->start);
	if (p == NULL)
		return NULL;
	memset(p, r->id, RACE_LEN);
	r->rc = put(r->store, "deep/down/one", p, RACE_LEN, &r->err);
	free(p);
	return NULL;
}

static void
put__has_one_winner_among_sixteen(void)
{
	CLEANUP(freep_store) struct store *s = opened("race", READ_WRITE);
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct race r[THREADS];
	pthread_t t[THREADS];
	pthread_barrier_t start;
	struct err e = ERR_INIT;
	int i, winner = -1;
	size_t k;

	CHECK(pthread_barrier_init(&start, NULL, THREADS) == 0);
	for (i = 0; i < THREADS; i++) {
		r[i] = (struct race){ .store = s, .start = &start };
		r[i].id = (uint8_t)(i + 1);
		r[i].rc = 1;
		CHECK(pthread_create(&t[i], NULL, race_put, &r[i]) == 0);
	}
	for (i = 0; i < THREADS; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	(void)pthread_barrier_destroy(&start);
	for (i = 0; i < THREADS; i++) {
		if (r[i].rc == 0) {
			CHECK(winner < 0);
			winner = i;
		} else if (r[i].rc != -HF_EEXISTS) {
			CHECK_OK(r[i].rc, &r[i].err);
		}
	}
	CHECK(winner >= 0);
	CHECK_OK(store_get(s, "deep/down/one", RACE_LEN, &b, &e), &e);
	CHECK(b.len == RACE_LEN);
	for (k = 0; k < b.len; k++)
		CHECK(b.p[k] == winner + 1);
}

struct watch {
	struct store *store;
	atomic_bool stop;
	unsigned seen, torn, failed;
};

#define WATCH_LEN (1 << 20)

static int
watch_one(void *arg, const struct store_info *info, struct err *e)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct watch *w = arg;
	size_t i;

	w->seen++;
	w->torn += info->len != WATCH_LEN;
	if (store_get(w->store, info->name, WATCH_LEN, &b, e) < 0)
		return e->code;
	w->torn += b.len != WATCH_LEN;
	for (i = 1; i < b.len; i++)
		if (b.p[i] != b.p[0])
			break;
	w->torn += i != b.len;
	return 0;
}

static void *
watch(void *arg)
{
	struct watch *w = arg;
	struct err e = ERR_INIT;

	while (!w->stop)
		w->failed += store_list(w->store, "", watch_one, w, &e) < 0;
	return NULL;
}

static void
put__is_seen_whole_or_not_at_all(void)
{
	CLEANUP(freep_store) struct store *s = opened("torn", READ_WRITE);
	CLEANUP(freep_mem) uint8_t *p = malloc(WATCH_LEN);
	struct watch w = { .store = s };
	struct err e = ERR_INIT;
	pthread_t t;
	char name[32];
	int i, rc = 0;

	CHECK(p != NULL);
	CHECK(pthread_create(&t, NULL, watch, &w) == 0);
	for (i = 0; i < 10 && rc == 0; i++) {
		memset(p, 'a' + i, WATCH_LEN);
		(void)snprintf(name, sizeof(name), "f/%d", i);
		rc = put(s, name, p, WATCH_LEN, &e);
	}
	w.stop = true;
	CHECK(pthread_join(t, NULL) == 0);
	CHECK_OK(rc, &e);
	CHECK(w.torn == 0 && w.failed == 0);
}

static void
get__says_that_there_is_none(void)
{
	CLEANUP(freep_store) struct store *s = opened("none", READ_WRITE);

	check_absent(s, "a");
	put_text(s, "a/b/c", "x");
	check_absent(s, "a");
	check_absent(s, "a/b");
	check_absent(s, "a/b/d");
	check_absent(s, "a/b/c/d");
	check_absent(s, "b/b/c");
	check_absent(s, "A/b/c");
}

static void
get__refuses_more_than_the_maximum(void)
{
	CLEANUP(freep_store) struct store *s = opened("max", READ_WRITE);
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	put_text(s, "five", "12345");
	put_text(s, "empty", "");
	CHECK_OK(buf_add(&b, "<", 1, &e), &e);
	CHECK_FAIL(store_get(s, "five", 4, &b, &e), &e, HF_ECORRUPT);
	CHECK_FAIL(store_get(s, "five", 0, &b, &e), &e, HF_ECORRUPT);
	CHECK(b.len == 1);
	CHECK_OK(store_get(s, "empty", 0, &b, &e), &e);
	CHECK(b.len == 1);
	CHECK_OK(store_get(s, "five", 5, &b, &e), &e);
	CHECK(b.len == 6 && memcmp(b.p, "<12345", 6) == 0);
}

static void
get_range__gives_exactly_what_was_asked_for(void)
{
	CLEANUP(freep_store) struct store *s = opened("range", READ_WRITE);
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	put_text(s, "ten", "0123456789");
	CHECK_OK(store_get_range(s, "ten", 0, 1, &b, &e), &e);
	CHECK_OK(store_get_range(s, "ten", 9, 1, &b, &e), &e);
	CHECK_OK(store_get_range(s, "ten", 3, 4, &b, &e), &e);
	CHECK_OK(store_get_range(s, "ten", 0, 10, &b, &e), &e);
	CHECK(b.len == 16 && memcmp(b.p, "0934560123456789", 16) == 0);
}

static void
get_range__refuses_what_lies_behind_the_end(void)
{
	CLEANUP(freep_store) struct store *s = opened("behind", READ_WRITE);
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	put_text(s, "ten", "0123456789");
	put_text(s, "empty", "");
	CHECK_FAIL(store_get_range(s, "ten", 9, 2, &b, &e), &e, HF_ECORRUPT);
	CHECK_FAIL(store_get_range(s, "ten", 10, 1, &b, &e), &e, HF_ECORRUPT);
	CHECK_FAIL(store_get_range(s, "ten", 11, 1, &b, &e), &e, HF_ECORRUPT);
	CHECK_FAIL(store_get_range(s, "empty", 0, 1, &b, &e), &e, HF_ECORRUPT);
	CHECK_FAIL(
	    store_get_range(s, "ten", UINT64_MAX, 2, &b, &e), &e, HF_ECORRUPT);
	CHECK_FAIL(store_get_range(s, "none", 0, 1, &b, &e), &e, HF_ENOTFOUND);
	CHECK(b.len == 0);
}

static void
head__tells_length_and_time(void)
{
	CLEANUP(freep_store) struct store *s = opened("head", READ_WRITE);
	struct store_info info;
	/*
	 * A server's clock is known by what it last said of it: to the second,
	 * and to the time that its answer took.
	 */
	const bool far = (flags & STORE_CONTRACT_FAR) != 0;
	const int64_t slack = far ? 60000 : 2000;
	struct err e = ERR_INIT;
	int64_t before, after;

	CHECK_OK(store_now(s, &before, &e), &e);
	put_text(s, "a/five", "12345");
	CHECK_OK(store_now(s, &after, &e), &e);
	CHECK(far || after >= before);
	CHECK_OK(store_head(s, "a/five", &info, &e), &e);
	CHECK(info.len == 5 && info.name == NULL);
	CHECK(info.mtime_ms >= before - slack);
	CHECK(info.mtime_ms <= after + slack);
}

static void
now__is_not_far_from_the_hosts_time(void)
{
	CLEANUP(freep_store) struct store *s = opened("now", READ_WRITE);
	struct err e = ERR_INIT;
	int64_t ms, ours = (int64_t)time(NULL) * 1000;

	CHECK_OK(store_now(s, &ms, &e), &e);
	CHECK(ms > ours - 60000 && ms < ours + 60000);
	check_list(s, "", "");
}

static void
list__ascends_by_bytes(void)
{
	static const char *const names[] = { "b", "a0", "a/z", "a-b", "a.b",
		"A", "a_b", "a/b.c", "a/b-c", "a/b/c", "aa", "a/b0", "_", "0",
		"a/B" };
	CLEANUP(freep_store) struct store *s = opened("sorted", READ_WRITE);
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		put_text(s, names[i], "x");
	check_list(s, "",
	    "0\nA\n_\na-b\na.b\na/B\na/b-c\na/b.c\na/b/c\na/b0\na/z\na0\n"
	    "a_b\naa\nb\n");
}

static void
list__shows_what_begins_with_the_prefix(void)
{
	CLEANUP(freep_store) struct store *s = opened("prefix", READ_WRITE);

	check_list(s, "", "");
	check_list(s, "no/such/", "");
	put_text(s, "p/1/x", "");
	put_text(s, "p/1/y", "");
	put_text(s, "p/10", "");
	put_text(s, "p.q", "");
	put_text(s, "q", "");
	check_list(s, "p", "p.q\np/1/x\np/1/y\np/10\n");
	check_list(s, "p/", "p/1/x\np/1/y\np/10\n");
	check_list(s, "p/1", "p/1/x\np/1/y\np/10\n");
	check_list(s, "p/1/", "p/1/x\np/1/y\n");
	check_list(s, "p/1/x", "p/1/x\n");
	check_list(s, "p/1/x/", "");
	check_list(s, "p/1/xx", "");
	check_list(s, "p/2", "");
	check_list(s, "r", "");
}

static int
check_info(void *arg, const struct store_info *info, struct err *e)
{
	const struct store_info *want = arg;

	(void)e;
	CHECK(info->len == want->len && info->mtime_ms == want->mtime_ms);
	return 0;
}

static void
list__tells_what_head_tells(void)
{
	CLEANUP(freep_store) struct store *s = opened("facts", READ_WRITE);
	struct store_info info;
	struct err e = ERR_INIT;

	put_text(s, "a/five", "12345");
	CHECK_OK(store_head(s, "a/five", &info, &e), &e);
	/* A Last-Modified header has whole seconds, a listing may have more. */
	if (!(flags & STORE_CONTRACT_FAR))
		CHECK_OK(store_list(s, "", check_info, &info, &e), &e);
}

static int
stop_at_second(void *arg, const struct store_info *info, struct err *e)
{
	int *n = arg;

	(void)info;
	if (++*n == 2)
		return err_set(e, HF_EINTR, "enough");
	return 0;
}

static void
list__ends_when_the_caller_says_so(void)
{
	CLEANUP(freep_store) struct store *s = opened("stop", READ_WRITE);
	struct err e = ERR_INIT;
	int n = 0;

	put_text(s, "a", "");
	put_text(s, "b", "");
	put_text(s, "c", "");
	CHECK_FAIL(store_list(s, "", stop_at_second, &n, &e), &e, HF_EINTR);
	CHECK(n == 2);
}

static int
erase_it(void *arg, const struct store_info *info, struct err *e)
{
	return store_erase(arg, info->name, e);
}

static void
list__lets_the_caller_use_the_store(void)
{
	CLEANUP(freep_store) struct store *s = opened("reenter", READ_WRITE);
	CLEANUP(freep_store_eraser) struct store_eraser *er = NULL;
	struct err e = ERR_INIT;

	put_text(s, "a/1", "");
	put_text(s, "a/2", "");
	put_text(s, "b/1", "");
	CHECK_OK(store_eraser_new(s, &er, &e), &e);
	CHECK_OK(store_list(s, "", erase_it, er, &e), &e);
	check_list(s, "", "");
}

static void
erase__removes_one_object_and_frees_its_name(void)
{
	CLEANUP(freep_store) struct store *s = opened("erase", READ_WRITE);
	CLEANUP(freep_store_eraser) struct store_eraser *er = NULL;
	struct err e = ERR_INIT;

	put_text(s, "a/b/1", "one");
	put_text(s, "a/b/2", "two");
	CHECK_OK(store_eraser_new(s, &er, &e), &e);
	CHECK_OK(store_erase(er, "a/b/1", &e), &e);
	check_absent(s, "a/b/1");
	check_list(s, "", "a/b/2\n");
	CHECK_OK(store_erase(er, "a/b/1", &e), &e);
	CHECK_OK(store_erase(er, "no/such", &e), &e);
	CHECK_OK(store_erase(er, "a/b", &e), &e);
	CHECK_OK(store_erase(er, "a/b/2", &e), &e);
	check_list(s, "", "");
	put_text(s, "a/b/1", "again");
	check_text(s, "a/b/1", "again");
}

static void
powers__that_were_not_asked_for_are_refused(void)
{
	CLEANUP(freep_store) struct store *rw = opened("powers", READ_WRITE);
	CLEANUP(freep_store) struct store *r = NULL;
	CLEANUP(freep_store) struct store *w = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct store_eraser *er = NULL;
	struct store_info info;
	struct err e = ERR_INIT;

	put_text(rw, "a", "x");
	r = opened("powers", STORE_READ);
	w = opened("powers", STORE_WRITE);
	CHECK_FAIL(put(r, "b", "x", 1, &e), &e, HF_EDENIED);
	CHECK_FAIL(store_eraser_new(r, &er, &e), &e, HF_EDENIED);
	CHECK_FAIL(store_probe(r, STORE_WRITE, &e), &e, HF_EDENIED);
	CHECK_FAIL(store_get(w, "a", 9, &b, &e), &e, HF_EDENIED);
	CHECK_FAIL(store_get_range(w, "a", 0, 1, &b, &e), &e, HF_EDENIED);
	CHECK_FAIL(store_head(w, "a", &info, &e), &e, HF_EDENIED);
	CHECK_FAIL(store_list(w, "", collect, &b, &e), &e, HF_EDENIED);
	CHECK_FAIL(store_probe(w, STORE_READ, &e), &e, HF_EDENIED);
	CHECK(er == NULL && b.len == 0);
	put_text(w, "c", "x");
	check_absent(rw, "b");
}

static void
probe__leaves_nothing_behind(void)
{
	CLEANUP(freep_store) struct store *s = opened("probe", READ_WRITE);
	struct err e = ERR_INIT;

	put_text(s, "a", "x");
	CHECK_OK(store_probe(s, READ_WRITE, &e), &e);
	CHECK_OK(store_probe(s, STORE_READ, &e), &e);
	CHECK_OK(store_probe(s, STORE_WRITE, &e), &e);
	check_list(s, "", "a\n");
}

static void
names__that_break_the_rule_are_refused(void)
{
	static const char *const bad[] = { "", "/", "/a", "a/", "a//b", ".",
		"..", "../a", "a/..", "a/../b", "./a", "a/.", "a b", "a\nb",
		"a\\b", "a\"b", "a<b", "a#", "a?b", "~", "\303\244" };
	CLEANUP(freep_store) struct store *s = opened("names", READ_WRITE);
	CLEANUP(freep_store_eraser) struct store_eraser *er = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct store_info info;
	struct err e = ERR_INIT;
	size_t i;

	CHECK_OK(store_eraser_new(s, &er, &e), &e);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(!store_name_ok(bad[i]));
		CHECK_FAIL(put(s, bad[i], "x", 1, &e), &e, HF_EBUG);
		CHECK_FAIL(store_get(s, bad[i], 9, &b, &e), &e, HF_EBUG);
		CHECK_FAIL(store_head(s, bad[i], &info, &e), &e, HF_EBUG);
		CHECK_FAIL(store_erase(er, bad[i], &e), &e, HF_EBUG);
	}
	CHECK_FAIL(store_list(s, "../", collect, &b, &e), &e, HF_EBUG);
	CHECK_FAIL(store_list(s, "/", collect, &b, &e), &e, HF_EBUG);
	CHECK_FAIL(store_list(s, "a//", collect, &b, &e), &e, HF_EBUG);
	check_list(s, "", "");
}

static void
names__that_keep_the_rule_are_kept(void)
{
	static const char *const good[] = { "-", "...", ".a", "A-Z_09.x",
		"a/...", "a/..b", "a/.b", "b-2026-11-20T10:00:00Z.dump",
		"c%2e(a!b$&'*,;=@)" };
	CLEANUP(freep_store) struct store *s = opened("good", READ_WRITE);
	char longest[257];
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		put_text(s, good[i], good[i]);
		check_text(s, good[i], good[i]);
	}
	check_list(s, "",
	    "-\n...\n.a\nA-Z_09.x\na/...\na/..b\na/.b\n"
	    "b-2026-11-20T10:00:00Z.dump\nc%2e(a!b$&'*,;=@)\n");
	check_list(s, "a/..", "a/...\na/..b\n");
	memset(longest, 'x', sizeof(longest));
	for (i = 50; i < 250; i += 50)
		longest[i] = '/';
	longest[256] = '\0';
	CHECK(!store_name_ok(longest));
	longest[255] = '\0';
	put_text(s, longest, "long");
	check_text(s, longest, "long");
}

struct crowd {
	struct store *store;
	int id, n;
	struct err err;
};

static void *
crowd_put(void *arg)
{
	struct crowd *c = arg;
	char name[64];
	int i;

	for (i = 0; i < c->n && c->err.code == 0; i++) {
		CLEANUP(freep_buf) struct buf b = BUF_INIT;

		(void)snprintf(name, sizeof(name), "many/%02d/%04d", c->id % 4,
		    i * 100 + c->id);
		if (put(c->store, name, name, strlen(name), &c->err) == 0 &&
		    store_get(c->store, name, 99, &b, &c->err) == 0 &&
		    (b.len != strlen(name) || memcmp(b.p, name, b.len) != 0))
			err_set(&c->err, HF_ECORRUPT, "'%s' differs", name);
	}
	return NULL;
}

static int
count(void *arg, const struct store_info *info, struct err *e)
{
	(void)info, (void)e;
	++*(int *)arg;
	return 0;
}

/* More than fit on one page of any server's listing. */
static void
threads__may_use_one_store_and_a_listing_is_complete(void)
{
	CLEANUP(freep_store) struct store *s = opened("crowd", READ_WRITE);
	struct crowd c[THREADS];
	pthread_t t[THREADS];
	struct err e = ERR_INIT;
	int i, n = 0;

	for (i = 0; i < THREADS; i++) {
		c[i] = (struct crowd){ .store = s, .id = i, .n = 70 };
		CHECK(pthread_create(&t[i], NULL, crowd_put, &c[i]) == 0);
	}
	for (i = 0; i < THREADS; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	for (i = 0; i < THREADS; i++)
		CHECK_OK(c[i].err.code, &c[i].err);
	CHECK_OK(store_list(s, "many/", count, &n, &e), &e);
	CHECK(n == THREADS * 70);
}

static void
objects__are_there_when_the_store_is_opened_again(void)
{
	CLEANUP(freep_store) struct store *s = NULL;

	if (flags & STORE_CONTRACT_FORGETS)
		return;
	s = opened("again", READ_WRITE);
	put_text(s, "a/b", "kept");
	store_free(TAKE(s));
	s = opened("again", STORE_READ);
	check_text(s, "a/b", "kept");
	check_list(s, "", "a/b\n");
}

/* All of the object, or nothing: whatever the call said. */
static void
check_whole_or_absent(struct store *s, const char *name, int rc)
{
	struct store_info info;
	struct err e = ERR_INIT;

	if (rc != 0 && store_head(s, name, &info, &e) == -HF_ENOTFOUND)
		return;
	check_text(s, name, "whole");
}

/* Two whole parts and a bit, which are bytes of ${seed}. */
#define PARTS_LEN (2 * STORE_PART + 12345)

static void
upload_parts(struct store_upload *u, const uint8_t *p)
{
	struct err e = ERR_INIT;

	CHECK_OK(store_upload_part(u, p, STORE_PART, &e), &e);
	CHECK_OK(store_upload_part(u, p + STORE_PART, STORE_PART, &e), &e);
	CHECK_OK(store_upload_part(u, p + 2 * STORE_PART, 12345, &e), &e);
}

static void
upload__gives_the_parts_as_one_object(void)
{
	CLEANUP(freep_store) struct store *s = opened("parts", READ_WRITE);
	CLEANUP(freep_store_upload) struct store_upload *u = NULL;
	CLEANUP(freep_mem) uint8_t *p = malloc(PARTS_LEN);
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct store_info info;
	struct err e = ERR_INIT;

	CHECK(p != NULL);
	fill(p, PARTS_LEN, 7);
	CHECK_OK(store_upload_new(s, "in/parts", &u, &e), &e);
	upload_parts(u, p);
	check_absent(s, "in/parts");
	check_list(s, "", "");
	CHECK_OK(store_upload_finish(u, &e), &e);
	store_upload_free(TAKE(u));
	CHECK_OK(store_head(s, "in/parts", &info, &e), &e);
	CHECK(info.len == PARTS_LEN);
	CHECK_OK(store_get(s, "in/parts", PARTS_LEN, &b, &e), &e);
	CHECK(b.len == PARTS_LEN && memcmp(b.p, p, b.len) == 0);
	check_list(s, "", "in/parts\n");
}

static void
upload__of_one_short_part_is_an_object(void)
{
	CLEANUP(freep_store) struct store *s = opened("short", READ_WRITE);
	CLEANUP(freep_store_upload) struct store_upload *u = NULL;
	const uint8_t *p = (const uint8_t *)"x";
	struct err e = ERR_INIT;

	CHECK_OK(store_upload_new(s, "one", &u, &e), &e);
	CHECK_OK(store_upload_part(u, p, 1, &e), &e);
	/* Nothing may follow a short part. */
	CHECK_FAIL(store_upload_part(u, p, 1, &e), &e, HF_EBUG);
	CHECK_OK(store_upload_finish(u, &e), &e);
	CHECK_FAIL(store_upload_finish(u, &e), &e, HF_EBUG);
	check_text(s, "one", "x");
}

static void
upload__that_is_given_up_leaves_nothing(void)
{
	CLEANUP(freep_store) struct store *s = opened("given_up", READ_WRITE);
	CLEANUP(freep_store_upload) struct store_upload *u = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(store_upload_new(s, "one", &u, &e), &e);
	CHECK_FAIL(store_upload_finish(u, &e), &e, HF_EBUG);
	store_upload_free(TAKE(u));
	CHECK_OK(store_upload_new(s, "one", &u, &e), &e);
	CHECK_OK(store_upload_part(u, (const uint8_t *)"x", 1, &e), &e);
	store_upload_free(TAKE(u));
	check_list(s, "", "");
	put_text(s, "one", "free");
	check_text(s, "one", "free");
}

static void
upload__refuses_a_taken_name_and_keeps_the_old_bytes(void)
{
	CLEANUP(freep_store) struct store *s = opened("raced", READ_WRITE);
	CLEANUP(freep_store_upload) struct store_upload *u = NULL;
	CLEANUP(freep_store_upload) struct store_upload *v = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(store_upload_new(s, "one", &u, &e), &e);
	CHECK_OK(store_upload_part(u, (const uint8_t *)"ours", 4, &e), &e);
	put_text(s, "one", "theirs");
	CHECK_FAIL(store_upload_finish(u, &e), &e, HF_EEXISTS);
	CHECK_FAIL(store_upload_new(s, "one", &v, &e), &e, HF_EEXISTS);
	CHECK(v == NULL);
	check_text(s, "one", "theirs");
}

static void
upload__needs_the_power_to_write(void)
{
	CLEANUP(freep_store) struct store *r = NULL;
	CLEANUP(freep_store) struct store *rw = opened("may", READ_WRITE);
	struct store_upload *u = NULL;
	struct err e = ERR_INIT;

	put_text(rw, "a", "x");
	r = opened("may", STORE_READ);
	CHECK_FAIL(store_upload_new(r, "b", &u, &e), &e, HF_EDENIED);
	CHECK_FAIL(store_upload_new(rw, "../b", &u, &e), &e, HF_EBUG);
	CHECK(u == NULL);
}

static int
upload_whole(struct store *s, const char *name, struct err *e)
{
	CLEANUP(freep_store_upload) struct store_upload *u = NULL;
	int rc;

	if ((rc = store_upload_new(s, name, &u, e)) < 0 ||
	    (rc = store_upload_part(u, (const uint8_t *)"whole", 5, e)) < 0)
		return rc;
	return store_upload_finish(u, e);
}

static void
upload__survives_running_out_of_memory(void)
{
	CLEANUP(freep_store) struct store *s = opened("strain", READ_WRITE);
	struct err e = ERR_INIT;
	char name[32];
	bool failed;
	int rc;

	TEST_TORTURE (n) {
		(void)snprintf(name, sizeof(name), "n/%ld", n);
		test_malloc_fail(n);
		rc = upload_whole(s, name, &e);
		failed = test_malloc_failed();
		test_malloc_fail(0);
		CHECK(rc == 0 || (failed && rc == -HF_ENOMEM));
		check_whole_or_absent(s, name, rc);
		if (!failed)
			break;
	}
}

static void
replace__loses_the_old_bytes_and_makes_what_is_missing(void)
{
	static const struct store_blob two = { .p = (const uint8_t *)"second",
		.len = 6 };
	CLEANUP(freep_store) struct store *s = opened("replace", READ_WRITE);
	CLEANUP(freep_store_eraser) struct store_eraser *er = NULL;
	struct err e = ERR_INIT;

	put_text(s, "a/b", "one");
	CHECK_OK(store_eraser_new(s, &er, &e), &e);
	CHECK_OK(store_replace(er, "a/b", &two, &e), &e);
	CHECK_OK(store_replace(er, "c/d", &two, &e), &e);
	check_text(s, "a/b", "second");
	check_text(s, "c/d", "second");
	check_list(s, "", "a/b\nc/d\n");
	/* A put is create-only afterwards as before. */
	CHECK_FAIL(put(s, "a/b", "third", 5, &e), &e, HF_EEXISTS);
}

static void
sweep__spares_what_is_young_and_leaves_objects_alone(void)
{
	CLEANUP(freep_store) struct store *s = opened("sweep", READ_WRITE);
	CLEANUP(freep_store_eraser) struct store_eraser *er = NULL;
	CLEANUP(freep_store_upload) struct store_upload *u = NULL;
	struct err e = ERR_INIT;
	int64_t now;
	uint64_t n;

	put_text(s, "p-1", "x");
	CHECK_OK(store_now(s, &now, &e), &e);
	CHECK_OK(store_upload_new(s, "p-2", &u, &e), &e);
	CHECK_OK(store_upload_part(u, (const uint8_t *)"y", 1, &e), &e);
	CHECK_OK(store_eraser_new(s, &er, &e), &e);
	CHECK_OK(store_sweep(er, "p-", now - 60000, &n, &e), &e);
	CHECK(n == 0);
	CHECK_FAIL(store_sweep(er, "../", now, &n, &e), &e, HF_EBUG);
	CHECK_OK(store_upload_finish(u, &e), &e);
	check_text(s, "p-2", "y");
	check_list(s, "", "p-1\np-2\n");
}

/* Either it was somebody's who is gone, or it is whole. */
static void
sweep__gives_up_what_is_old_and_nothing_half_stays(void)
{
	CLEANUP(freep_store) struct store *s = opened("swept", READ_WRITE);
	CLEANUP(freep_store_eraser) struct store_eraser *er = NULL;
	CLEANUP(freep_store_upload) struct store_upload *u = NULL;
	CLEANUP(freep_store_upload) struct store_upload *other = NULL;
	struct err e = ERR_INIT;
	int64_t now;
	uint64_t n;
	int rc;

	CHECK_OK(store_now(s, &now, &e), &e);
	CHECK_OK(store_upload_new(s, "p/1", &u, &e), &e);
	CHECK_OK(store_upload_part(u, (const uint8_t *)"whole", 5, &e), &e);
	CHECK_OK(store_upload_new(s, "q/1", &other, &e), &e);
	CHECK_OK(store_upload_part(other, (const uint8_t *)"o", 1, &e), &e);
	CHECK_OK(store_eraser_new(s, &er, &e), &e);
	CHECK_OK(store_sweep(er, "p/", now + 3600000, &n, &e), &e);
	CHECK(n <= 1);
	CHECK(n == 1 || !(flags & STORE_CONTRACT_FAR));
	rc = store_upload_finish(u, &e);
	CHECK((rc == 0) == (n == 0));
	if (n == 0)
		check_text(s, "p/1", "whole");
	else
		check_absent(s, "p/1");
	CHECK_OK(store_upload_finish(other, &e), &e);
	check_text(s, "q/1", "o");
}

static void
put__survives_running_out_of_memory(void)
{
	CLEANUP(freep_store) struct store *s = opened("torture", READ_WRITE);
	struct err e = ERR_INIT;
	char name[32];
	bool failed;
	int rc;

	TEST_TORTURE (n) {
		(void)snprintf(name, sizeof(name), "n/%ld", n);
		test_malloc_fail(n);
		rc = put(s, name, "whole", 5, &e);
		failed = test_malloc_failed();
		test_malloc_fail(0);
		CHECK(rc == 0 || (failed && rc == -HF_ENOMEM));
		check_whole_or_absent(s, name, rc);
		if (!failed)
			break;
	}
}

static void
reading__survives_running_out_of_memory(void)
{
	CLEANUP(freep_store) struct store *s = opened("starve", READ_WRITE);
	struct store_info info;
	struct err e = ERR_INIT;
	bool failed;
	int rc, step, n_seen;

	put_text(s, "a/b", "whole");
	for (step = 0; step < 4; step++)
		TEST_TORTURE (n) {
			CLEANUP(freep_buf) struct buf b = BUF_INIT;

			n_seen = 0;
			test_malloc_fail(n);
			if (step == 0)
				rc = store_get(s, "a/b", 9, &b, &e);
			else if (step == 1)
				rc = store_get_range(s, "a/b", 1, 4, &b, &e);
			else if (step == 2)
				rc = store_head(s, "a/b", &info, &e);
			else
				rc = store_list(s, "", count, &n_seen, &e);
			failed = test_malloc_failed();
			test_malloc_fail(0);
			CHECK(rc == 0 || (failed && rc == -HF_ENOMEM));
			CHECK(rc == 0 || b.len == 0);
			CHECK(rc != 0 || step > 1 ||
			      b.len == 5U - (unsigned)step);
			CHECK(rc != 0 || step != 3 || n_seen == 1);
			if (!failed)
				break;
		}
}

static const struct {
	const char *name;
	void (*check)(void);
} promises[] = {
#define PROMISE(f)                                                             \
	{                                                                      \
#f, f                                                          \
	}
	PROMISE(get__gives_the_very_bytes_that_were_put),
	PROMISE(put__refuses_a_taken_name_and_keeps_the_old_bytes),
	PROMISE(put__has_one_winner_among_sixteen),
	PROMISE(put__is_seen_whole_or_not_at_all),
	PROMISE(get__says_that_there_is_none),
	PROMISE(get__refuses_more_than_the_maximum),
	PROMISE(get_range__gives_exactly_what_was_asked_for),
	PROMISE(get_range__refuses_what_lies_behind_the_end),
	PROMISE(head__tells_length_and_time),
	PROMISE(now__is_not_far_from_the_hosts_time),
	PROMISE(list__ascends_by_bytes),
	PROMISE(list__shows_what_begins_with_the_prefix),
	PROMISE(list__tells_what_head_tells),
	PROMISE(list__ends_when_the_caller_says_so),
	PROMISE(list__lets_the_caller_use_the_store),
	PROMISE(erase__removes_one_object_and_frees_its_name),
	PROMISE(powers__that_were_not_asked_for_are_refused),
	PROMISE(probe__leaves_nothing_behind),
	PROMISE(names__that_break_the_rule_are_refused),
	PROMISE(names__that_keep_the_rule_are_kept),
	PROMISE(threads__may_use_one_store_and_a_listing_is_complete),
	PROMISE(objects__are_there_when_the_store_is_opened_again),
	PROMISE(upload__gives_the_parts_as_one_object),
	PROMISE(upload__of_one_short_part_is_an_object),
	PROMISE(upload__that_is_given_up_leaves_nothing),
	PROMISE(upload__refuses_a_taken_name_and_keeps_the_old_bytes),
	PROMISE(upload__needs_the_power_to_write),
	PROMISE(upload__survives_running_out_of_memory),
	PROMISE(replace__loses_the_old_bytes_and_makes_what_is_missing),
	PROMISE(sweep__spares_what_is_young_and_leaves_objects_alone),
	PROMISE(sweep__gives_up_what_is_old_and_nothing_half_stays),
	PROMISE(put__survives_running_out_of_memory),
	PROMISE(reading__survives_running_out_of_memory),
};

void
store_contract_run(store_contract_open_fn *fn, void *arg, unsigned how)
{
	size_t i;

	open_fn = fn;
	open_arg = arg;
	flags = how;
	for (i = 0; i < sizeof(promises) / sizeof(promises[0]); i++) {
		printf("# %s\n", promises[i].name);
		promises[i].check();
	}
}
