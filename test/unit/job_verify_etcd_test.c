#include "job/job.h"
#include "job/job_verify.h"
#include "repo/repo.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_etcd.h"
#include "test_repo.h"
#include <stdio.h>

/* Backups that are signed, sealed and hashed as they must be, and wrong. */
struct made {
	struct store *store;
	struct repo *repo;
	struct repo_catalogue cat;
	struct test_etcd etcd;
	char found[1024]; /* What verification found, first. */
};

static void
clear(struct made *m)
{
	test_etcd_clear(&m->etcd);
	repo_catalogue_clear(&m->cat);
	repo_free(m->repo);
	store_free(m->store);
}

static void
make(struct made *m)
{
	static int made;
	struct err e = ERR_INIT;
	char host[16];
	char key[16];
	int i;

	memset(m, 0, sizeof(*m));
	CHECK_OK(store_mem_new(&m->store, &e), &e);
	/* A host knows one repository in a place. */
	(void)snprintf(host, sizeof(host), "host%d", made++);
	CHECK_OK(test_repo_init(m->store, host, "1", &e), &e);
	CHECK_OK(test_repo_open(m->store, host, "1", &m->repo, &e), &e);
	test_etcd_init(&m->etcd);
	m->etcd.lease = 7;
	for (i = 0; i < 9; i++) {
		(void)snprintf(key, sizeof(key), "/k/%d", i % 5);
		test_etcd_put(&m->etcd, key, "value");
	}
	test_etcd_put_bytes(&m->etcd, "leased", 6, "v", 1, 7);
	test_etcd_delete(&m->etcd, "/k/1");
}

static void
listen(void *arg, const struct job_event *ev)
{
	struct made *m = arg;

	if (ev->kind == JOB_FOUND && m->found[0] == '\0')
		(void)snprintf(m->found, sizeof(m->found), "%s", ev->text);
}

/* Back up and verify; return how much was found. */
static uint64_t
verify(struct made *m)
{
	const struct job j = { .workers = 2, .on_event = listen, .arg = m };
	const struct job_verify_opts opts = { .level = VERIFY_CONTENT };
	struct job_verify_report rep;
	struct err e = ERR_INIT;

	CHECK_OK(test_etcd_backup(&m->etcd, m->repo, &e), &e);
	repo_catalogue_clear(&m->cat);
	CHECK_OK(repo_catalogue_load(m->repo, &m->cat, &e), &e);
	CHECK(m->cat.n == 1);
	CHECK_OK(
	    job_verify(&j, m->repo, &m->cat.backups[0], &opts, &rep, &e), &e);
	return rep.bad;
}

/* Records, a snapshot, or its pages. */
static void
set_form(struct made *m, int form)
{
	m->etcd.snapshot = form > 0;
	m->etcd.paged = form == 2;
}

static void
finds(struct made *m, const char *words)
{
	CHECK(verify(m) == 1);
	if (strstr(m->found, words) == NULL)
		CHECK_STR(m->found, words);
}

TEST(verify_etcd__finds_nothing_in_a_good_backup_of_any_form)
{
	int form;

	for (form = 0; form < 3; form++) {
		CLEANUP(clear) struct made m;

		make(&m);
		set_form(&m, form);
		if (verify(&m) != 0)
			CHECK_STR(m.found, "");
	}
}

TEST(verify_etcd__is_content_with_what_is_compacted)
{
	CLEANUP(clear) struct made m;

	make(&m);
	m.etcd.compact = 2;
	if (verify(&m) != 0)
		CHECK_STR(m.found, "");
}

TEST(verify_etcd__finds_a_snapshot_that_does_not_end_with_its_digest)
{
	int form;

	for (form = 1; form < 3; form++) {
		CLEANUP(clear) struct made m;

		make(&m);
		set_form(&m, form);
		m.etcd.other_digest = true;
		finds(&m, "does not end with the SHA-256 of its content");
	}
}

