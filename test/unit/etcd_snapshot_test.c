#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "crypto/hash.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_snapshot.h"
#include "fake/fake_h2c.h"
#include "test.h"

/*
 * The faults of a stream, committed by a fake server and met by the whole
 * client, libcurl included; what a sound server sends is test/scenario/'s.
 */
#define PIECE 512
#define PIECES 6
#define SIZE ((uint64_t)PIECE * PIECES)

enum fault {
	NONE,
	EMPTY_BLOBS, /* For ever, after two pieces. */
	EARLY_END,   /* Status 0 after two pieces. */
	NO_DIGEST,   /* Status 0 after all of them. */
	WRONG_DIGEST,
	FLIPPED_BIT,
	LIES_LATER,    /* remaining_bytes does not go down. */
	LIES_AT_FIRST, /* It makes no whole number of blocks. */
	OVERFLOWS,     /* It makes no number at all. */
	TOO_MUCH,      /* A piece after the last. */
	AFTER_DIGEST,  /* A message after the digest. */
	HALF_MESSAGE,
	STATUS_MIDWAY, /* 14 after two pieces. */
	STATUS_AT_END, /* 14 after the digest. */
	NO_STATUS,     /* The stream ends with its data. */
	RESET,
	HANG_UP,
	STALL,
	GARBAGE, /* No protobuf. */
	DENIED,
	COMPRESSED,
};

static void
message(const struct fake_h2c_stream *s, uint64_t remaining,
    const uint8_t *blob, size_t n)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (pb_add_uint(&b, 2, remaining, &e) < 0 ||
	    pb_add_bytes(&b, 3, blob, n, &e) < 0 ||
	    pb_add_bytes(&b, 4, "3.6.0", 5, &e) < 0)
		abort();
	fake_grpc_message(s, b.p, b.len);
}

static void
piece(uint8_t *p, int i)
{
	memset(p, 'a' + i, PIECE);
}

/* Commit the fault if it belongs after piece ${i}; true: no more to say. */
static bool
commit(const struct fake_h2c_stream *s, enum fault fault)
{
	static const uint8_t half[] = { 0, 0, 0, 1, 0, 'x' };
	static const uint8_t packed[] = { 1, 0, 0, 0, 1, 'x' };
	int i;

	switch (fault) {
	case EMPTY_BLOBS:
		for (i = 0; i < 1000; i++)
			message(s, SIZE - 2 * PIECE, NULL, 0);
		return true;
	case EARLY_END:
		fake_grpc_end(s, "0", "");
		return true;
	case HALF_MESSAGE:
		fake_h2c_data(s, half, sizeof(half), false);
		fake_grpc_end(s, "0", "");
		return true;
	case STATUS_MIDWAY:
		fake_grpc_end(s, "14", "etcdserver: leader changed");
		return true;
	case RESET:
		fake_h2c_reset(s);
		return true;
	case HANG_UP:
		fake_h2c_hang_up(s);
		return true;
	case STALL:
		return true;
	case GARBAGE:
		fake_grpc_message(s, "\xff\xff", 2);
		return true;
	case COMPRESSED:
		fake_h2c_data(s, packed, sizeof(packed), false);
		return true;
	default:
		return false;
	}
}

static void
finish(const struct fake_h2c_stream *s, enum fault fault, uint8_t *digest)
{
	uint8_t p[PIECE] = { 0 };

	if (fault == TOO_MUCH)
		message(s, 0, p, PIECE);
	if (fault == WRONG_DIGEST)
		digest[31] ^= 1;
	if (fault != NO_DIGEST)
		message(s, 0, digest, SHA256_LEN);
	if (fault == AFTER_DIGEST)
		message(s, 0, digest, SHA256_LEN);
	if (fault == NO_STATUS)
		fake_h2c_data(s, NULL, 0, true);
	else if (fault == STATUS_AT_END)
		fake_grpc_end(s, "14", "");
	else
		fake_grpc_end(s, "0", "");
}

