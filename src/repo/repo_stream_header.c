#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "repo/repo_stream.h"
#include "repo/repo_stream_header.h"
#include "repo/repo_stream_io.h"
#include "repo/repo_stream_keys.h"
#include "repo/repo_wire.h"

#define MAGIC_LEN 8 /* And suite, and what is zero. */
#define FIXED_LEN (MAGIC_LEN + REPO_OID_LEN + REPO_ID_LEN + 32 + 4 + 8 + 4)

void
repo_stream_header_clear(struct repo_stream_header *h)
{
	size_t i;

	for (i = 0; i < h->nwrapped; i++)
		repo_wrapped_clear(&h->wrapped[i]);
	free(h->wrapped);
	buf_free(&h->bytes);
	secret_free(h->object_key);
	*h = (struct repo_stream_header){ 0 };
}

/* Put the fixed part, and the count of wrapped keys. */
static int
put_fixed(struct repo_stream_header *h, size_t nkeys, struct err *err)
{
	struct buf *b = &h->bytes;

	if (buf_add(b, "HFS1", 4, err) < 0 ||
	    buf_add_u8(b, REPO_SUITE, err) < 0 ||
	    buf_add(b, (uint8_t[3]){ 0 }, 3, err) < 0 ||
	    buf_add(b, h->oid, sizeof(h->oid), err) < 0 ||
	    buf_add(b, h->key_id, sizeof(h->key_id), err) < 0 ||
	    buf_add(b, h->commitment, sizeof(h->commitment), err) < 0 ||
	    buf_add_u32(b, h->frame_max, err) < 0 ||
	    buf_add_u64(b, (uint64_t)h->created_ms, err) < 0)
		return err->code;
	return buf_add_u32(b, (uint32_t)nkeys, err);
}

static int
put_wrapped(struct repo_stream_header *h, struct key *k,
    const struct secret *data_key, struct err *err)
{
	CLEANUP(freep_buf) struct buf w = BUF_INIT;
	int rc;

	/*
	 * The stream's oid takes the place that the vault's id has in a
	 * repository.
	 */
	if ((rc = repo_wrap(
		 k, REPO_KEY_DATA, h->oid, h->key_id, data_key, &w, err)) < 0)
		return rc;
	return buf_add_bytes(&h->bytes, w.p, w.len, err);
}

static int
put_tag(struct repo_stream_header *h, struct err *err)
{
	CLEANUP(freep_aead) struct aead *a = NULL;
	uint8_t tag[AEAD_TAG_LEN];
	int rc;

	if ((rc = aead_new(h->object_key, h->oid, &a, err)) < 0 ||
	    (rc = aead_seal(a, UINT64_MAX, h->bytes.p, h->bytes.len, NULL, 0,
		 tag, err)) < 0)
		return rc;
	return buf_add(&h->bytes, tag, sizeof(tag), err);
}

int
repo_stream_header_make(const struct repo_stream_opts *o,
    struct repo_stream_header *h, struct err *err)
{
	CLEANUP(repo_stream_keys_clear) struct repo_stream_keys keys = { 0 };
	CLEANUP(repo_object_key_clear) struct repo_object_key ok = { 0 };
	CLEANUP(freep_secret) struct secret *data_key = NULL;
	size_t i;
	int rc;

	/*
	 * All is drawn at random, and no state is kept: no (key, nonce) can
	 * come twice.
	 */
	if ((rc = secret_random(32, &data_key, err)) < 0)
		return rc;
	randombytes_buf(h->oid, sizeof(h->oid));
	randombytes_buf(h->key_id, sizeof(h->key_id));
	h->frame_max = STREAM_FRAME_MAX;
	h->created_ms = time_now_ms();
	if ((rc = repo_stream_keys_open(o, h->oid, &keys, err)) < 0 ||
	    (rc = repo_object_key(
		 data_key, h->oid, h->key_id, h->oid, &ok, err)) < 0)
		return rc;
	memcpy(h->commitment, ok.commitment, sizeof(h->commitment));
	h->object_key = TAKE(ok.key);
	if ((rc = put_fixed(h, keys.n, err)) < 0)
		return rc;
	for (i = 0; i < keys.n; i++)
		if ((rc = put_wrapped(h, keys.v[i], data_key, err)) < 0)
			return rc;
	return put_tag(h, err);
}

/* Append the next ${n} bytes of the stream to the header. */
static int
more(struct repo_stream_in *in, struct repo_stream_header *h, size_t n,
    struct err *err)
{
	size_t got;
	int rc;

	if ((rc = buf_reserve(&h->bytes, n, err)) < 0 ||
	    (rc = repo_stream_read(
		 in, h->bytes.p + h->bytes.len, n, &got, err)) < 0)
		return rc;
	h->bytes.len += got;
	if (got < n)
		return err_set(err, HF_ECORRUPT,
		    "the stream ends inside its header, at byte %zu",
		    h->bytes.len);
	return 0;
}

static int
check_magic(const uint8_t *p, struct err *err)
{
	if (memcmp(p, "HFS1", 4) != 0) {
		(void)err_set(err, HF_ECORRUPT,
		    "this is no sealed stream: it does not begin with 'HFS1'");
		return err_hint(
		    err, "a sealed stream is what 'holdfast seal' wrote");
	}
	if (p[4] != REPO_SUITE || p[5] != 0 || p[6] != 0 || p[7] != 0) {
		(void)err_set(
		    err, HF_ECORRUPT, "the stream's suite %u is unknown", p[4]);
		return err_hint(
		    err, "it may have been written by a later holdfast");
	}
	return 0;
}

