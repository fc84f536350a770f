#include <pthread.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/params.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "peer.h"
#include "store/s3/store_s3.h"
#include "store/store.h"
#include "store_contract.h"
#include "test.h"

/*
 * The s3 driver against real servers, which check what a fake would take on
 * trust: signatures, hashes, conditions, rights, certificates, clocks.
 */

#define READ_WRITE (STORE_READ | STORE_WRITE)

/* The two servers, and the first of the ports of each. */
struct server {
	const char *name;
	unsigned port;
};
static const struct server versitygw = { "versitygw", PORTS + 100 };
static const struct server ceph = { "ceph", PORTS + 110 };

/* What a test changes of an ordinary opening; NULL is the ordinary. */
struct how {
	const struct server *server;
	const char *endpoint, *bucket, *path_style, *ca, *region;
	const char *access, *secret;
};

/* The time that the driver believes it is: see meson.build. */
static int64_t clock_error_ms;
int64_t __real_time_now_ms(void);
int64_t __wrap_time_now_ms(void);
int64_t
__wrap_time_now_ms(void)
{
	return __real_time_now_ms() + clock_error_ms;
}

static const char *
fact(const struct how *h, const char *name)
{
	return peer_get(h->server->name, h->server->port, name);
}

static void
add(struct params *p, const char *name, const char *value)
{
	struct err e = ERR_INIT;

	if (value != NULL)
		CHECK_OK(params_add(p, name, value, &e), &e);
}

static int
open_how(const struct how *h, const char *place, enum store_power power,
    struct store **ret, struct err *err)
{
	static const struct store_driver *const drivers[] = { &store_s3_driver,
		NULL };
	CLEANUP(freep_params) struct params *p = NULL;
	struct err e = ERR_INIT;
	char url[128];

	/* A server that is not here ends the test: before there is memory. */
	(void)fact(h, "S3_HTTP");
	CHECK_OK(params_new(&p, &e), &e);
	(void)snprintf(url, sizeof(url), "s3://%s/%s",
	    h->bucket != NULL ? h->bucket : fact(h, "S3_BUCKET"), place);
	add(p, "url", url);
	add(p, "endpoint",
	    h->endpoint != NULL ? h->endpoint : fact(h, "S3_HTTP"));
	add(p, "path_style", h->path_style);
	add(p, "ca_file", h->ca);
	add(p, "region", h->region);
	add(p, "proxy", "");
	/* A reference to a variable is good for one reading. */
	(void)setenv("T_ACCESS",
	    h->access != NULL ? h->access : fact(h, "S3_ACCESS"), 1);
	(void)setenv("T_SECRET",
	    h->secret != NULL ? h->secret : fact(h, "S3_SECRET"), 1);
	add(p, "access_key", "env:T_ACCESS");
	add(p, "secret_key", "env:T_SECRET");
	return store_open(drivers, p, power, ret, err);
}

static struct store *
opened(const struct how *h, const char *place)
{
	struct err e = ERR_INIT;
	struct store *s = NULL;

	CHECK_OK(open_how(h, place, READ_WRITE, &s, &e), &e);
	return s;
}

static int
put(struct store *s, const char *name, const char *text, struct err *e)
{
	const struct store_blob blob = { .p = (const uint8_t *)text,
		.len = strlen(text) };

	return store_put(s, name, &blob, e);
}

/* The contract, each of its places below a folder of this run. */
struct run {
	struct how how;
	const char *folder;
};

static int
open_run(void *arg, const char *place, enum store_power power,
    struct store **ret, struct err *e)
{
	const struct run *r = arg;
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/%s", r->folder, place);
	return open_how(&r->how, path, power, ret, e);
}

static void
keeps_every_promise(const struct server *server)
{
	struct run r = { .how = { .server = server }, .folder = "http" };

	store_contract_run(open_run, &r, STORE_CONTRACT_FAR);
}

static void
keeps_every_promise_over_tls(const struct server *server)
{
	struct run r = { .how = { .server = server }, .folder = "https" };

	r.how.endpoint = fact(&r.how, "S3_HTTPS");
	r.how.ca = fact(&r.how, "S3_CA");
	store_contract_run(open_run, &r, STORE_CONTRACT_FAR);
}

static void
is_reached_by_the_buckets_own_host_name(const struct server *server)
{
	struct how h = { .server = server, .path_style = "false" };
	CLEANUP(freep_store) struct store *s = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	h.endpoint = fact(&h, "S3_VIRTUAL");
	s = opened(&h, "virtual");
	CHECK_OK(put(s, "a/b", "here", &e), &e);
	CHECK_OK(store_get(s, "a/b", 10, &b, &e), &e);
	CHECK(b.len == 4 && memcmp(b.p, "here", 4) == 0);
}

