#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "job/job_verify_format.h"
#include "repo/repo_format.h"
#include "source/etcd/source_etcd.h"

struct job_walk {
	struct sha256 *sha;
	uint8_t tail[SHA256_LEN]; /* The last bytes so far, not yet hashed. */
	size_t ntail;
	bool snapshot;    /* Any of its bytes came. */
	const char *want; /* The evidence's hex digest, or NULL. */
};

int
job_walk_new(
    const struct repo_manifest *m, struct job_walk **ret, struct err *err)
{
	CLEANUP(freep_job_walk) struct job_walk *w = NULL;
	size_t i;
	int rc;

	if (strcmp(m->type, "etcd") != 0 || m->kind == REPO_LOG)
		return 0;
	if ((w = calloc(1, sizeof(*w))) == NULL)
		return err_nomem(err);
	if ((rc = sha256_new(&w->sha, err)) < 0)
		return rc;
	for (i = 0; i < m->nevidence; i++)
		if (strcmp(m->evidence[i].name, "etcd.sha256") == 0)
			w->want = m->evidence[i].value;
	*ret = TAKE(w);
	return 0;
}

void
job_walk_free(struct job_walk *w)
{
	if (w == NULL)
		return;
	sha256_free(w->sha);
	free(w);
}

int
job_walk_data(void *arg, const struct entry *e, const uint8_t *p, size_t n,
    struct err *err)
{
	struct job_walk *w = arg;
	size_t keep;
	int rc;

	if (strcmp(e->path, SOURCE_ETCD_SNAPSHOT) != 0)
		return 0;
	w->snapshot = true;
	/* Hold the last 32 bytes back: they may be the digest itself. */
	keep = n >= SHA256_LEN ? 0 : SHA256_LEN - n;
	if (keep > w->ntail)
		keep = w->ntail;
	rc = sha256_update(w->sha, w->tail, w->ntail - keep, err);
	if (rc < 0)
		return rc;
	memmove(w->tail, w->tail + w->ntail - keep, keep);
	if (n > SHA256_LEN) {
		rc = sha256_update(w->sha, p, n - SHA256_LEN, err);
		if (rc < 0)
			return rc;
		p += n - SHA256_LEN;
		n = SHA256_LEN;
	}
	memcpy(w->tail + keep, p, n);
	w->ntail = keep + n;
	return 0;
}

const char *
job_walk_end(struct job_walk *w)
{
	uint8_t got[SHA256_LEN];
	char hex[2 * SHA256_LEN + 1];
	struct err err = ERR_INIT;

	if (!w->snapshot)
		return NULL;
	if (w->ntail != SHA256_LEN)
		return "is too short for an etcd snapshot";
	if (sha256_final(w->sha, got, &err) < 0)
		return "could not be hashed";
	if (memcmp(got, w->tail, sizeof(got)) != 0)
		return "does not end with the SHA-256 of its content";
	if (w->want != NULL &&
	    strcmp(str_hex(hex, got, sizeof(got)), w->want) != 0)
		return "has another SHA-256 than etcd sent";
	return NULL;
}
