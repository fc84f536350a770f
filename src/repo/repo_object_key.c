#include <string.h>

#include "base/err.h"
#include "crypto/secret.h"
#include "repo/repo_format.h"

void
repo_object_key_clear(struct repo_object_key *k)
{
	secret_free(k->key);
	*k = (struct repo_object_key){ 0 };
}

int
repo_object_key(const struct secret *data_key, const uint8_t vault_id[],
    const uint8_t key_id[], const uint8_t oid[], struct repo_object_key *ret,
    struct err *err)
{
	uint8_t msg[REPO_ID_LEN + REPO_ID_LEN + REPO_OID_LEN], okm[64];
	int rc;

	memcpy(msg, vault_id, REPO_ID_LEN);
	memcpy(msg + REPO_ID_LEN, key_id, REPO_ID_LEN);
	memcpy(msg + 2 * REPO_ID_LEN, oid, REPO_OID_LEN);
	if (kdf_derive(data_key, "holdfast object", msg, sizeof(msg), okm,
		sizeof(okm), err) < 0)
		return err->code;
	if ((rc = secret_copy(okm, 32, &ret->key, err)) == 0)
		memcpy(ret->commitment, okm + 32, 32);
	secret_wipe(okm, sizeof(okm));
	return rc;
}
