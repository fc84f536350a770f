#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "job/job_packs.h"
#include "job/job_verify_shared.h"
#include "repo/repo_format.h"

#define KEYS 64 /* As many as are asked for at once. */

struct job_verify_shared {
	struct job_packs *packs;
	pthread_mutex_t lock; /* What is below. */
	uint8_t keys[KEYS][REPO_ID_LEN];
	size_t nkeys; /* That were added; key i lies at i % KEYS. */
};

int
job_verify_shared_new(
    struct repo *r, struct job_verify_shared **ret, struct err *err)
{
	CLEANUP(freep_job_verify_shared) struct job_verify_shared *s = NULL;
	int rc;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	(void)pthread_mutex_init(&s->lock, NULL);
	if ((rc = job_packs_load(r, NULL, &s->packs, err)) < 0)
		return rc;
	*ret = TAKE(s);
	return 0;
}

void
job_verify_shared_free(struct job_verify_shared *s)
{
	if (s == NULL)
		return;
	job_packs_free(s->packs);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

const struct job_packs *
job_verify_shared_packs(const struct job_verify_shared *s)
{
	return s->packs;
}

bool
job_verify_shared_has_key(struct job_verify_shared *s, const uint8_t key_id[])
{
	bool found = false;
	size_t i;

	(void)pthread_mutex_lock(&s->lock);
	for (i = 0; i < KEYS && i < s->nkeys && !found; i++)
		found = memcmp(s->keys[i], key_id, REPO_ID_LEN) == 0;
	(void)pthread_mutex_unlock(&s->lock);
	return found;
}

void
job_verify_shared_add_key(struct job_verify_shared *s, const uint8_t key_id[])
{
	(void)pthread_mutex_lock(&s->lock);
	memcpy(s->keys[s->nkeys++ % KEYS], key_id, REPO_ID_LEN);
	(void)pthread_mutex_unlock(&s->lock);
}
