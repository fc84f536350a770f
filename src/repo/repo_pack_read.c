#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/err.h"
#include "crypto/aead.h"
#include "crypto/secret.h"
#include "repo/repo_pack.h"
#include "repo/repo_pack_frame.h"

struct repo_opener_pack {
	uint8_t vault_id[REPO_ID_LEN], key_id[REPO_ID_LEN];
	uint8_t oid[REPO_OID_LEN];
	struct repo_object_key key;
	bool checked; /* The header was: frames may be opened. */
};

struct repo_unpacker {
	ZSTD_DCtx *zstd;
	uint8_t *squeezed; /* A frame between opening and decompression, */
	size_t used;       /* and how long the longest was. */
};

void
repo_opener_pack_free(struct repo_opener_pack *o)
{
	if (o == NULL)
		return;
	repo_object_key_clear(&o->key);
	free(o);
}

int
repo_pack_opener_new(const struct secret *data_key, const uint8_t vault_id[],
    const uint8_t key_id[], const uint8_t oid[], struct repo_opener_pack **ret,
    struct err *err)
{
	CLEANUP(freep_repo_opener_pack) struct repo_opener_pack *o = NULL;
	int rc;

	if ((o = calloc(1, sizeof(*o))) == NULL)
		return err_nomem(err);
	memcpy(o->vault_id, vault_id, REPO_ID_LEN);
	memcpy(o->key_id, key_id, REPO_ID_LEN);
	memcpy(o->oid, oid, REPO_OID_LEN);
	if ((rc = repo_object_key(
		 data_key, vault_id, key_id, oid, &o->key, err)) < 0)
		return rc;
	*ret = TAKE(o);
	return 0;
}

void
repo_unpacker_free(struct repo_unpacker *u)
{
	if (u == NULL)
		return;
	(void)ZSTD_freeDCtx(u->zstd);
	if (u->squeezed != NULL)
		secret_wipe(u->squeezed, u->used);
	free(u->squeezed);
	free(u);
}

int
repo_unpacker_new(struct repo_unpacker **ret, struct err *err)
{
	CLEANUP(freep_repo_unpacker) struct repo_unpacker *u = NULL;

	if ((u = calloc(1, sizeof(*u))) == NULL ||
	    (u->squeezed = malloc(REPO_FRAME_MAX)) == NULL ||
	    (u->zstd = ZSTD_createDCtx()) == NULL)
		return err_nomem(err);
	*ret = TAKE(u);
	return 0;
}

/* Return what is wrong with a header before its tag is checked, or NULL. */
static const char *
header_fault(const struct repo_opener_pack *o, const uint8_t *h, size_t n)
{
	static const uint8_t zero[4];

	if (n < REPO_PACK_HEADER_LEN)
		return "it is too short";
	if (memcmp(h, "HFP1", 4) != 0)
		return "it does not begin with 'HFP1'";
	if (h[PACK_SUITE] != REPO_SUITE)
		return "its suite is unknown";
	if (memcmp(h + PACK_FLAGS, zero, 3) != 0 ||
	    memcmp(h + PACK_FRAME_MAX + 4, zero, 4) != 0)
		return "it has flags that are unknown";
	if (memcmp(h + PACK_OID, o->oid, REPO_OID_LEN) != 0)
		return "it is another pack, by its id";
	if (memcmp(h + PACK_VAULT, o->vault_id, REPO_ID_LEN) != 0)
		return "it belongs to another vault";
	if (memcmp(h + PACK_KEY, o->key_id, REPO_ID_LEN) != 0)
		return "it names another data key";
	if (le32_get(h + PACK_FRAME_MAX) > REPO_FRAME_MAX)
		return "its frames are too large";
	if (memcmp(h + PACK_COMMITMENT, o->key.commitment, 32) != 0)
		return "its key commitment differs";
	return NULL;
}

int
repo_pack_header_check(
    struct repo_opener_pack *o, const uint8_t *h, size_t n, struct err *err)
{
	CLEANUP(freep_aead) struct aead *a = NULL;
	const char *fault;
	uint8_t none[1];
	int rc;

	if ((fault = header_fault(o, h, n)) != NULL)
		return err_set(
		    err, HF_ECORRUPT, "the pack's header: %s", fault);
	if ((rc = aead_new(o->key.key, o->oid, &a, err)) < 0 ||
	    (rc = aead_open(a, UINT64_MAX, h, PACK_TAG, h + PACK_TAG,
		 AEAD_TAG_LEN, none, err)) < 0)
		return err_wrap(err, "the pack's header");
	o->checked = true;
	return 0;
}

bool
repo_pack_ref_ok(const struct repo_ref *ref, uint64_t len)
{
	if (ref->plain == 0 || ref->plain > REPO_FRAME_MAX ||
	    ref->len <= AEAD_TAG_LEN || ref->off < REPO_PACK_HEADER_LEN ||
	    (uint64_t)ref->off + ref->len > len)
		return false;
	/*
	 * A frame is stored raw if compression did not help: it is never
	 * longer.
	 */
	if (ref->codec == REPO_RAW)
		return ref->len == ref->plain + AEAD_TAG_LEN;
	return ref->codec == REPO_ZSTD && ref->len < ref->plain + AEAD_TAG_LEN;
}

static int
open_frame(const struct repo_opener_pack *o, enum repo_frame_kind kind,
    const struct repo_ref *ref, const uint8_t *sealed, uint8_t *out,
    struct err *err)
{
	CLEANUP(freep_aead) struct aead *a = NULL;
	uint8_t aad[PACK_AAD_LEN];
	int rc;

