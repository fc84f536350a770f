#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/params.h"
#include "crypto/hash.h"
#include "etcd/etcd_hashkv.h"
#include "etcd/etcd_mvcc.h"
#include "etcd/etcd_pb.h"
#include "fake/fake_h2c.h"
#include "source/etcd/source_etcd.h"
#include "source_record.h"
#include "test.h"
#include "test_etcd_db.h"

/*
 * Members that follow scripts, a letter for each request.  A backup asks each
 * for its status, one for alarms and state, one for a snapshot, all for
 * HashKV, and the one that was read for the list of members:
 *
 *	F  status: a follower		L  status: the leader
 *	N  status: a learner		A  an empty answer
 *	M  a list of members		K  its hash
 *	C  it was compacted away	U  it is still to come
 *	R  refuses for now		D  denies
 *	V  does not know the token	T  gives one
 *
 *	S  a snapshot			H  half of one, then it hangs up
 *	G  half of a large one, and hangs up once the sink has heard of it
 *	E  half of one, and says that it was all
 *	B  half of one, then empty ones for ever
 *	X  a snapshot with a wrong digest
 *	W  half of one, the rest once it was asked something else
 *	Q  hangs up
 */
struct member {
	char script[16];
	const char *version;
	uint64_t revision; /* In its status. */
	uint32_t hash;
	uint64_t hash_compact, hash_at; /* hash_at: 0, as before 3.6. */
	uint64_t header;                /* Revision that it is at by then. */
	atomic_int answered;
};

/* Alarms, asked twice, and what else may change between two backups. */
#define STATE "AAMA"

static struct buf db;     /* What the snapshots have. */
static atomic_bool begun; /* The sink has heard of one. */
static const char *const bytes[] = { "form", "snapshot", NULL };

static void
must(int rc)
{
	if (rc < 0)
		abort();
}

static void
add_header(struct buf *b, uint64_t id, uint64_t revision)
{
	CLEANUP(freep_buf) struct buf h = BUF_INIT;
	struct err e = ERR_INIT;

	must(pb_add_uint(&h, 1, 1, &e));
	must(pb_add_uint(&h, 2, id, &e));
	must(pb_add_uint(&h, 3, revision, &e));
	must(pb_add_bytes(b, 1, h.p, h.len, &e));
}

/* The leader is 2. */
static void
say_status(const struct fake_h2c_stream *s, const struct member *m, char what)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	add_header(&b, what == 'L' ? 2 : 1, m->revision);
	must(pb_add_bytes(&b, 2, m->version, strlen(m->version), &e));
	must(pb_add_uint(&b, 4, 2, &e));
	must(pb_add_uint(&b, 10, what == 'N', &e));
	fake_grpc_message(s, b.p, b.len);
}

static void
say_hash(const struct fake_h2c_stream *s, const struct member *m)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	add_header(&b, 1, m->header);
	must(pb_add_uint(&b, 2, m->hash, &e));
	must(pb_add_uint(&b, 3, m->hash_compact, &e));
	must(pb_add_uint(&b, 4, m->hash_at, &e));
	fake_grpc_message(s, b.p, b.len);
}

static void
say_blob(
    const struct fake_h2c_stream *s, uint64_t rest, const uint8_t *p, size_t n)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	must(pb_add_uint(&b, 2, rest, &e));
	must(pb_add_bytes(&b, 3, p, n, &e));
	fake_grpc_message(s, b.p, b.len);
}

static void
say_rest(const struct fake_h2c_stream *s, size_t half, bool right)
{
	uint8_t digest[SHA256_LEN];
	struct err e = ERR_INIT;

	say_blob(s, 0, db.p + half, db.len - half);
	must(sha256_of(db.p, db.len, digest, &e));
	digest[0] ^= !right;
	say_blob(s, 0, digest, sizeof(digest));
}

/* Until somebody was answered meanwhile: two seconds at most. */
static void
wait_for_another(struct member *m, int before)
{
	int i;

	for (i = 0; i < 200 && atomic_load(&m->answered) == before; i++)
		(void)usleep(10000);
}

static void
wait_for_sink(void)
{
	int i;

	for (i = 0; i < 200 && !atomic_load(&begun); i++)
		(void)usleep(10000);
}

/* More than is kept back, and there is as much to come. */
static void
say_much(const struct fake_h2c_stream *s)
{
	static const uint8_t piece[32768];
	const int n = 32;
	int i;

	for (i = 1; i <= n; i++)
		say_blob(s, sizeof(piece) * (uint64_t)(2 * n - i), piece,
		    sizeof(piece));
}