/* The other answers to Snapshot, of which the fault tells. */
static void
serve(const struct fake_h2c_stream *s, void *arg)
{
	static const char *const denied[] = { ":status", "200", "content-type",
		"application/grpc", "grpc-status", "2", "grpc-message",
		"auth: permission denied", NULL };
	enum fault fault = *(enum fault *)arg;
	uint8_t all[SIZE], digest[SHA256_LEN];
	uint64_t left = SIZE;
	struct err e = ERR_INIT;
	int i;

	if (fault == DENIED) {
		fake_h2c_headers(s, denied, true);
		return;
	}
	fake_grpc_begin(s);
	for (i = 0; i < PIECES; i++)
		piece(all + i * PIECE, i);
	if (sha256_of(all, sizeof(all), digest, &e) < 0)
		abort();
	if (fault == FLIPPED_BIT)
		all[SIZE - 1] ^= 1;
	if (fault == OVERFLOWS)
		left = UINT64_MAX;
	for (i = 0; i < PIECES; i++) {
		if (i == 2 && commit(s, fault))
			return;
		left -= PIECE;
		message(s,
		    fault == LIES_LATER && i == 3 ? left + PIECE
		    : fault == LIES_AT_FIRST      ? left + 1
						  : left,
		    all + i * PIECE, PIECE);
	}
	finish(s, fault, digest);
}

static int
keep(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	return buf_add(arg, p, n, err);
}

/* Who waits for what comes waits so long; a busy machine takes its time. */
#define PATIENCE_MS 60000

static struct fake_h2c *server;

/* Take a snapshot from a server with a fault; false if none could start. */
static int
snapshot(enum fault fault, struct buf *got, struct etcd_snapshot *snap,
    struct err *err)
{
	CLEANUP(freep_etcd_client) struct etcd_client *c = NULL;
	const struct etcd_conn_opts opts = { .connect_ms = PATIENCE_MS,
		.stall_ms = fault == STALL ? 300 : PATIENCE_MS };
	const struct etcd_snapshot_out out = { .write = keep, .arg = got };
	int rc;

	CHECK((server = fake_h2c_start(serve, &fault)) != NULL);
	rc = etcd_client_new(fake_h2c_url(server), &opts, NULL, NULL, &c, err);
	if (rc == 0)
		rc = etcd_snapshot_take(c, &out, snap, err);
	fake_h2c_stop(server);
	return rc;
}

TEST(snapshot__gives_the_file_and_its_hashes)
{
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	uint8_t hash[SHA256_LEN];
	struct etcd_snapshot snap;
	struct err e = ERR_INIT;

	CHECK_OK(snapshot(NONE, &got, &snap, &e), &e);
	CHECK(got.len == SIZE + SHA256_LEN && snap.size == got.len);
	CHECK_OK(sha256_of(got.p, SIZE, hash, &e), &e);
	CHECK(memcmp(hash, got.p + SIZE, SHA256_LEN) == 0);
	CHECK(memcmp(hash, snap.digest, SHA256_LEN) == 0);
	CHECK_OK(sha256_of(got.p, got.len, hash, &e), &e);
	CHECK(memcmp(hash, snap.sha256, SHA256_LEN) == 0);
	CHECK_STR(snap.version, "3.6.0");
}

static void
fails(enum fault fault, enum hf_code code, const char *words)
{
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	struct etcd_snapshot snap;
	struct err e = ERR_INIT;

	CHECK_FAIL(snapshot(fault, &got, &snap, &e), &e, code);
	if (strstr(e.msg, words) == NULL)
		test_fail(__FILE__, __LINE__, words, &e);
}

TEST(snapshot__refuses_endless_empty_blobs)
{
	fails(EMPTY_BLOBS, HF_ESOURCE, "stopped reading its database");
}

TEST(snapshot__refuses_an_early_end)
{
	fails(EARLY_END, HF_ESOURCE, "after 1024 of 3072 bytes");
	fails(NO_DIGEST, HF_ESOURCE, "ended early");
	fails(HALF_MESSAGE, HF_EUNAVAIL, "inside a message");
}