static void
other_hash(struct test_etcd *t, struct etcd_index *x)
{
	(void)t;
	x->hash ^= 1;
}

static void
fewer_alive(struct test_etcd *t, struct etcd_index *x)
{
	static const uint8_t bits = 0xb; /* The third is dead. */
	uint8_t *live = malloc(1);

	(void)t;
	CHECK(live != NULL);
	*live = bits;
	x->segments[1].live = live;
	x->segments[1].alive--;
	x->records--;
}

static void
other_first(struct test_etcd *t, struct etcd_index *x)
{
	(void)t;
	x->segments[0].main--;
}

static void
other_last(struct test_etcd *t, struct etcd_index *x)
{
	(void)t;
	x->segments[2].last_main++;
	x->revision++;
}

static void
more_records(struct test_etcd *t, struct etcd_index *x)
{
	(void)t;
	x->segments[1].records++;
	x->segments[1].alive++;
	x->records++;
}

static void
one_less(struct test_etcd *t, struct etcd_index *x)
{
	(void)t;
	x->records -= x->segments[--x->nsegments].alive;
}

TEST(verify_etcd__finds_an_index_that_says_something_else)
{
	static const struct {
		void (*spoil)(struct test_etcd *, struct etcd_index *);
		const char *words;
	} wrong[] = {
		{ other_hash, "have the HashKV" },
		{ fewer_alive, "have the HashKV" },
		{ other_first, "begins with another record" },
		{ other_last, "does not hold what the index says" },
		{ more_records, "does not hold what the index says" },
		{ one_less, "names 2 segments, and there are 3" },
	};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CLEANUP(clear) struct made m;

		make(&m);
		m.etcd.spoil_index = wrong[i].spoil;
		finds(&m, wrong[i].words);
	}
}

/* The second record goes before the first; both are as long. */
static void
disorder(struct test_etcd *t, const char *path, struct buf *b)
{
	const size_t one = ETCD_RECORD_HEAD + t->v[0].r.len;
	uint8_t *first = b->p + ETCD_MAGIC_LEN, kept[256];

	if (strncmp(path, "records/", 8) != 0)
		return;
	CHECK(one <= sizeof(kept));
	memcpy(kept, first, one);
	memcpy(first, first + one, one);
	memcpy(first + one, kept, one);
	/* The index names it by what is first now. */
	t->spoil = NULL;
}

static void
second_is_first(struct test_etcd *t, struct etcd_index *x)
{
	(void)t;
	x->segments[0].main++;
}

static void
cut(struct test_etcd *t, const char *path, struct buf *b)
{
	(void)t;
	if (strncmp(path, "records/", 8) == 0)
		b->len--;
}

static void
no_segment(struct test_etcd *t, const char *path, struct buf *b)
{
	(void)t;
	if (strncmp(path, "records/", 8) == 0)
		b->p[0] = 'X';
}

static void
no_index(struct test_etcd *t, const char *path, struct buf *b)
{
	(void)t;
	if (strcmp(path, "segments") == 0)
		b->p[0] = 'X';
}

static void
no_buckets(struct test_etcd *t, const char *path, struct buf *b)
{
	(void)t;
	if (strcmp(path, "buckets") == 0)
		b->p[0] = 'X';
}

static void
replace(struct buf *b, const char *from, const char *to)
{
	uint8_t *at = memmem(b->p, b->len, from, strlen(from));

	CHECK(at != NULL && strlen(from) == strlen(to));
	memcpy(at, to, strlen(to));
}

static void
no_member(struct test_etcd *t, const char *path, struct buf *b)
{
	(void)t;
	if (strcmp(path, "buckets") == 0 || strcmp(path, "snapshot.db") == 0)
		replace(b, "peerURLs", "peerurls");
}