/* Returns whether the stream is to end well. */
static bool
say_snapshot(const struct fake_h2c_stream *s, struct member *m, char what)
{
	const size_t half = db.len / 2 / 512 * 512;
	const int before = atomic_load(&m->answered);

	if (what == 'G') {
		say_much(s);
		wait_for_sink();
		fake_h2c_hang_up(s);
		return false;
	}
	say_blob(s, db.len - half, db.p, half);
	switch (what) {
	case 'W':
		wait_for_another(m, before);
		say_rest(s, half, true);
		return true;
	case 'H':
		fake_h2c_hang_up(s);
		return false;
	case 'B':
		/* It would go on, but nobody listens. */
		for (int i = 0; i < 8; i++)
			say_blob(s, db.len - half, NULL, 0);
		return false;
	case 'E':
		return true;
	default:
		say_rest(s, half, what == 'S');
		return true;
	}
}

static void
refuse(const struct fake_h2c_stream *s, const char *code, const char *words)
{
	const char *const fields[] = { ":status", "200", "content-type",
		"application/grpc", "grpc-status", code, "grpc-message", words,
		NULL };

	fake_h2c_headers(s, fields, true);
}

/* Does the script only refuse? */
static bool
refuses(const struct fake_h2c_stream *s, char what)
{
	if (what == 'R')
		refuse(s, "14", "etcdserver: try again");
	else if (what == 'D')
		refuse(s, "7", "etcdserver: permission denied");
	else if (what == 'V')
		refuse(s, "16", "etcdserver: invalid auth token");
	else if (what == 'C')
		refuse(s, "11",
		    "etcdserver: mvcc: required revision has been compacted");
	else if (what == 'U')
		refuse(s, "11",
		    "etcdserver: mvcc: required revision is a future revision");
	else if (what == 'Q')
		fake_h2c_hang_up(s);
	else
		return false;
	return true;
}

static void
serve(const struct fake_h2c_stream *s, void *arg)
{
	static const uint8_t list[] = { 0x12, 2, 0x08, 7 };
	static const uint8_t token[] = { 0x12, 3, 'a', '.', '1' };
	struct member *m = arg;
	const size_t nth = (size_t)s->nth;
	const char what = nth < strlen(m->script) ? m->script[nth] : 'R';

	if (refuses(s, what)) {
		atomic_fetch_add(&m->answered, 1);
		return;
	}
	fake_grpc_begin(s);
	if (strchr("FLN", what) != NULL)
		say_status(s, m, what);
	else if (what == 'K')
		say_hash(s, m);
	else if (what == 'M')
		fake_grpc_message(s, list, sizeof(list));
	else if (what == 'T')
		fake_grpc_message(s, token, sizeof(token));
	else if (what == 'A')
		fake_grpc_message(s, NULL, 0);
	else if (!say_snapshot(s, m, what))
		return;
	fake_grpc_end(s, "0", "");
	atomic_fetch_add(&m->answered, 1);
}

static const struct test_db_change history[] = {
	{ 2, "a", "1" },
	{ 3, "b", "1" },
	{ 4, "a", "2" },
	{ 5, "c", "1" },
	{ 6, "b", NULL },
	{ 7, "c", NULL },
	{ 8, "a", "3" },
	{ 9, "d", "1" },
};
static const struct test_db_plan whole = { history, 8, 0, 0, NULL, -1 };
#define NEWEST 9

/* What a server answers that has what ${db} has. */
static uint32_t
hash_at(uint64_t revision, uint64_t compact)
{
	const struct etcd_bolt_file file = { .base = db.p, .size = db.len };
	struct err e = ERR_INIT;
	struct etcd_bolt b;
	uint32_t hash;

	CHECK_OK(etcd_bolt_open(&b, &file, &e), &e);
	CHECK_OK(etcd_hashkv_bolt(&b, revision, compact, &hash, &e), &e);
	return hash;
}

static struct member one, two;
static struct record rec;
static struct err e;

static void
prepare(struct member *m, const char *script)
{
	(void)snprintf(m->script, sizeof(m->script), "%s", script);
	m->version = "3.5.1";
	m->revision = m->header = NEWEST;
	m->hash = hash_at(NEWEST, 0);
	m->hash_compact = m->hash_at = 0;
	atomic_store(&m->answered, 0);
}

