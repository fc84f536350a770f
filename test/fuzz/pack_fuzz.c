#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "crypto/aead.h"
#include "crypto/secret.h"
#include "fuzz.h"
#include "repo/repo_pack.h"
#include "repo/repo_pack_frame.h"

/*
 * Packs under a key of zeroes, so that inputs can get past the tags.  The
 * first byte says what the rest is:
 *
 *	P	a whole pack, as a store might return it
 *	T	the plaintext of a table: it is sealed here, behind a pack of
 *		64 KiB, so that the reader of tables sees what it says
 *	Z	u32 plain length, u8 codec, and what a frame holds: it is
 *		sealed here, so that zstd sees it
 */
#define BODY (64u << 10) /* Bytes of frames in front of a table. */
#define SEALED_MAX (REPO_FRAME_MAX + AEAD_TAG_LEN)

static const uint8_t vault[REPO_ID_LEN], key_id[REPO_ID_LEN];

struct fuzz {
	struct secret *key;
	struct repo_unpacker *unpacker;
	uint8_t *out, *pack;
};

/* Made once: a run must be quick. */
static struct fuzz *
setup(void)
{
	static struct fuzz f;
	struct err err = ERR_INIT;

	if (f.key != NULL)
		return &f;
	MUST(secret_process_init(&err) == 0);
	MUST(secret_new(32, &f.key, &err) == 0);
	MUST(repo_unpacker_new(&f.unpacker, &err) == 0);
	f.out = malloc(REPO_FRAME_MAX);
	f.pack = calloc(1, BODY + SEALED_MAX + REPO_PACK_TRAILER_LEN);
	MUST(f.out != NULL && f.pack != NULL);
	return &f;
}

/* Seal ${n} bytes as frame ${ref}, truly, whatever they are. */
static void
seal(struct fuzz *f, const uint8_t oid[], struct repo_ref *ref,
    enum repo_frame_kind kind, const uint8_t *p, size_t n, uint8_t *to)
{
	CLEANUP(repo_object_key_clear) struct repo_object_key ok = { 0 };
	CLEANUP(freep_aead) struct aead *a = NULL;
	uint8_t aad[PACK_AAD_LEN];
	struct err err = ERR_INIT;

	MUST(repo_object_key(f->key, vault, key_id, oid, &ok, &err) == 0);
	MUST(aead_new(ok.key, oid, &a, &err) == 0);
	repo_pack_aad(aad, oid, ref, kind);
	ref->len = (uint32_t)(n + AEAD_TAG_LEN);
	MUST(aead_seal(a, ref->frame, aad, sizeof(aad), p, n, to, &err) == 0);
}

/* An opener for the pack ${oid}, whose header is truly checked. */
static struct repo_opener_pack *
opener(struct fuzz *f, uint8_t oid[REPO_OID_LEN])
{
	CLEANUP(freep_repo_pack) struct repo_pack *pk = NULL;
	struct repo_opener_pack *o = NULL;
	struct repo_pack_row row = { 0 };
	struct err err = ERR_INIT;
	uint8_t *p = malloc(REPO_PACK_SIZE_MIN);

	MUST(p != NULL);
	MUST(repo_pack_new(vault, key_id, f->key, 1, &pk, &err) == 0);
	MUST(repo_pack_start(pk, p, REPO_PACK_SIZE_MIN, &err) == 0);
	MUST(repo_pack_finish(pk, &row, &err) == 0);
	memcpy(oid, row.oid, REPO_OID_LEN);
	MUST(repo_pack_opener_new(f->key, vault, key_id, oid, &o, &err) == 0);
	MUST(repo_pack_header_check(o, p, row.len, &err) == 0);
	free(p);
	return o;
}

