#include <string.h>

#include "base/err.h"
#include "crypto/hash.h"
#include "key/key.h"
#include "key/key_text.h"
#include "key/recipient/key_pair.h"
#include "key/recipient/key_recipient.h"

_Static_assert(sizeof(((struct key *)0)->public_text) > KEY_TEXT_LEN &&
		   KEY_RECIPIENT_TEXT_MAX > KEY_TEXT_LEN,
    "room for a public half");

const uint8_t key_pair_nonce[AEAD_NONCE_LEN] = { 0 };

int
key_pair_kek(const struct secret *shared, const uint8_t ephemeral[32],
    const uint8_t public[32], struct secret **ret, struct err *err)
{
	uint8_t both[64];

	memcpy(both, ephemeral, 32);
	memcpy(both + 32, public, 32);
	return key_box_key(
	    shared, "holdfast recipient wrap", both, sizeof(both), ret, err);
}

int
key_pair_name(struct key *k, const uint8_t public[32], struct err *err)
{
	static const char label[] = "holdfast recipient";
	uint8_t in[sizeof(label) + 32], sum[SHA256_LEN];
	int rc;

	memcpy(in, label, sizeof(label)); /* With its NUL. */
	memcpy(in + sizeof(label), public, 32);
	if ((rc = sha256_of(in, sizeof(in), sum, err)) < 0 ||
	    (rc = key_text_encode(
		 KEY_TEXT_PUBLIC, public, k->public_text, err)) < 0)
		return rc;
	memcpy(k->fingerprint, sum, KEY_FINGERPRINT_LEN);
	k->kind = "recipient";
	return 0;
}