/* Members that follow these scripts, if there are two, and have ${p}. */
static void
begin(const struct test_db_plan *p, const char *a, const char *b)
{
	db = (struct buf)BUF_INIT;
	test_db(p, &db);
	prepare(&one, a);
	prepare(&two, b == NULL ? "" : b);
	e = (struct err)ERR_INIT;
	atomic_store(&begun, false);
	record_init(&rec);
}

static void
finish(void)
{
	record_clear(&rec);
	buf_free(&db);
}

static int
open_source(
    const char *a, const char *b, const char *const *words, struct source **ret)
{
	static const struct source_driver *const drivers[] = {
		&source_etcd_driver, NULL
	};
	CLEANUP(freep_params) struct params *p = NULL;

	CHECK_OK(params_new(&p, &e), &e);
	CHECK_OK(params_add(p, "type", "etcd", &e), &e);
	CHECK_OK(params_add(p, "endpoints", a, &e), &e);
	if (two.script[0] != '\0')
		CHECK_OK(params_add(p, "endpoints", b, &e), &e);
	for (; words[0] != NULL; words += 2)
		CHECK_OK(params_add(p, words[0], words[1], &e), &e);
	return source_open(drivers, p, ret, &e);
}

static int
read_all(struct source *source, struct err *err)
{
	return source_read(source, &rec.sink, err);
}

/* Have ${how} called with them and these parameters. */
static int
with(int (*how)(struct source *, struct err *), const char *const *words)
{
	CLEANUP(freep_source) struct source *source = NULL;
	struct fake_h2c *a, *b;
	int rc;

	CHECK((a = fake_h2c_start(serve, &one)) != NULL);
	CHECK((b = fake_h2c_start(serve, &two)) != NULL);
	rc = open_source(fake_h2c_url(a), fake_h2c_url(b), words, &source);
	if (rc == 0)
		rc = how(source, &e);
	fake_h2c_stop(a);
	fake_h2c_stop(b);
	return rc;
}

static int
read_records(void)
{
	static const char *const words[] = { "form", "records", NULL };

	return with(read_all, words);
}

static int
read_snapshot(void)
{
	return with(read_all, bytes);
}

/* A backup of records came to be, and this many members agreed. */
static void
stored(const char *agreed)
{
	CHECK_OK(read_records(), &e);
	CHECK(record_find(&rec, "segments") != NULL);
	CHECK_STR(record_evidence(&rec, "etcd.hashkv.members"), agreed);
}

/* None did: with this code, and words in the message and in the hint. */
static void
failed(enum hf_code code, const char *words, const char *hint)
{
	CHECK_FAIL(read_records(), &e, code);
	if (strstr(e.msg, words) == NULL || strstr(e.hint, hint) == NULL ||
	    strstr(e.msg, "'http://127.0.0.1:") == NULL)
		test_fail(__FILE__, __LINE__, words, &e);
	CHECK(record_find(&rec, "segments") == NULL);
	finish();
}

/* The snapshot form: failover. */

static void
snapshot_stored(void)
{
	CHECK(rec.n == 1 && rec.v[0].data.len == db.len + SHA256_LEN);
	CHECK(memcmp(rec.v[0].data.p, db.p, db.len) == 0);
}

TEST(snapshot__goes_to_the_next_member_when_one_refuses)
{
	begin(&whole, "F" STATE "R", "LSM");
	CHECK_OK(read_snapshot(), &e);
	snapshot_stored();
	CHECK(strstr(record_evidence(&rec, "etcd.note.failover"), "try again"));
	CHECK_STR(record_evidence(&rec, "etcd.leader"), "true");
	finish();
}

TEST(snapshot__fails_with_the_first_cause_if_all_refuse)
{
	begin(&whole, "F" STATE "R", "LQ");
	CHECK_FAIL(read_snapshot(), &e, HF_EUNAVAIL);
	CHECK(strstr(e.msg, "try again") != NULL && rec.n == 0);
	finish();
}

TEST(snapshot__does_not_try_elsewhere_what_is_denied)
{
	begin(&whole, "F" STATE "D", "LSM");
	CHECK_FAIL(read_snapshot(), &e, HF_EDENIED);
	CHECK(strstr(e.hint, "role 'root'") != NULL && rec.n == 0);
	finish();
}

static void
on_begin(void *arg, const char *path)
{
	(void)path;
	atomic_store((atomic_bool *)arg, true);
}

