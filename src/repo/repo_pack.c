#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "crypto/aead.h"
#include "crypto/secret.h"
#include "repo/repo_pack.h"
#include "repo/repo_pack_frame.h"
#include "repo/repo_squeeze.h"

/*
 * A frame goes plain -> squeezed -> pack -> opened, and opened is compared
 * with squeezed.  The order of the steps makes every bit that flips in the
 * pack's memory show:
 * - the object's hash takes the sealed bytes in before they are opened again,
 *   so what flips before the hash reads it fails to open, here and now;
 * - what flips afterwards differs from the hash, which the store compares
 *   when it receives the object and a verification later.
 * A flip in squeezed between compression and sealing, or in the cipher's own
 * output, shows in the comparison or as a wrong tag.  Decompressing as well
 * would cost a quarter more processor time; what it would add, a fault while
 * compressing, is caught by the hash of the file when it is read.
 */
struct repo_pack {
	uint8_t vault_id[REPO_ID_LEN], key_id[REPO_ID_LEN];
	const struct secret *data_key;
	struct repo_squeezer *squeezer;
	struct sha256 *sha;
	uint8_t *opened;

	/* The pack under construction. */
	struct aead *aead;
	uint8_t oid[REPO_OID_LEN];
	uint8_t *p;
	size_t size, len;
	uint32_t nframes;
	struct buf table; /* Its rows; the count in front comes last. */
};

void
repo_pack_free(struct repo_pack *pk)
{
	if (pk == NULL)
		return;
	repo_squeezer_free(pk->squeezer);
	sha256_free(pk->sha);
	aead_free(pk->aead);
	if (pk->opened != NULL) /* It held plaintext. */
		secret_wipe(pk->opened, REPO_FRAME_MAX);
	free(pk->opened);
	buf_free(&pk->table);
	free(pk);
}

int
repo_pack_new(const uint8_t vault_id[], const uint8_t key_id[],
    const struct secret *data_key, int level, struct repo_pack **ret,
    struct err *err)
{
	CLEANUP(freep_repo_pack) struct repo_pack *pk = NULL;
	int rc;

	if ((pk = calloc(1, sizeof(*pk))) == NULL ||
	    (pk->opened = malloc(REPO_FRAME_MAX)) == NULL)
		return err_nomem(err);
	if ((rc = repo_squeezer_new(level, &pk->squeezer, err)) < 0 ||
	    (rc = sha256_new(&pk->sha, err)) < 0)
		return rc;
	memcpy(pk->vault_id, vault_id, REPO_ID_LEN);
	memcpy(pk->key_id, key_id, REPO_ID_LEN);
	pk->data_key = data_key;
	*ret = TAKE(pk);
	return 0;
}

/* Write the header at the start of the pack: doc/format.md, "p: pack". */
static int
put_header(struct repo_pack *pk, const uint8_t commitment[], struct err *err)
{
	uint8_t *h = pk->p;
	int rc;

	memset(h, 0, REPO_PACK_HEADER_LEN);
	memcpy(h, "HFP1", 4);
	h[4] = REPO_SUITE;
	memcpy(h + PACK_OID, pk->oid, REPO_OID_LEN);
	memcpy(h + PACK_VAULT, pk->vault_id, REPO_ID_LEN);
	memcpy(h + PACK_KEY, pk->key_id, REPO_ID_LEN);
	memcpy(h + PACK_COMMITMENT, commitment, 32);
	le32_put(h + PACK_FRAME_MAX, REPO_FRAME_MAX);
	if ((rc = aead_seal(pk->aead, UINT64_MAX, h, PACK_TAG, NULL, 0,
		 h + PACK_TAG, err)) < 0)
		return rc;
	pk->len = REPO_PACK_HEADER_LEN;
	return sha256_update(pk->sha, h, REPO_PACK_HEADER_LEN, err);
}

static int
start(struct repo_pack *pk, struct err *err)
{
	CLEANUP(repo_object_key_clear) struct repo_object_key ok = { 0 };
	struct aead *aead;
	int rc;

	/* Drawn anew for each attempt: no (key, nonce) is ever used twice. */
	randombytes_buf(pk->oid, REPO_OID_LEN);
	if ((rc = repo_object_key(pk->data_key, pk->vault_id, pk->key_id,
		 pk->oid, &ok, err)) < 0 ||
	    (rc = aead_new(ok.key, pk->oid, &aead, err)) < 0)
		return rc;
	aead_free(pk->aead);
	pk->aead = aead;
	pk->nframes = 0;
	pk->table.len = 0;
	if ((rc = sha256_reset(pk->sha, err)) < 0)
		return rc;
	return put_header(pk, ok.commitment, err);
}

int
repo_pack_start(struct repo_pack *pk, uint8_t *p, size_t size, struct err *err)
{
	int rc;

	assert(size >= REPO_PACK_SIZE_MIN && size <= UINT32_MAX);
	pk->p = p;
	pk->size = size;
	if ((rc = start(pk, err)) < 0)
		return err_wrap(err, "start a pack");
	return 0;
}