TEST(snapshot__refuses_bytes_that_the_digest_denies)
{
	fails(WRONG_DIGEST, HF_ESOURCE, "digest is wrong");
	fails(FLIPPED_BIT, HF_ESOURCE, "digest is wrong");
}

TEST(snapshot__refuses_a_size_that_is_a_lie)
{
	fails(LIES_LATER, HF_ESOURCE, "contradicts itself");
	fails(LIES_AT_FIRST, HF_ESOURCE, "which no database has");
	fails(OVERFLOWS, HF_ESOURCE, "which no database has");
}

TEST(snapshot__refuses_more_than_was_announced)
{
	fails(TOO_MUCH, HF_ESOURCE, "where its digest");
	fails(AFTER_DIGEST, HF_ESOURCE, "went on after");
}

TEST(snapshot__refuses_a_stream_without_a_good_status)
{
	fails(STATUS_MIDWAY, HF_EUNAVAIL, "leader changed");
	fails(STATUS_AT_END, HF_EUNAVAIL, "status 14");
	fails(NO_STATUS, HF_EUNAVAIL, "without a status");
}

TEST(snapshot__refuses_a_stream_that_breaks)
{
	fails(RESET, HF_EUNAVAIL, "127.0.0.1");
	fails(HANG_UP, HF_EUNAVAIL, "127.0.0.1");
}

TEST(snapshot__gives_up_on_a_stream_that_stalls)
{
	fails(STALL, HF_EUNAVAIL, "nothing came for 0.3 seconds");
}

TEST(snapshot__refuses_what_is_no_protocol)
{
	fails(GARBAGE, HF_ESOURCE, "malformed");
	fails(COMPRESSED, HF_ESOURCE, "compressed");
}

TEST(snapshot__says_which_role_is_missing)
{
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	struct etcd_snapshot snap;
	struct err e = ERR_INIT;

	CHECK_FAIL(snapshot(DENIED, &got, &snap, &e), &e, HF_EDENIED);
	CHECK(strstr(e.hint, "root") != NULL);
}

static int
refuse(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	(void)arg, (void)p, (void)n;
	return err_set(err, HF_ENOSPC, "no room here");
}

static bool
always(void *arg)
{
	(void)arg;
	return true;
}

TEST(snapshot__ends_as_its_taker_wishes)
{
	CLEANUP(freep_etcd_client) struct etcd_client *c = NULL;
	const struct etcd_conn_opts opts = { .connect_ms = PATIENCE_MS,
		.stall_ms = PATIENCE_MS };
	const struct etcd_snapshot_out full = { .write = refuse };
	const struct etcd_snapshot_out stop = { .write = refuse,
		.stop = always };
	enum fault fault = STALL;
	struct etcd_snapshot snap;
	struct err e = ERR_INIT;

	CHECK((server = fake_h2c_start(serve, &fault)) != NULL);
	CHECK_OK(
	    etcd_client_new(fake_h2c_url(server), &opts, NULL, NULL, &c, &e),
	    &e);
	CHECK_FAIL(etcd_snapshot_take(c, &full, &snap, &e), &e, HF_ENOSPC);
	CHECK_FAIL(etcd_snapshot_take(c, &stop, &snap, &e), &e, HF_EINTR);
	fake_h2c_stop(server);
}

/* Authenticate says what we sent back to us, then forgets its tokens. */
static void
serve_login(const struct fake_h2c_stream *s, void *arg)
{
	static const char *const old[] = { ":status", "200", "content-type",
		"application/grpc", "grpc-status", "16", "grpc-message",
		"etcdserver: invalid auth token", NULL };
	static const char *const echo[] = { ":status", "200", "content-type",
		"application/grpc", "grpc-status", "3", "grpc-message",
		"no such password: geheim", NULL };
	static const uint8_t token[] = { 0x12, 3, 'a', '.', '1' };
	static const uint8_t status[] = { 0x0a, 4, 0x08, 1, 0x10, 2, 0x12, 5,
		'3', '.', '5', '.', '1', 0x20, 2 };
	const char *script = arg;

	switch (script[s->nth]) {
	case 'T':
		fake_grpc_begin(s);
		fake_grpc_message(s, token, sizeof(token));
		fake_grpc_end(s, "0", "");
		break;
	case 'S':
		fake_grpc_begin(s);
		fake_grpc_message(s, status, sizeof(status));
		fake_grpc_end(s, "0", "");
		break;
	case 'E':
		fake_h2c_headers(s, echo, true);
		break;
	default:
		fake_h2c_headers(s, old, true);
		break;
	}
}