TEST(snapshot__that_breaks_off_in_the_midst_is_none)
{
	begin(&whole, "F" STATE "G", "LSM");
	rec.on_begin = on_begin;
	rec.arg = &begun;
	CHECK_FAIL(read_snapshot(), &e, HF_EUNAVAIL);
	/* What came cannot be taken back, so that nobody else is read. */
	CHECK(atomic_load(&begun) && rec.n == 0);
	CHECK(atomic_load(&two.answered) == 1); /* Its status. */
	finish();
}

/* The records form: what came as the snapshot. */

TEST(records__come_with_the_hash_of_all_members)
{
	char hash[16];

	begin(&whole, "F" STATE "SKM", "LK");
	stored("2 of 2 agree");
	(void)snprintf(hash, sizeof(hash), "%u", hash_at(NEWEST, 0));
	CHECK_STR(record_evidence(&rec, "etcd.hashkv"), hash);
	CHECK_STR(record_evidence(&rec, "etcd.revision"), "9");
	CHECK(record_evidence(&rec, "etcd.note.failover") == NULL);
	CHECK(record_evidence(&rec, "etcd.note.hashkv") == NULL);
	finish();
}

TEST(records__come_from_another_member_when_one_is_killed)
{
	begin(&whole, "F" STATE "H", "LSKM");
	stored("1 of 2 agree");
	CHECK(record_evidence(&rec, "etcd.note.failover") != NULL);
	CHECK_STR(record_evidence(&rec, "etcd.leader"), "true");
	finish();
}

TEST(records__come_from_another_member_when_one_sends_no_snapshot)
{
	const char *const scripts[] = { "F" STATE "E", "F" STATE "B",
		"F" STATE "X" };
	const char *const words[] = { "ended early", "stopped reading",
		"digest is wrong" };
	size_t i;

	for (i = 0; i < 3; i++) {
		begin(&whole, scripts[i], "LSKM");
		stored("1 of 2 agree");
		CHECK(strstr(record_evidence(&rec, "etcd.note.failover"),
			  words[i]) != NULL);
		finish();
	}
}

TEST(records__of_a_stream_that_ends_early_there_are_none)
{
	begin(&whole, "L" STATE "E", NULL);
	CHECK_FAIL(read_records(), &e, HF_ESOURCE);
	CHECK(strstr(e.msg, "ended early") != NULL && rec.n == 0);
	finish();
}

TEST(records__of_a_stream_that_never_ends_there_are_none)
{
	begin(&whole, "L" STATE "B", NULL);
	CHECK_FAIL(read_records(), &e, HF_ESOURCE);
	CHECK(strstr(e.msg, "stopped reading") != NULL && rec.n == 0);
	finish();
}

TEST(records__of_a_stream_with_a_wrong_digest_there_are_none)
{
	begin(&whole, "L" STATE "X", NULL);
	CHECK_FAIL(read_records(), &e, HF_ESOURCE);
	CHECK(strstr(e.msg, "digest is wrong") != NULL && rec.n == 0);
	finish();
}

TEST(records__of_a_damaged_database_there_are_none)
{
	begin(&whole, "L" STATE "S", NULL);
	/* Both meta pages: no root can be found. */
	memset(db.p + 16, 0xff, 64);
	memset(db.p + 4096 + 16, 0xff, 64);
	failed(HF_ESOURCE, "damaged", "another member");
}

TEST(records__of_a_database_with_an_unknown_bucket_are_its_bytes)
{
	const struct test_db_plan p = { history, 8, 0, 0, "quantum", -1 };

	begin(&p, "L" STATE "SM", NULL);
	CHECK_OK(read_records(), &e);
	snapshot_stored();
	CHECK(strstr(record_evidence(&rec, "etcd.note.form"), "'quantum'"));
	CHECK(record_warned(&rec, "snapshot.db") != NULL);
	finish();
}

/* The proof. */

TEST(proof__names_a_member_that_has_another_hash)
{
	begin(&whole, "F" STATE "SKM", "LK");
	two.hash ^= 1;
	failed(HF_ESOURCE, "has the HashKV", "replace the one that differs");
}

TEST(proof__names_the_member_that_was_read_if_it_has_another_hash)
{
	begin(&whole, "F" STATE "SKM", "LK");
	one.hash ^= 1;
	failed(HF_ESOURCE, "has the HashKV", "replace the one that differs");
}

