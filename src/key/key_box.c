#include "key/key_box.h"
#include "base/buf.h"
#include "base/err.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

int
key_box_key(const struct secret *from, const char *label, const void *msg,
    size_t n, struct secret **ret, struct err *err)
{
	CLEANUP(freep_secret) struct secret *kek = NULL;
	int rc;

	if ((rc = secret_new(AEAD_KEY_LEN, &kek, err)) < 0 ||
	    (rc = kdf_derive(
		 from, label, msg, n, secret_w(kek), AEAD_KEY_LEN, err)) < 0)
		return rc;
	*ret = TAKE(kek);
	return 0;
}

int
key_box_seal(const struct secret *kek, const uint8_t nonce[AEAD_NONCE_LEN],
    const uint8_t *context, size_t n, const struct secret *plain,
    struct buf *out, struct err *err)
{
	CLEANUP(freep_aead) struct aead *a = NULL;
	int rc;

	if ((rc = buf_reserve(out, KEY_BOX_LEN, err)) < 0 ||
	    (rc = aead_new(kek, nonce, &a, err)) < 0 ||
	    (rc = aead_seal(a, le64_get(nonce + 16), context, n,
		 secret_p(plain), KEY_PLAIN_LEN, out->p + out->len, err)) < 0)
		return rc;
	out->len += KEY_BOX_LEN;
	return 0;
}

int
key_box_open(const struct secret *kek, const uint8_t nonce[AEAD_NONCE_LEN],
    const uint8_t *context, size_t n, const uint8_t box[KEY_BOX_LEN],
    struct secret **ret, struct err *err)
{
	CLEANUP(freep_aead) struct aead *a = NULL;
	CLEANUP(freep_secret) struct secret *plain = NULL;
	int rc;

	if ((rc = secret_new(KEY_PLAIN_LEN, &plain, err)) < 0 ||
	    (rc = aead_new(kek, nonce, &a, err)) < 0)
		return rc;
	rc = aead_open(a, le64_get(nonce + 16), context, n, box, KEY_BOX_LEN,
	    secret_w(plain), err);
	if (rc == -HF_ECORRUPT)
		return err_set(err, HF_EKEY,
		    "it was sealed with another key, or is damaged");
	if (rc < 0)
		return rc;
	*ret = TAKE(plain);
	return 0;
}

int
key_box_length(size_t len, size_t want, struct err *err)
{
	if (len != want)
		return err_set(err, HF_ECORRUPT,
		    "the wrapping has %zu bytes, not %zu", len, want);
	return 0;
}
