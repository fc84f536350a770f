#include "base/buf.h"
#include "base/file.h"
#include "crypto/aead.h"
#include "crypto/secret.h"
#include "repo/legacy/repo_legacy.h"
#include "test.h"

/* A pair of objects and its master key, frozen: legacy_writer.py made them. */
#define T0 INT64_C(1733520145000) /* 2024-12-06T21:22:25Z, as it says. */

static void
slurp(const char *name, struct buf *b)
{
	struct err e = ERR_INIT;
	char path[512];

	(void)snprintf(path, sizeof(path), VECTOR_DIR "/%s", name);
	CHECK_OK(file_read(path, 1 << 20, b, &e), &e);
}

static int
collect(void *arg, const uint8_t *p, size_t n, struct err *e)
{
	return buf_add(arg, p, n, e);
}

static struct secret *
data_key(void)
{
	CLEANUP(freep_buf) struct buf text = BUF_INIT;
	CLEANUP(freep_buf) struct buf wrapped = BUF_INIT;
	CLEANUP(freep_secret) struct secret *master = NULL;
	struct secret *key = NULL;
	struct err e = ERR_INIT;

	slurp("master.key", &text);
	slurp("x.key", &wrapped);
	CHECK_OK(repo_legacy_master_parse(text.p, text.len, &master, &e), &e);
	CHECK_OK(
	    repo_legacy_unwrap(master, wrapped.p, wrapped.len, &key, &e), &e);
	return key;
}

TEST(legacy_vector__opens_to_the_very_bytes)
{
	CLEANUP(freep_secret) struct secret *key = data_key();
	CLEANUP(freep_repo_legacy_open) struct repo_legacy_open *o = NULL;
	CLEANUP(freep_buf) struct buf dump = BUF_INIT;
	CLEANUP(freep_buf) struct buf want = BUF_INIT;
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	const struct repo_legacy_out out = { collect, &got };
	struct err e = ERR_INIT;
	struct repo_legacy_whole w;

	slurp("x.dump", &dump);
	slurp("x.plain", &want);
	CHECK(secret_p(key)[0] == 100 && secret_p(key)[31] == 131);
	CHECK(repo_legacy_is_plain(want.p, want.len));
	CHECK_OK(repo_legacy_open_new(key, T0, &out, &o, &e), &e);
	CHECK_OK(repo_legacy_open_feed(o, dump.p, dump.len, &e), &e);
	CHECK_OK(repo_legacy_open_finish(o, &w, &e), &e);
	CHECK(w.size == want.len && got.len == want.len);
	CHECK(memcmp(got.p, want.p, got.len) == 0);
}

/* What we write differs from the frozen dump in the nonce's base alone. */
TEST(legacy_vector__is_what_we_would_write_under_its_nonce)
{
	CLEANUP(freep_secret) struct secret *key = data_key();
	CLEANUP(freep_repo_legacy_seal) struct repo_legacy_seal *s = NULL;
	CLEANUP(freep_aead) struct aead *a = NULL;
	CLEANUP(freep_buf) struct buf dump = BUF_INIT;
	CLEANUP(freep_buf) struct buf plain = BUF_INIT;
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	const struct repo_legacy_out out = { collect, &got };
	struct err e = ERR_INIT;
	size_t n;
	uint8_t *p;

	slurp("x.dump", &dump);
	slurp("x.plain", &plain);
	CHECK_OK(repo_legacy_seal_new(key, T0, &out, &s, &e), &e);
	repo_legacy_seal_space(s, &p, &n);
	memcpy(p, plain.p, plain.len);
	CHECK_OK(repo_legacy_seal_wrote(s, plain.len, &e), &e);
	CHECK_OK(repo_legacy_seal_finish(s, &e), &e);
	CHECK(got.len == dump.len);
	CHECK(memcmp(got.p + 16, dump.p + 16, 8) == 0);
	/* Undo ours, and do it again under the frozen base. */
	CHECK_OK(aead_new(key, got.p, &a, &e), &e);
	CHECK_OK(
	    aead_open(a, 0, NULL, 0, got.p + 24, got.len - 24, got.p + 24, &e),
	    &e);
	aead_free(TAKE(a));
	CHECK_OK(aead_new(key, dump.p, &a, &e), &e);
	CHECK_OK(
	    aead_seal(a, 0, NULL, 0, got.p + 24, got.len - 40, got.p + 24, &e),
	    &e);
	CHECK(memcmp(got.p + 24, dump.p + 24, got.len - 24) == 0);
}