TEST(proof__names_a_member_that_promised_more_than_it_sent)
{
	begin(&whole, "L" STATE "SKM", NULL);
	one.revision = NEWEST + 1;
	failed(HF_ESOURCE, "is at revision 10, and its snapshot ends with 9",
	    "replace it");
}

TEST(proof__names_a_member_that_hashed_another_revision)
{
	begin(&whole, "F" STATE "SKM", "LK");
	two.hash_at = NEWEST - 1;
	failed(HF_ESOURCE, "to hash revision 9 and hashed 8", "");
}

TEST(proof__names_a_member_that_is_not_where_it_hashed)
{
	begin(&whole, "F" STATE "SKM", "LK");
	two.header = NEWEST - 1;
	failed(HF_ESOURCE, "has hashed revision 9, and is at 8", "");
}

TEST(proof__names_a_member_that_forgot_what_it_sent)
{
	begin(&whole, "L" STATE "SUM", NULL);
	failed(HF_ESOURCE, "future revision", "");
}

TEST(proof__counts_a_member_that_does_not_answer_as_not_agreeing)
{
	begin(&whole, "F" STATE "SKM", "LR");
	stored("1 of 2 agree");
	finish();
	begin(&whole, "F" STATE "SKM", "LQQ");
	stored("1 of 2 agree");
	finish();
	/* It did not even tell its status. */
	begin(&whole, "L" STATE "SKM", "R");
	stored("1 of 2 agree");
	finish();
}

TEST(proof__needs_the_member_that_was_read)
{
	begin(&whole, "F" STATE "SR", "LK");
	failed(HF_EUNAVAIL, "cannot say what its store amounts to", "");
}

TEST(proof__needs_the_right_to_hash)
{
	begin(&whole, "F" STATE "SD", "LK");
	failed(HF_EDENIED, "permission denied", "");
}

TEST(proof__hashes_as_far_compacted_as_a_member_is)
{
	begin(&whole, "F" STATE "SKM", "LK");
	two.hash_compact = 7;
	two.hash = hash_at(NEWEST, 7);
	CHECK(two.hash != one.hash);
	stored("2 of 2 agree");
	finish();
	/* The same of the one that was read. */
	begin(&whole, "L" STATE "SKM", NULL);
	one.hash_compact = 7;
	one.hash = hash_at(NEWEST, 7);
	stored("1 of 1 agree");
	finish();
}

/* 3.4 refuses; later ones answer with what they had hashed before. */
TEST(proof__asks_for_the_newest_if_compacted_to_that_very_revision)
{
	static const struct test_db_change left[] = { { 8, "a", "3" },
		{ 9, "d", "1" } };
	const struct test_db_plan p = { left, 2, 9, 9, NULL, -1 };

	begin(&p, "L" STATE "SCKM", NULL);
	one.hash_compact = 9;
	one.hash = hash_at(NEWEST, 9);
	stored("1 of 1 agree");
	finish();
	/* Of a compaction before: it is asked again, and says the same. */
	begin(&p, "L" STATE "SKKM", NULL);
	one.hash_compact = 5;
	failed(HF_EUNAVAIL, "compacted to that revision", "run it again");
}

TEST(proof__is_not_to_be_had_once_history_is_compacted_away)
{
	begin(&whole, "L" STATE "SCK", NULL);
	one.header = NEWEST + 5;
	failed(HF_EUNAVAIL, "compacted to that revision", "run it again");
}

TEST(proof__of_a_learner_comes_from_a_member_that_votes)
{
	begin(&whole, "NRSM", "L" STATE "K");
	stored("1 of 1 agree");
	CHECK_STR(record_evidence(&rec, "etcd.leader"), "false");
	finish();
	begin(&whole, "NRSM", "L" STATE "K");
	two.hash ^= 1;
	failed(HF_ESOURCE, "has the HashKV", "replace the one that differs");
	begin(&whole, "NRSM", "L" STATE "R");
	failed(HF_EUNAVAIL, "is a learner", "name a voting member");
}

/* Read with a user: simple tokens live for five minutes. */
static int
read_as_root(void)
{
	char password[4096];
	const char *const words[] = { "form", "records", "user", "root",
		"password", password, NULL };
	FILE *f;

	(void)snprintf(password, sizeof(password), "%s/password", test_dir());
	CHECK((f = fopen(password, "we")) != NULL);
	CHECK(fputs("geheim", f) > 0 && fchmod(fileno(f), 0600) == 0);
	CHECK(fclose(f) == 0);
	(void)snprintf(
	    password, sizeof(password), "file:%s/password", test_dir());
	return with(read_all, words);
}