/* All operations must fail so, and say so without the secret. */
static void
is_refused(const struct how *h, enum hf_code code, const char *says)
{
	CLEANUP(freep_store) struct store *s = opened(h, "refused");
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct store_info info;
	struct err e = ERR_INIT;
	int step;

	for (step = 0; step < 5; step++) {
		e = (struct err)ERR_INIT;
		if (step == 0)
			(void)put(s, "a", "x", &e);
		else if (step == 1)
			(void)store_get(s, "a", 10, &b, &e);
		else if (step == 2)
			(void)store_probe(s, STORE_READ, &e);
		else if (step == 3)
			(void)store_probe(s, STORE_WRITE, &e);
		else
			(void)store_head(s, "a", &info, &e);
		printf("#   %s (%s)\n", e.msg, e.hint);
		CHECK(e.code == -(int)code && e.hint[0] != '\0');
		CHECK(says == NULL || strstr(e.msg, says) != NULL ||
		      strstr(e.hint, says) != NULL);
		CHECK(h->secret == NULL || strstr(e.msg, h->secret) == NULL);
	}
}

static void
refuses_a_wrong_secret(const struct server *server)
{
	is_refused(&(struct how){ .server = server, .secret = "WRONGMARKER" },
	    HF_EDENIED, "keys come from the configuration");
}

static void
refuses_an_unknown_key(const struct server *server)
{
	is_refused(&(struct how){ .server = server, .access = "AKIDNOBODY" },
	    HF_EDENIED, "keys come from the configuration");
}

static void
names_the_bucket_that_is_missing(const struct server *server)
{
	const struct how h = { .server = server, .bucket = "not-there" };
	CLEANUP(freep_store) struct store *s = opened(&h, "x");
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_FAIL(put(s, "a", "x", &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.msg, "no bucket 'not-there'") != NULL);
	CHECK_FAIL(store_get(s, "a", 10, &b, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.msg, "no bucket 'not-there'") != NULL);
	CHECK_FAIL(store_probe(s, STORE_READ, &e), &e, HF_ENOTFOUND);
	CHECK_FAIL(store_probe(s, STORE_WRITE, &e), &e, HF_ENOTFOUND);
}

static void
is_not_trusted_without_its_ca(const struct server *server)
{
	struct how h = { .server = server };

	h.endpoint = fact(&h, "S3_HTTPS");
	is_refused(&h, HF_ECONFIG, "'ca_file'");
	h.ca = fact(&h, "S3_OTHER_CA");
	is_refused(&h, HF_ECONFIG, "'ca_file'");
}

static void
lets_a_writer_write_and_nothing_else(const struct server *server)
{
	struct how h = { .server = server };
	CLEANUP(freep_store_eraser) struct store_eraser *eraser = NULL;
	CLEANUP(freep_store) struct store *s = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct store_info info;
	struct err e = ERR_INIT;
	int64_t ms;

	h.bucket = fact(&h, "S3_WRITEONLY");
	h.access = fact(&h, "S3_WRITER_ACCESS");
	h.secret = fact(&h, "S3_WRITER_SECRET");
	s = opened(&h, "w");
	CHECK_OK(store_probe(s, STORE_WRITE, &e), &e);
	CHECK_OK(store_now(s, &ms, &e), &e);
	CHECK_OK(put(s, "a", "x", &e), &e);
	CHECK_FAIL(put(s, "a", "x", &e), &e, HF_EEXISTS);
	CHECK_FAIL(store_get(s, "a", 10, &b, &e), &e, HF_EDENIED);
	CHECK(strstr(e.hint, "s3:GetObject") != NULL);
	CHECK_FAIL(store_head(s, "a", &info, &e), &e, HF_EDENIED);
	CHECK_FAIL(store_probe(s, STORE_READ, &e), &e, HF_EDENIED);
	CHECK(strstr(e.hint, "s3:ListBucket") != NULL);
	CHECK_OK(store_eraser_new(s, &eraser, &e), &e);
	CHECK_FAIL(store_erase(eraser, "a", &e), &e, HF_EDENIED);

	/* In a bucket where it may do nothing, the probe tells. */
	store_free(s);
	s = NULL;
	h.bucket = NULL;
	s = opened(&h, "w");
	CHECK_FAIL(store_probe(s, STORE_WRITE, &e), &e, HF_EDENIED);
	CHECK(strstr(e.hint, "s3:PutObject") != NULL);
}

static void
is_reached_with_a_clock_that_is_hours_off(const struct server *server)
{
	const struct how h = { .server = server };
	CLEANUP(freep_store) struct store *s = opened(&h, "clock");
	struct err e = ERR_INIT;
	int64_t ms = 0, real = __real_time_now_ms();
	int rc, rc_now;

	clock_error_ms = INT64_C(3) * 3600 * 1000;
	rc = put(s, "a", "x", &e);
	rc_now = store_now(s, &ms, &e);
	clock_error_ms = 0;
	CHECK_OK(rc, &e);
	CHECK_OK(rc_now, &e);
	CHECK(ms > real - 5000 && ms < real + 60000);
}