static int
check_fixed(const struct repo_stream_header *h, size_t nkeys, struct err *err)
{
	if (h->frame_max == 0 || h->frame_max > STREAM_FRAME_LIMIT ||
	    !repo_time_ok(h->created_ms))
		return err_set(err, HF_ECORRUPT,
		    "the stream's header is damaged: a value in its first %d "
		    "bytes is out of range",
		    FIXED_LEN);
	if (nkeys == 0 || nkeys > STREAM_KEYS_MAX)
		return err_set(err, HF_ECORRUPT,
		    "the stream's header says %zu wrapped keys, where 1 to %d "
		    "can be",
		    nkeys, STREAM_KEYS_MAX);
	return 0;
}

static int
read_fixed(struct repo_stream_in *in, struct repo_stream_header *h,
    size_t *nkeys, struct err *err)
{
	struct cur c;
	int rc;

	if ((rc = more(in, h, MAGIC_LEN, err)) < 0 ||
	    (rc = check_magic(h->bytes.p, err)) < 0 ||
	    (rc = more(in, h, FIXED_LEN - MAGIC_LEN, err)) < 0)
		return rc;
	cur_init(&c, h->bytes.p + MAGIC_LEN, h->bytes.len - MAGIC_LEN);
	cur_copy(&c, h->oid, sizeof(h->oid));
	cur_copy(&c, h->key_id, sizeof(h->key_id));
	cur_copy(&c, h->commitment, sizeof(h->commitment));
	h->frame_max = cur_u32(&c);
	h->created_ms = (int64_t)cur_u64(&c);
	*nkeys = cur_u32(&c);
	return check_fixed(h, *nkeys, err);
}

/* Does the wrapped key belong to this stream? */
static int
check_wrapped(const struct repo_stream_header *h, const struct repo_wrapped *w,
    struct err *err)
{
	if (w->class != REPO_KEY_DATA ||
	    memcmp(w->vault_id, h->oid, REPO_ID_LEN) != 0 ||
	    memcmp(w->key_id, h->key_id, REPO_ID_LEN) != 0)
		return err_set(err, HF_ECORRUPT,
		    "it belongs to another stream, or this one's header is "
		    "damaged");
	return 0;
}

static int
read_wrapped(
    struct repo_stream_in *in, struct repo_stream_header *h, struct err *err)
{
	const size_t off = h->bytes.len;
	uint32_t len;
	int rc;

	if ((rc = more(in, h, 4, err)) < 0)
		return rc;
	if ((len = le32_get(h->bytes.p + off)) > REPO_SMALL_MAX)
		return err_set(err, HF_ECORRUPT,
		    "the wrapped key at byte %zu says that it has %u bytes",
		    off, len);
	if ((rc = more(in, h, len, err)) < 0)
		return rc;
	if ((rc = repo_wrapped_decode(
		 h->bytes.p + off + 4, len, &h->wrapped[h->nwrapped], err)) < 0)
		return err_wrap(err, "the wrapped key at byte %zu", off);
	if ((rc = check_wrapped(h, &h->wrapped[h->nwrapped++], err)) < 0)
		return err_wrap(err, "the wrapped key at byte %zu", off);
	return 0;
}

/* Derive the object key, compare the commitment, check the tag. */
static int
check_header(struct repo_stream_header *h, const struct secret *data_key,
    const uint8_t tag[AEAD_TAG_LEN], struct err *err)
{
	CLEANUP(repo_object_key_clear) struct repo_object_key ok = { 0 };
	CLEANUP(freep_aead) struct aead *a = NULL;
	uint8_t none[1];
	int rc;

	if ((rc = repo_object_key(
		 data_key, h->oid, h->key_id, h->oid, &ok, err)) < 0)
		return rc;
	/*
	 * This comes before anything is opened.  Poly1305 does not bind its
	 * key: one ciphertext can be made to open under two keys, in two ways.
	 */
	if (memcmp(ok.commitment, h->commitment, sizeof(h->commitment)) != 0)
		return err_set(err, HF_ECORRUPT,
		    "the stream's header is damaged: its commitment is not "
		    "that of its key");
	if ((rc = aead_new(ok.key, h->oid, &a, err)) < 0)
		return rc;
	rc = aead_open(a, UINT64_MAX, h->bytes.p, h->bytes.len, tag,
	    AEAD_TAG_LEN, none, err);
	if (rc == -HF_ECORRUPT)
		return err_set(err, HF_ECORRUPT,
		    "the stream's header, its first %zu bytes, is damaged",
		    h->bytes.len + AEAD_TAG_LEN);
	if (rc < 0)
		return rc;
	h->object_key = TAKE(ok.key);
	return 0;
}

int
repo_stream_header_read(struct repo_stream_in *in,
    const struct repo_stream_opts *o, struct repo_stream_header *h,
    struct err *err)
{
	CLEANUP(repo_stream_keys_clear) struct repo_stream_keys keys = { 0 };
	CLEANUP(freep_secret) struct secret *data_key = NULL;
	size_t nkeys;
	int rc;

	if ((rc = read_fixed(in, h, &nkeys, err)) < 0)
		return rc;
	if ((h->wrapped = calloc(nkeys, sizeof(*h->wrapped))) == NULL)
		return err_nomem(err);
	while (h->nwrapped < nkeys)
		if ((rc = read_wrapped(in, h, err)) < 0)
			return rc;
	if ((rc = more(in, h, AEAD_TAG_LEN, err)) < 0)
		return rc;
	h->bytes.len -= AEAD_TAG_LEN;
	if ((rc = repo_stream_keys_open(o, h->oid, &keys, err)) < 0 ||
	    (rc = repo_stream_unlock(h, &keys, &data_key, err)) < 0)
		return rc;
	return check_header(h, data_key, h->bytes.p + h->bytes.len, err);
}