	repo_pack_aad(aad, o->oid, ref, kind);
	/* A context for each frame costs a thousandth of opening it, and
	 * lets threads share ${o}. */
	if ((rc = aead_new(o->key.key, o->oid, &a, err)) < 0)
		return rc;
	return aead_open(
	    a, ref->frame, aad, sizeof(aad), sealed, ref->len, out, err);
}

int
repo_pack_frame(const struct repo_opener_pack *o, struct repo_unpacker *u,
    enum repo_frame_kind kind, const struct repo_ref *ref,
    const uint8_t *sealed, uint8_t *out, struct err *err)
{
	size_t n;
	int rc;

	if (!o->checked)
		return err_set(err, HF_EBUG, "the pack's header is unchecked");
	if (!repo_pack_ref_ok(ref, UINT64_MAX))
		return err_set(err, HF_ECORRUPT,
		    "frame %" PRIu32 ": its place or length is impossible",
		    ref->frame);
	n = ref->codec == REPO_RAW ? 0 : ref->len - AEAD_TAG_LEN;
	if (n > u->used)
		u->used = n;
	if ((rc = open_frame(o, kind, ref, sealed,
		 ref->codec == REPO_RAW ? out : u->squeezed, err)) < 0)
		return err_wrap(err, "frame %" PRIu32, ref->frame);
	if (ref->codec == REPO_RAW)
		return 0;
	n = ZSTD_decompressDCtx(
	    u->zstd, out, ref->plain, u->squeezed, ref->len - AEAD_TAG_LEN);
	if (ZSTD_isError(n))
		return err_set(err, HF_ECORRUPT,
		    "frame %" PRIu32 " does not decompress: %s", ref->frame,
		    ZSTD_getErrorName(n));
	if (n != ref->plain)
		return err_set(err, HF_ECORRUPT,
		    "frame %" PRIu32 " has %zu bytes instead of %" PRIu32,
		    ref->frame, n, ref->plain);
	return 0;
}

int
repo_pack_trailer(
    const uint8_t *t, uint64_t len, struct repo_ref *ret, struct err *err)
{
	static const uint8_t zero[3];
	const uint64_t off = le64_get(t);
	struct repo_ref ref = {
		.pack = ret->pack,
		.off = (uint32_t)off,
		.len = le32_get(t + 8),
		.plain = le32_get(t + 12),
		.codec = t[16],
	};

	if (memcmp(t + 20, PACK_END, 8) != 0 || memcmp(t + 17, zero, 3) != 0 ||
	    off > UINT32_MAX || !repo_pack_ref_ok(&ref, len) ||
	    off + ref.len + REPO_PACK_TRAILER_LEN != len || ref.plain < 4 ||
	    (ref.plain - 4) % REPO_PACK_ROW_LEN != 0)
		return err_set(err, HF_ECORRUPT,
		    "the pack's trailer is damaged or cut off");
	/* There is one row for each frame before it, which gives its number. */
	ref.frame = (ref.plain - 4) / REPO_PACK_ROW_LEN;
	*ret = ref;
	return 0;
}

/* Turn the rows into refs: the frames lie one behind the other. */
static int
read_rows(struct cur *c, const struct repo_ref *table, struct repo_ref *refs,
    uint8_t *kinds, struct err *err)
{
	uint64_t off = REPO_PACK_HEADER_LEN;
	uint32_t i, n = table->frame;

	if (cur_u32(c) != n)
		return err_set(
		    err, HF_ECORRUPT, "the pack's table has a wrong count");
	for (i = 0; i < n; i++) {
		refs[i].pack = table->pack;
		refs[i].frame = i;
		refs[i].off = (uint32_t)off;
		refs[i].len = cur_u32(c);
		refs[i].plain = cur_u32(c);
		refs[i].codec = cur_u8(c);
		kinds[i] = cur_u8(c);
		if (!repo_pack_ref_ok(&refs[i], table->off))
			return err_set(err, HF_ECORRUPT,
			    "the pack's table: frame %" PRIu32 " cannot be", i);
		off += refs[i].len;
	}
	if (off != table->off || !cur_end(c))
		return err_set(err, HF_ECORRUPT,
		    "the pack's table does not cover the pack");
	return 0;
}

int
repo_pack_table(const struct repo_opener_pack *o, struct repo_unpacker *u,
    const struct repo_ref *table, const uint8_t *sealed, struct repo_ref **refs,
    uint8_t **kinds, size_t *nrefs, struct err *err)
{
	CLEANUP(freep_mem) uint8_t *plain = NULL;
	CLEANUP(freep_mem) struct repo_ref *r = NULL;
	CLEANUP(freep_mem) uint8_t *k = NULL;
	struct cur c;
	int rc;

	if ((plain = malloc(table->plain + 1u)) == NULL ||
	    (r = calloc(table->frame + 1u, sizeof(*r))) == NULL ||
	    (k = calloc(table->frame + 1u, 1)) == NULL)
		return err_nomem(err);
	if ((rc = repo_pack_frame(
		 o, u, REPO_FRAME_TABLE, table, sealed, plain, err)) < 0)
		return err_wrap(err, "the pack's table");
	cur_init(&c, plain, table->plain);
	if ((rc = read_rows(&c, table, r, k, err)) < 0)
		return rc;
	*refs = TAKE(r);
	*kinds = TAKE(k);
	*nrefs = table->frame;
	return 0;
}
