#include <string.h>

#include "base/err.h"
#include "crypto/aead.h"
#include "crypto/secret.h"
#include "fuzz.h"
#include "repo/repo_format.h"
#include "repo/repo_pack_frame.h"

/*
 * The small objects of a repository.  An input is one without what proves
 * it (the signature; of a wrapped key the check), which is made here, so that
 * every field is reached; or "priv" and the plaintext of a manifest's private
 * part, which is sealed here.  Whatever a decoder takes, the encoder must
 * give back byte by byte: no object has two encodings.
 */
#define ROOT_PK_OFF 38 /* in F */

static struct secret *seed; /* Of zeroes. */
static uint8_t pk[SIGN_PUBLIC_LEN];

static void
setup(void)
{
	struct err err = ERR_INIT;

	if (seed != NULL)
		return;
	MUST(secret_process_init(&err) == 0);
	MUST(secret_new(32, &seed, &err) == 0);
	MUST(sign_public(seed, pk, &err) == 0);
}

/* The decoder's word on ${b}: true if it took it. */
static bool
took(int rc)
{
	MUST(rc == 0 || rc == -HF_ECORRUPT);
	return rc == 0;
}

static void
same(const struct buf *a, const struct buf *b)
{
	MUST(a->len == b->len && memcmp(a->p, b->p, a->len) == 0);
}

static void
fuzz_head(const struct buf *b)
{
	CLEANUP(repo_head_clear) struct repo_head h = { 0 };
	CLEANUP(freep_buf) struct buf again = BUF_INIT;
	struct err err = ERR_INIT;

	if (!took(repo_head_decode(b->p, b->len, &h, &err)))
		return;
	MUST(repo_head_encode(&h, seed, &again, &err) == 0);
	same(b, &again);
}

static void
fuzz_cert(const struct buf *b)
{
	CLEANUP(repo_cert_clear) struct repo_cert w = { 0 };
	CLEANUP(freep_buf) struct buf again = BUF_INIT;
	struct err err = ERR_INIT;

	if (!took(repo_cert_decode(b->p, b->len, pk, &w, &err)))
		return;
	MUST(repo_cert_encode(&w, seed, &again, &err) == 0);
	same(b, &again);
}

/* It must take and refuse what the whole one does. */
static void
same_brief(const struct buf *b, const struct repo_manifest *whole)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
	struct err err = ERR_INIT;

	MUST(took(repo_manifest_brief(b->p, b->len, pk, &m, &err)) ==
	     (whole != NULL));
	MUST(m.packs == NULL && m.priv_sealed.p == NULL);
	MUST(whole == NULL ||
	     (m.npacks == whole->npacks && m.nevidence == whole->nevidence &&
		 m.priv_plain == whole->priv_plain &&
		 memcmp(m.sha256, whole->sha256, 32) == 0));
}

static void
fuzz_manifest(const struct buf *b)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
	CLEANUP(freep_buf) struct buf again = BUF_INIT;
	struct err err = ERR_INIT;

	if (!took(repo_manifest_decode(b->p, b->len, pk, &m, &err))) {
		same_brief(b, NULL);
		return;
	}
	same_brief(b, &m);
	MUST(repo_manifest_encode(&m, seed, &again, &err) == 0);
	same(b, &again);
}

static void
fuzz_tombstone(const struct buf *b)
{
	CLEANUP(repo_tombstone_clear) struct repo_tombstone t = { 0 };
	CLEANUP(freep_buf) struct buf again = BUF_INIT;
	struct err err = ERR_INIT;

	if (!took(repo_tombstone_decode(b->p, b->len, pk, &t, &err)))
		return;
	MUST(repo_tombstone_encode(&t, seed, &again, &err) == 0);
	same(b, &again);
}

static void
fuzz_attest(const struct buf *b)
{
	CLEANUP(repo_attest_clear) struct repo_attest a = { 0 };
	CLEANUP(freep_buf) struct buf again = BUF_INIT;
	struct err err = ERR_INIT;

	if (!took(repo_attest_decode(b->p, b->len, pk, &a, &err)))
		return;
	MUST(repo_attest_encode(&a, seed, &again, &err) == 0);
	same(b, &again);
}

static void
fuzz_revocation(const struct buf *b)
{
	CLEANUP(repo_revocation_clear) struct repo_revocation v = { 0 };
	CLEANUP(freep_buf) struct buf again = BUF_INIT;
	struct err err = ERR_INIT;

	if (!took(repo_revocation_decode(b->p, b->len, pk, &v, &err)))
		return;
	MUST(v.nkept == 0 || repo_revocation_keeps(&v, v.kept[v.nkept - 1]));
	MUST(repo_revocation_encode(&v, seed, &again, &err) == 0);
	same(b, &again);
}