/* Seal a frame at the pack's end; pk->len does not move yet. */
static int
put_frame(struct repo_pack *pk, enum repo_frame_kind kind, const void *p,
    size_t n, struct repo_ref *ref, struct err *err)
{
	uint8_t aad[PACK_AAD_LEN], *to = pk->p + pk->len;
	enum repo_codec codec;
	const uint8_t *bytes;
	int rc;

	ref->frame = pk->nframes;
	ref->off = (uint32_t)pk->len;
	ref->plain = (uint32_t)n;
	if ((rc = repo_squeeze(pk->squeezer, p, n, &bytes, &n, &codec, err)) <
	    0)
		return rc;
	ref->codec = (uint8_t)codec;
	ref->len = (uint32_t)n + AEAD_TAG_LEN;
	repo_pack_aad(aad, pk->oid, ref, kind);
	if ((rc = aead_seal(pk->aead, ref->frame, aad, sizeof(aad), bytes, n,
		 to, err)) < 0 ||
	    (rc = sha256_update(pk->sha, to, ref->len, err)) < 0)
		return rc;
	if (aead_open(pk->aead, ref->frame, aad, sizeof(aad), to, ref->len,
		pk->opened, err) < 0 ||
	    memcmp(pk->opened, bytes, n) != 0) {
		err_set(err, HF_ECORRUPT,
		    "a frame just sealed does not open again: this computer's "
		    "memory or processor makes errors");
		return err_hint(err, "test this computer's memory before you "
				     "trust anything it writes");
	}
	return 0;
}

/* Bytes that table and trailer take at most if the pack has ${n} frames. */
static size_t
tail_len(size_t n)
{
	return 4 + n * REPO_PACK_ROW_LEN + AEAD_TAG_LEN + REPO_PACK_TRAILER_LEN;
}

static int
add_row(struct repo_pack *pk, enum repo_frame_kind kind,
    const struct repo_ref *ref, struct err *err)
{
	uint8_t row[REPO_PACK_ROW_LEN];

	le32_put(row, ref->len);
	le32_put(row + 4, ref->plain);
	row[8] = ref->codec;
	row[9] = (uint8_t)kind;
	return buf_add(&pk->table, row, sizeof(row), err);
}

int
repo_pack_add(struct repo_pack *pk, enum repo_frame_kind kind, const void *p,
    size_t n, struct repo_ref *ref, struct err *err)
{
	struct repo_ref r = { .pack = ref->pack };
	int rc;

	assert(n > 0 && n <= REPO_FRAME_MAX);
	/*
	 * This assumes the worst case, so that no compressed frame is thrown
	 * away.
	 */
	if (n + AEAD_TAG_LEN + tail_len(pk->nframes + 1) > pk->size - pk->len ||
	    pk->nframes == PACK_FRAMES_MAX)
		return 1;
	if ((rc = put_frame(pk, kind, p, n, &r, err)) < 0 ||
	    (rc = add_row(pk, kind, &r, err)) < 0)
		return err_wrap(err, "seal frame %u of a pack", pk->nframes);
	pk->len += r.len;
	pk->nframes++;
	*ref = r;
	return 0;
}

void
repo_pack_copy_tail(const struct repo_pack *pk, enum repo_frame_kind kind,
    uint32_t frame, uint8_t tail[REPO_COPY_TAIL_LEN])
{
	tail[0] = (uint8_t)kind;
	memcpy(tail + 1, pk->oid, REPO_OID_LEN);
	le32_put(tail + 1 + REPO_OID_LEN, frame);
}

/* The table is a frame like others, with the number behind the last. */
static int
put_table(struct repo_pack *pk, struct repo_ref *ref, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	int rc;

	if ((rc = buf_reserve(&b, 4 + pk->table.len, err)) < 0 ||
	    (rc = buf_add_u32(&b, pk->nframes, err)) < 0 ||
	    (rc = buf_add(&b, pk->table.p, pk->table.len, err)) < 0 ||
	    (rc = put_frame(pk, REPO_FRAME_TABLE, b.p, b.len, ref, err)) < 0)
		return rc;
	pk->len += ref->len;
	return 0;
}

int
repo_pack_finish(
    struct repo_pack *pk, struct repo_pack_row *row, struct err *err)
{
	struct repo_ref ref = { 0 };
	uint8_t *t, sha256[SHA256_LEN];
	int rc;

	if ((rc = put_table(pk, &ref, err)) < 0)
		return err_wrap(err, "seal the table of a pack");
	t = pk->p + pk->len;
	memset(t, 0, REPO_PACK_TRAILER_LEN);
	le64_put(t, ref.off);
	le32_put(t + 8, ref.len);
	le32_put(t + 12, ref.plain);
	t[16] = ref.codec;
	memcpy(t + 20, PACK_END, 8);
	pk->len += REPO_PACK_TRAILER_LEN;
	if ((rc = sha256_update(pk->sha, t, REPO_PACK_TRAILER_LEN, err)) < 0 ||
	    (rc = sha256_final(pk->sha, sha256, err)) < 0)
		return err_wrap(err, "hash a pack");
	memcpy(row->sha256, sha256, SHA256_LEN);
	memcpy(row->oid, pk->oid, REPO_OID_LEN);
	row->len = (uint32_t)pk->len;
	return 0;
}
