#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "base/str.h"
#include "job/job_attest.h"
#include "repo/repo.h"
#include "store/store.h"

static int
fill(struct repo *r, const struct repo_backup *b, struct repo_attest *a,
    struct err *err)
{
	int rc;

	memcpy(a->vault_id, repo_head(r)->vault_id, sizeof(a->vault_id));
	memcpy(a->sha256, b->m.sha256, sizeof(a->sha256));
	if ((rc = repo_writer_fingerprint(r, a->verifier, err)) < 0 ||
	    (rc = store_now(repo_store(r), &a->time_ms, err)) < 0)
		return rc;
	return str_dup(repo_host(r), &a->host, err);
}

static int
put(struct repo *r, const struct repo_attest *a, const struct secret *seed,
    struct err *err)
{
	CLEANUP(freep_buf) struct buf bytes = BUF_INIT;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	struct store_blob blob;
	uint8_t rnd[4];
	int rc;

	if ((rc = repo_attest_encode(a, seed, &bytes, err)) < 0)
		return rc;
	randombytes_buf(rnd, sizeof(rnd));
	repo_name_attest(name, a->sha256, a->time_ms, rnd);
	blob = (struct store_blob){ .p = bytes.p, .len = bytes.len };
	return store_put(
	    repo_store(r), repo_object(r, name, object), &blob, err);
}

int
job_attest(struct repo *r, const struct repo_backup *b, struct repo_attest *a,
    bool *attested, struct err *err)
{
	const struct secret *seed;
	int rc;

	if ((rc = repo_writer_seed(r, REPO_ROLE_VERIFY, &seed, err)) == 0 &&
	    (rc = fill(r, b, a, err)) == 0)
		rc = put(r, a, seed, err);
	*attested = rc == 0;
	return rc == -HF_EDENIED ? 0 : rc;
}