static void
fuzz_undo(const struct buf *b)
{
	CLEANUP(freep_buf) struct buf again = BUF_INIT;
	struct err err = ERR_INIT;
	struct repo_undo u;

	if (!took(repo_undo_decode(b->p, b->len, pk, &u, &err)))
		return;
	MUST(repo_undo_encode(&u, seed, &again, &err) == 0);
	same(b, &again);
}

static void
fuzz_wrapped(const uint8_t *p, size_t n)
{
	CLEANUP(repo_wrapped_clear) struct repo_wrapped w = { 0 };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	CLEANUP(freep_buf) struct buf again = BUF_INIT;
	uint8_t hash[SHA256_LEN], sig[SIGN_LEN];
	struct err err = ERR_INIT;

	MUST(sha256_of(p, n, hash, &err) == 0);
	MUST(buf_add(&b, p, n, &err) == 0);
	MUST(buf_add(&b, hash, 8, &err) == 0);
	if (n > 6 && p[6] == REPO_KEY_ROOT) {
		MUST(sign_make(seed, b.p, b.len, sig, &err) == 0);
		MUST(buf_add(&b, sig, sizeof(sig), &err) == 0);
	}
	if (!took(repo_wrapped_decode(b.p, b.len, &w, &err)))
		return;
	MUST(repo_wrapped_encode(&w, seed, &again, &err) == 0);
	same(&b, &again);
	MUST((repo_wrapped_vouched(b.p, b.len, pk, &err) == 0) ==
	     (w.class == REPO_KEY_ROOT));
}

/* Seal ${n} bytes, truly, as the private part of ${m}. */
static void
seal(struct repo_manifest *m, const uint8_t *p, size_t n)
{
	CLEANUP(repo_object_key_clear) struct repo_object_key k = { 0 };
	CLEANUP(freep_aead) struct aead *a = NULL;
	const struct repo_ref ref = { .plain = (uint32_t)n };
	uint8_t aad[PACK_AAD_LEN];
	struct err err = ERR_INIT;
	struct buf *b = &m->priv_sealed;

	MUST(repo_object_key(
		 seed, m->vault_id, m->keys[0], m->priv_oid, &k, &err) == 0);
	MUST(aead_new(k.key, m->priv_oid, &a, &err) == 0);
	memcpy(m->priv_commit, k.commitment, sizeof(m->priv_commit));
	m->priv_plain = (uint32_t)n;
	repo_pack_aad(aad, m->priv_oid, &ref, REPO_FRAME_MANIFEST);
	MUST(buf_reserve(b, n + AEAD_TAG_LEN, &err) == 0);
	MUST(aead_seal(a, 0, aad, sizeof(aad), p, n, b->p, &err) == 0);
	b->len = n + AEAD_TAG_LEN;
}

static void
fuzz_private(const uint8_t *p, size_t n)
{
	CLEANUP(repo_private_clear) struct repo_private got = { 0 };
	CLEANUP(repo_private_clear) struct repo_private again = { 0 };
	uint8_t id[1][REPO_ID_LEN] = { { 0 } };
	struct repo_pack_row rows[2] = { { .len = 100000 }, { .len = 5000 } };
	struct repo_manifest m = {
		.keys = id,
		.nkeys = 1,
		.packs = rows,
		.npacks = 2,
	};
	struct err err = ERR_INIT;

	seal(&m, p, n);
	if (took(repo_private_open(&m, seed, &got, &err))) {
		MUST(repo_private_seal(&got, seed, 0, &m, &err) == 0);
		MUST(m.priv_plain == n);
		MUST(repo_private_open(&m, seed, &again, &err) == 0);
		MUST(again.nframe_segs == got.nframe_segs);
	}
	buf_free(&m.priv_sealed);
}

static void
fuzz_signed(const uint8_t *p, size_t n)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	uint8_t sig[SIGN_LEN], fp[SIGN_FINGERPRINT_LEN];
	struct err err = ERR_INIT;

	MUST(buf_add(&b, p, n, &err) == 0);
	if (p[2] == 'F' && n >= ROOT_PK_OFF + sizeof(pk))
		memcpy(b.p + ROOT_PK_OFF, pk, sizeof(pk));
	MUST(sign_make(seed, b.p, b.len, sig, &err) == 0);
	MUST(buf_add(&b, sig, sizeof(sig), &err) == 0);
	(void)repo_signer(b.p, b.len, fp);
	fuzz_head(&b);
	fuzz_cert(&b);
	fuzz_manifest(&b);
	fuzz_tombstone(&b);
	fuzz_attest(&b);
	fuzz_revocation(&b);
	fuzz_undo(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	setup();
	if (n < 4)
		return 0;
	if (memcmp(p, "priv", 4) == 0)
		fuzz_private(p + 4, n - 4);
	else if (memcmp(p, "HFK1", 4) == 0)
		fuzz_wrapped(p, n);
	else
		fuzz_signed(p, n);
	return 0;
}