/* Read the table of a pack; what it says must be consistent. */
static void
read_table(struct fuzz *f, const struct repo_opener_pack *o, const uint8_t *p,
    size_t n, bool open)
{
	CLEANUP(freep_mem) struct repo_ref *refs = NULL;
	CLEANUP(freep_mem) uint8_t *kinds = NULL;
	struct repo_ref table = { 0 };
	struct err err = ERR_INIT;
	uint64_t off = REPO_PACK_HEADER_LEN;
	size_t i, nrefs = 0;
	int rc;

	if (n < REPO_PACK_TRAILER_LEN)
		return;
	rc = repo_pack_trailer(p + n - REPO_PACK_TRAILER_LEN, n, &table, &err);
	MUST(rc == 0 || rc == -HF_ECORRUPT);
	if (rc < 0)
		return;
	rc = repo_pack_table(
	    o, f->unpacker, &table, p + table.off, &refs, &kinds, &nrefs, &err);
	MUST(rc == 0 || rc == -HF_ECORRUPT);
	for (i = 0; i < nrefs; i++) {
		MUST(refs[i].off == off && refs[i].frame == i);
		MUST(repo_pack_ref_ok(&refs[i], n));
		off += refs[i].len;
		if (!open)
			continue;
		rc = repo_pack_frame(o, f->unpacker, kinds[i], &refs[i],
		    p + refs[i].off, f->out, &err);
		MUST(rc == 0 || rc == -HF_ECORRUPT);
	}
}

static void
fuzz_pack(struct fuzz *f, const uint8_t *p, size_t n)
{
	CLEANUP(freep_repo_opener_pack) struct repo_opener_pack *o = NULL;
	struct err err = ERR_INIT;
	int rc;

	if (n < PACK_OID + REPO_OID_LEN)
		return;
	MUST(repo_pack_opener_new(
		 f->key, vault, key_id, p + PACK_OID, &o, &err) == 0);
	rc = repo_pack_header_check(o, p, n, &err);
	MUST(rc == 0 || rc == -HF_ECORRUPT);
	if (rc == 0)
		read_table(f, o, p, n, true);
}

static void
fuzz_table(struct fuzz *f, const uint8_t *p, size_t n)
{
	CLEANUP(freep_repo_opener_pack) struct repo_opener_pack *o = NULL;
	struct repo_ref ref = { .off = BODY, .codec = REPO_RAW };
	uint8_t oid[REPO_OID_LEN], *t;

	if (n == 0 || n > REPO_FRAME_MAX)
		return;
	ref.plain = (uint32_t)n;
	ref.frame = n < 4 ? 0 : (uint32_t)(n - 4) / REPO_PACK_ROW_LEN;
	o = opener(f, oid);
	seal(f, oid, &ref, REPO_FRAME_TABLE, p, n, f->pack + BODY);
	t = f->pack + BODY + ref.len;
	memset(t, 0, REPO_PACK_TRAILER_LEN);
	le64_put(t, ref.off);
	le32_put(t + 8, ref.len);
	le32_put(t + 12, ref.plain);
	t[16] = ref.codec;
	memcpy(t + 20, PACK_END, 8);
	read_table(
	    f, o, f->pack, BODY + ref.len + REPO_PACK_TRAILER_LEN, false);
}

static void
fuzz_frame(struct fuzz *f, const uint8_t *p, size_t n)
{
	CLEANUP(freep_repo_opener_pack) struct repo_opener_pack *o = NULL;
	struct repo_ref ref = { .off = REPO_PACK_HEADER_LEN };
	uint8_t oid[REPO_OID_LEN];
	struct err err = ERR_INIT;
	int rc;

	if (n < 5 || n - 5 > REPO_FRAME_MAX)
		return;
	ref.plain = le32_get(p);
	ref.codec = p[4];
	o = opener(f, oid);
	seal(f, oid, &ref, REPO_FRAME_DATA, p + 5, n - 5, f->pack);
	rc = repo_pack_frame(
	    o, f->unpacker, REPO_FRAME_DATA, &ref, f->pack, f->out, &err);
	MUST(rc == 0 || rc == -HF_ECORRUPT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fuzz *f = setup();

	if (n == 0)
		return 0;
	if (p[0] == 'P')
		fuzz_pack(f, p + 1, n - 1);
	else if (p[0] == 'T')
		fuzz_table(f, p + 1, n - 1);
	else if (p[0] == 'Z')
		fuzz_frame(f, p + 1, n - 1);
	return 0;
}