TEST(verify_etcd__finds_a_file_that_breaks_the_format)
{
	static const struct {
		void (*spoil)(struct test_etcd *, const char *, struct buf *);
		void (*spoil_index)(struct test_etcd *, struct etcd_index *);
		const char *words;
	} wrong[] = {
		{ disorder, second_is_first, "does not come after" },
		{ cut, NULL, "'records/0000000000000002-00000000': it ends" },
		{ no_segment, NULL, "segment of etcd records" },
		{ no_index, NULL, "the index of etcd's records" },
		{ no_buckets, NULL, "buckets" },
		{ no_member, NULL, "'members' has a malformed member" },
	};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CLEANUP(clear) struct made m;

		make(&m);
		m.etcd.spoil = wrong[i].spoil;
		m.etcd.spoil_index = wrong[i].spoil_index;
		finds(&m, wrong[i].words);
	}
}

/* HashKV is that of the wrong records: it is not what gives them away. */
TEST(verify_etcd__finds_a_record_that_etcd_would_not_write)
{
	int form;

	for (form = 0; form < 3; form++) {
		CLEANUP(clear) struct made m;

		make(&m);
		set_form(&m, form);
		m.etcd.v[3].r.len--;
		finds(&m, "the record of revision 5.0 is no KeyValue message");
	}
	for (form = 0; form < 3; form++) {
		CLEANUP(clear) struct made m;

		make(&m);
		set_form(&m, form);
		m.etcd.v[10].r.main++;
		m.etcd.revision++;
		m.etcd.v[10].r.tombstone = false;
		finds(&m, "the record of revision 13.0 has another");
	}
	for (form = 0; form < 3; form++) {
		CLEANUP(clear) struct made m;

		make(&m);
		set_form(&m, form);
		m.etcd.lease = 8;
		finds(&m, "has the lease 0000000000000007");
	}
}

static void
other_page(struct test_etcd *t, const char *path, struct buf *b)
{
	(void)t, (void)path;
	le64_put(b->p + 2 * (size_t)TEST_ETCD_PAGE, 77); /* Its number. */
}

/* Point meta page ${i} at a list of free pages, which is page ${list}. */
static void
set_list(struct buf *b, size_t i, uint64_t list)
{
	uint8_t *meta = b->p + i * TEST_ETCD_PAGE + 16;
	uint64_t sum = 0xcbf29ce484222325;
	int k;

	le64_put(meta + 32, list);
	le64_put(meta + 40, list + 1); /* How many pages there are. */
	for (k = 0; k < 56; k++)
		sum = (sum ^ meta[k]) * 0x100000001b3;
	le64_put(meta + 56, sum);
}

/* A page of the tree is free as well: no walk of the tree alone sees it. */
static void
free_page(struct test_etcd *t, const char *path, struct buf *b)
{
	static const uint8_t zeroes[TEST_ETCD_PAGE];
	const size_t at = b->len;
	struct err e = ERR_INIT;

	(void)t, (void)path;
	CHECK_OK(buf_add(b, zeroes, sizeof(zeroes), &e), &e);
	le64_put(b->p + at, at / TEST_ETCD_PAGE);
	b->p[at + 8] = 0x10; /* A list of free pages, */
	b->p[at + 10] = 1;   /* with one. */
	le64_put(b->p + at + 16, 3);
	set_list(b, 0, at / TEST_ETCD_PAGE);
	set_list(b, 1, at / TEST_ETCD_PAGE);
}

TEST(verify_etcd__finds_what_is_wrong_with_the_pages_of_a_snapshot)
{
	static const struct {
		void (*spoil)(struct test_etcd *, const char *, struct buf *);
		const char *words;
	} wrong[] = {
		{ other_page, "page 2" },
		{ free_page, "page 3" },
		{ no_member, "'members' has a malformed member" },
	};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CLEANUP(clear) struct made m;

		make(&m);
		m.etcd.snapshot = true;
		m.etcd.spoil = wrong[i].spoil;
		finds(&m, wrong[i].words);
	}
}
