#ifndef TEST_UNIT_SOURCE_ETCD_MEMBERS_H_
#define TEST_UNIT_SOURCE_ETCD_MEMBERS_H_

#include <stdatomic.h>
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
#include "test_bolt_read.h"
#include "test_etcd_db.h"

/*
 * Members that follow scripts, a letter for each request.  A backup asks each
 * for its status, one for alarms and state, one for a snapshot, all for
 * HashKV, and the one that was read for the list of members:
 *
 *	F  status: a follower		L  status: the leader
 *	N  status: a learner		O  status: without a leader
 *	A  an empty answer
 *	M  a list of members		K  its hash
 *	C  it was compacted away	U  it is still to come
 *	R  refuses for now		D  denies
 *	V  does not know the token	T  gives one
 *	P  the alarm CORRUPT of 1, NOSPACE and CORRUPT of another
 *
 *	S  a snapshot			H  half of one, then it hangs up
 *	G  half of a large one, and hangs up once the sink has heard of it
 *	E  half of one, and says that it was all
 *	B  half of one, then empty ones for ever
 *	X  a snapshot with a wrong digest
 *	W  half of one, the rest once it was asked something else
 *	Q  hangs up			Z  never answers
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

static inline void
must(int rc)
{
	if (rc < 0)
		abort();
}

static inline void
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
static inline void
say_status(const struct fake_h2c_stream *s, const struct member *m, char what)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	add_header(&b, what == 'L' ? 2 : 1, m->revision);
	must(pb_add_bytes(&b, 2, m->version, strlen(m->version), &e));
	must(pb_add_uint(&b, 4, what == 'O' ? 0 : 2, &e));
	must(pb_add_uint(&b, 10, what == 'N', &e));
	fake_grpc_message(s, b.p, b.len);
}

static inline void
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

static inline void
say_blob(
    const struct fake_h2c_stream *s, uint64_t rest, const uint8_t *p, size_t n)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	must(pb_add_uint(&b, 2, rest, &e));
	must(pb_add_bytes(&b, 3, p, n, &e));
	fake_grpc_message(s, b.p, b.len);
}

static inline void
say_rest(const struct fake_h2c_stream *s, size_t half, bool right)
{
	uint8_t digest[SHA256_LEN];
	struct err e = ERR_INIT;

	say_blob(s, 0, db.p + half, db.len - half);
	must(sha256_of(db.p, db.len, digest, &e));
	digest[0] ^= !right;
	say_blob(s, 0, digest, sizeof(digest));
}

/* Until somebody was answered meanwhile: a minute at most. */
static inline void
wait_for_another(struct member *m, int before)
{
	int i;

	for (i = 0; i < 6000 && atomic_load(&m->answered) == before; i++)
		(void)usleep(10000);
}

static inline void
wait_for_sink(void)
{
	int i;

	for (i = 0; i < 6000 && !atomic_load(&begun); i++)
		(void)usleep(10000);
}

/* More than is kept back, and there is as much to come. */
static inline void
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
static inline bool
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

static inline void
refuse(const struct fake_h2c_stream *s, const char *code, const char *words)
{
	const char *const fields[] = { ":status", "200", "content-type",
		"application/grpc", "grpc-status", code, "grpc-message", words,
		NULL };

	fake_h2c_headers(s, fields, true);
}

/* Does the script only refuse? */
static inline bool
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

static inline void
serve(const struct fake_h2c_stream *s, void *arg)
{
	static const uint8_t list[] = { 0x12, 2, 0x08, 7 };
	static const uint8_t token[] = { 0x12, 3, 'a', '.', '1' };
	static const uint8_t alarms[] = { 0x12, 4, 0x08, 1, 0x10, 2, 0x12, 4,
		0x08, 1, 0x10, 1, 0x12, 4, 0x08, 7, 0x10, 2 };
	struct member *m = arg;
	const size_t nth = (size_t)s->nth;
	const char what = nth < strlen(m->script) ? m->script[nth] : 'R';

	if (refuses(s, what)) {
		atomic_fetch_add(&m->answered, 1);
		return;
	}
	if (what == 'Z')
		return;
	fake_grpc_begin(s);
	if (strchr("FLNO", what) != NULL)
		say_status(s, m, what);
	else if (what == 'K')
		say_hash(s, m);
	else if (what == 'M')
		fake_grpc_message(s, list, sizeof(list));
	else if (what == 'T')
		fake_grpc_message(s, token, sizeof(token));
	else if (what == 'P')
		fake_grpc_message(s, alarms, sizeof(alarms));
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
static inline uint32_t
hash_at(uint64_t revision, uint64_t compact)
{
	const struct etcd_bolt_file file = { .base = db.p, .size = db.len };
	struct err e = ERR_INIT;
	struct etcd_bolt b;
	uint32_t hash;

	CHECK_OK(etcd_bolt_open(&b, &file, &e), &e);
	CHECK_OK(test_bolt_hashkv(&b, revision, compact, &hash, &e), &e);
	return hash;
}

static struct member one, two;
static struct record rec;
static struct err e;

static inline void
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
static inline void
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

static inline void
finish(void)
{
	record_clear(&rec);
	buf_free(&db);
}

static inline int
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

static inline int
read_all(struct source *source, struct err *err)
{
	return source_read(source, &rec.sink, err);
}

/* Have ${how} called with them and these parameters. */
static inline int
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

static inline int
read_records(void)
{
	static const char *const words[] = { "form", "records", NULL };

	return with(read_all, words);
}

static inline int
read_snapshot(void)
{
	return with(read_all, bytes);
}

/* A backup of records came to be, and this many members agreed. */
static inline void
stored(const char *agreed)
{
	CHECK_OK(read_records(), &e);
	CHECK(record_find(&rec, "segments") != NULL);
	CHECK_STR(record_evidence(&rec, "etcd.hashkv.members"), agreed);
}

/* None did: with this code, and words in the message and in the hint. */
static inline void
failed(enum hf_code code, const char *words, const char *hint)
{
	CHECK_FAIL(read_records(), &e, code);
	if (strstr(e.msg, words) == NULL || strstr(e.hint, hint) == NULL ||
	    strstr(e.msg, "'http://127.0.0.1:") == NULL)
		test_fail(__FILE__, __LINE__, words, &e);
	CHECK(record_find(&rec, "segments") == NULL);
	finish();
}

#endif /* !TEST_UNIT_SOURCE_ETCD_MEMBERS_H_ */