/* Ask for the status with a user, of a server that follows ${script}. */
static int
status_with_user(const char *script, struct etcd_status *st, struct err *err)
{
	CLEANUP(freep_etcd_client) struct etcd_client *c = NULL;
	const struct etcd_conn_opts opts = { .connect_ms = PATIENCE_MS,
		.stall_ms = PATIENCE_MS };
	char copy[8];
	int rc;

	strcpy(copy, script);
	CHECK(setenv("HF_TEST_ETCD", "geheim", 1) == 0);
	CHECK((server = fake_h2c_start(serve_login, copy)) != NULL);
	rc = etcd_client_new(
	    fake_h2c_url(server), &opts, "root", "env:HF_TEST_ETCD", &c, err);
	if (rc == 0)
		rc = etcd_client_status(c, st, err);
	fake_h2c_stop(server);
	return rc;
}

TEST(client__logs_in_again_when_its_token_was_forgotten)
{
	struct etcd_status st;
	struct err e = ERR_INIT;

	CHECK_OK(status_with_user("TS", &st, &e), &e);
	CHECK_STR(st.version, "3.5.1");
	CHECK(st.cluster_id == 1 && st.member_id == 2 && st.leader == 2);
	CHECK_OK(status_with_user("TXTS", &st, &e), &e);
	CHECK(e.code == 0);
	/* Once, not for ever. */
	CHECK_FAIL(status_with_user("TXTXTS", &st, &e), &e, HF_EDENIED);
}

/* A file with a password, which ${mode} allows to be read. */
static char *
password_file(mode_t mode)
{
	static char ref[600];
	const char *path;
	FILE *f;

	(void)snprintf(ref, sizeof(ref), "file:%s/password", test_dir());
	path = ref + 5;
	CHECK((f = fopen(path, "w")) != NULL);
	CHECK(fputs("geheim\n", f) >= 0 && fclose(f) == 0);
	CHECK(chmod(path, mode) == 0);
	return ref;
}

/* Whoever changes it need not start anew who runs for months. */
TEST(client__reads_the_password_at_each_login)
{
	CLEANUP(freep_etcd_client) struct etcd_client *c = NULL;
	const struct etcd_conn_opts opts = { .connect_ms = PATIENCE_MS,
		.stall_ms = PATIENCE_MS };
	struct err e = ERR_INIT, denied = ERR_INIT;
	char script[] = "TSXTS";
	struct etcd_status st;

	CHECK((server = fake_h2c_start(serve_login, script)) != NULL);
	CHECK_OK(etcd_client_new(fake_h2c_url(server), &opts, "root",
		     password_file(0600), &c, &e),
	    &e);
	CHECK_OK(etcd_client_status(c, &st, &e), &e);
	(void)password_file(0604);
	CHECK_FAIL(etcd_client_status(c, &st, &denied), &denied, HF_EDENIED);
	CHECK(strstr(denied.msg, "log in as 'root': etcd's password") != NULL);
	(void)password_file(0600);
	CHECK_OK(etcd_client_status(c, &st, &e), &e);
	fake_h2c_stop(server);
}

TEST(client__never_shows_the_password)
{
	struct etcd_status st;
	struct err e = ERR_INIT;

	CHECK(status_with_user("E", &st, &e) < 0);
	CHECK(strstr(e.msg, "no such password") != NULL);
	CHECK(strstr(e.msg, "geheim") == NULL);
}