TEST(proof__logs_in_again_when_its_token_has_expired_meanwhile)
{
	begin(&whole, "TL" STATE "SVTKM", NULL);
	CHECK_OK(read_as_root(), &e);
	CHECK_STR(record_evidence(&rec, "etcd.hashkv.members"), "1 of 1 agree");
	finish();
	/* Once, not for ever. */
	begin(&whole, "TL" STATE "SVTVTKM", NULL);
	CHECK_FAIL(read_as_root(), &e, HF_EDENIED);
	CHECK(record_find(&rec, "segments") == NULL);
	finish();
}

/* A stream that takes longer than history is kept. */
static int
read_slowly(void)
{
	static const char *const words[] = { "form", "records", "long_ms", "1",
		NULL };

	return with(read_all, words);
}

TEST(proof__of_a_long_stream_is_had_while_it_comes)
{
	/* At 8, compacted to 6, is asked while the rest is still to come;
	 * and 9 is gone by the time it has. */
	begin(&whole, "L" STATE "WKCCM", NULL);
	one.revision = NEWEST - 1;
	one.header = NEWEST + 5;
	one.hash_compact = 6;
	one.hash = hash_at(NEWEST - 1, 6);
	CHECK_OK(read_slowly(), &e);
	CHECK(record_find(&rec, "segments") != NULL);
	CHECK_STR(record_evidence(&rec, "etcd.hashkv.members"), "1 of 1 agree");
	CHECK(strstr(record_evidence(&rec, "etcd.note.hashkv"),
		  "compared at revision 8") != NULL);
	CHECK_STR(record_evidence(&rec, "etcd.revision"), "9");
	finish();
}

TEST(proof__of_a_long_stream_has_to_agree_too)
{
	begin(&whole, "L" STATE "WKCCM", NULL);
	one.revision = NEWEST - 1;
	one.header = NEWEST + 5;
	CHECK_FAIL(read_slowly(), &e, HF_ESOURCE);
	CHECK(strstr(e.msg, "at revision 8") != NULL);
	CHECK(record_find(&rec, "segments") == NULL);
	finish();
}

TEST(proof__of_a_long_stream_is_not_used_if_there_is_a_better_one)
{
	begin(&whole, "L" STATE "WKKM", NULL);
	one.revision = NEWEST - 1;
	CHECK_OK(read_slowly(), &e);
	CHECK(record_evidence(&rec, "etcd.note.hashkv") == NULL);
	finish();
}

TEST(proof__of_a_long_stream_may_not_be_had_either)
{
	begin(&whole, "L" STATE "WRCCM", NULL);
	CHECK_FAIL(read_slowly(), &e, HF_EUNAVAIL);
	CHECK(record_find(&rec, "segments") == NULL);
	finish();
}

/* What doctor looks at. */
static const char *const no_words[] = { NULL };

/* It finds that, and that a backup can be taken all the same. */
static void
finds(const char *words)
{
	CHECK_FAIL(with(source_probe, no_words), &e, HF_EWARN);
	if (strstr(e.msg, words) == NULL)
		test_fail(__FILE__, __LINE__, words, &e);
	finish();
}

TEST(probe__finds_nothing_where_all_is_well)
{
	begin(&whole, "FAU", "L");
	CHECK_OK(with(source_probe, no_words), &e);
	finish();
}

TEST(probe__fails_without_the_right_to_take_a_backup)
{
	begin(&whole, "FAD", "L");
	CHECK_FAIL(with(source_probe, no_words), &e, HF_EDENIED);
	CHECK(strstr(e.hint, "role 'root'") != NULL);
	finish();
}

TEST(probe__finds_what_would_be_missing_from_the_proof)
{
	begin(&whole, "FAR", "L");
	finds("ask for HashKV");
	begin(&whole, "FAU", "R");
	finds("try again");
	begin(&whole, "N", "LA");
	finds("is a learner, which cannot vouch");
}

TEST(probe__finds_a_version_that_is_not_known)
{
	static const char *const unknown[] = { "3.3.27", "3.8.0", "4.0.0",
		"3.50.1", "" };
	size_t i;

	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		begin(&whole, "FAU", "L");
		two.version = unknown[i];
		finds("knows 3.4 to 3.7");
	}
	begin(&whole, "FAU", "L");
	two.version = "3.7.0-rc.1";
	CHECK_OK(with(source_probe, no_words), &e);
	finish();
}