/* Four threads that put and get objects of 16 MiB side by side. */
#define BIG (16U << 20)
#define THREADS 4
#define EACH 4

struct worker {
	pthread_t thread;
	struct store *s;
	const struct store_blob *blob;
	int n;
	bool get;
	struct err err;
};

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct buf b = BUF_INIT;
	char name[32];
	int i, rc = 0;

	for (i = 0; rc == 0 && i < EACH; i++) {
		(void)snprintf(name, sizeof(name), "big/%d/%d", w->n, i);
		if (!w->get) {
			rc = store_put(w->s, name, w->blob, &w->err);
			continue;
		}
		b.len = 0;
		rc = store_get(w->s, name, BIG, &b, &w->err);
		if (rc == 0 &&
		    (b.len != BIG || memcmp(b.p, w->blob->p, BIG) != 0))
			rc = err_set(&w->err, HF_ECORRUPT, "other bytes");
	}
	buf_free(&b);
	return NULL;
}

static double
move_all(struct store *s, const struct store_blob *blob, bool get)
{
	struct worker w[THREADS];
	int64_t began = time_mono_ms();
	int i;

	for (i = 0; i < THREADS; i++) {
		w[i] =
		    (struct worker){ .s = s, .blob = blob, .n = i, .get = get };
		CHECK(pthread_create(&w[i].thread, NULL, work, &w[i]) == 0);
	}
	for (i = 0; i < THREADS; i++)
		(void)pthread_join(w[i].thread, NULL);
	for (i = 0; i < THREADS; i++)
		CHECK_OK(w[i].err.code, &w[i].err);
	return (double)THREADS * EACH * BIG / (1 << 20) * 1000 /
	       (double)(time_mono_ms() - began + 1);
}

static void
moves_big_objects_side_by_side(const struct server *server)
{
	const struct how h = { .server = server };
	CLEANUP(freep_store) struct store *s = opened(&h, "big");
	CLEANUP(freep_mem) uint8_t *p = malloc(BIG);
	struct store_blob blob = { .len = BIG };
	uint8_t sum[SHA256_LEN];
	struct err e = ERR_INIT;
	struct rusage u;
	size_t i;
	double up, down;

	CHECK(p != NULL);
	for (i = 0; i < BIG; i++)
		p[i] = (uint8_t)(i * 2654435761U >> 13);
	CHECK_OK(sha256_of(p, BIG, sum, &e), &e);
	blob.p = p;
	blob.sha256 = sum;
	up = move_all(s, &blob, false);
	down = move_all(s, &blob, true);
	(void)getrusage(RUSAGE_SELF, &u);
	printf("# %s: put %.0f MiB/s, get %.0f MiB/s, %ld MiB at most\n",
	    server->name, up, down, u.ru_maxrss / 1024);
}

/* Every test above, once for each server. */
#define FOR_BOTH(test)                                                         \
	TEST(versitygw__##test)                                                \
	{                                                                      \
		test(&versitygw);                                              \
	}                                                                      \
	TEST(ceph__##test)                                                     \
	{                                                                      \
		test(&ceph);                                                   \
	}

FOR_BOTH(keeps_every_promise)
FOR_BOTH(keeps_every_promise_over_tls)
FOR_BOTH(is_reached_by_the_buckets_own_host_name)
FOR_BOTH(refuses_a_wrong_secret)
FOR_BOTH(refuses_an_unknown_key)
FOR_BOTH(names_the_bucket_that_is_missing)
FOR_BOTH(is_not_trusted_without_its_ca)
FOR_BOTH(lets_a_writer_write_and_nothing_else)
FOR_BOTH(is_reached_with_a_clock_that_is_hours_off)
FOR_BOTH(moves_big_objects_side_by_side)

/* Ceph 16 keeps none. */
TEST(versitygw__keeps_the_hash_that_came_with_an_object)
{
	const struct how h = { .server = &versitygw };
	CLEANUP(freep_store) struct store *s = opened(&h, "hash");
	struct store_info info;
	uint8_t sum[SHA256_LEN];
	struct err e = ERR_INIT;

	CHECK_OK(put(s, "a", "hello", &e), &e);
	CHECK_OK(store_head(s, "a", &info, &e), &e);
	CHECK_OK(sha256_of("hello", 5, sum, &e), &e);
	CHECK(info.has_sha256);
	CHECK(memcmp(info.sha256, sum, sizeof(sum)) == 0);
}

/* Ceph does not look at the region; versitygw does, and tells its own. */
TEST(versitygw__tells_its_region_and_is_followed_there)
{
	const struct how h = { .server = &versitygw, .region = "eu-west-9" };
	CLEANUP(freep_store) struct store *s = opened(&h, "region");
	struct err e = ERR_INIT;

	CHECK_OK(put(s, "a", "x", &e), &e);
}
