#include <string.h>

#include "base/cleanup.h"
#include "crypto/secret.h"
#include "repo/repo.h"
#include "repo/repo_key_cache.h"

#define LIFE_S 3600

void
repo_key_cache_clear(struct repo_key_cache *c)
{
	secret_free(c->key);
	*c = (struct repo_key_cache){ 0 };
}

/* Rule W1 holds for data keys too, and the window may be short. */
static bool
is_good(const struct repo_key_cache *c, const struct repo *r, int64_t now_ms)
{
	uint32_t life_s = repo_head(r)->reuse_s;

	if (life_s > LIFE_S)
		life_s = LIFE_S;
	return c->key != NULL && now_ms >= c->made_ms &&
	       now_ms - c->made_ms < 1000 * (int64_t)life_s;
}

int
repo_key_cache_renew(
    struct repo_key_cache *c, struct repo *r, int64_t start_ms, struct err *err)
{
	CLEANUP(freep_secret) struct secret *key = NULL;
	uint8_t id[REPO_ID_LEN];
	int rc;

	if (is_good(c, r, start_ms))
		return 0;
	if ((rc = repo_data_key_new(r, id, &key, err)) < 0)
		return rc;
	secret_free(c->key);
	c->key = TAKE(key);
	c->made_ms = start_ms;
	memcpy(c->id, id, sizeof(id));
	return 0;
}
