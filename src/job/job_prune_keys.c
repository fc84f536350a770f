#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "job/job_prune_keys.h"
#include "repo/repo.h"
#include "store/store.h"

struct wrapping {
	uint8_t key_id[REPO_ID_LEN];
	char name[REPO_NAME_MAX]; /* "k/<key id>.<opener fp>.hfk" */
	bool needed;
};

struct job_prune_keys {
	struct wrapping *v;
	size_t n;
	size_t skip; /* Length of "hf1/<vault>/" in a listed name. */
	int64_t horizon;
	uint8_t root[SIGN_FINGERPRINT_LEN];
};

/* Add what has the name of a wrapping; a stranger's object is left alone. */
static int
on_object(void *arg, const struct store_info *info, struct err *err)
{
	struct job_prune_keys *k = arg;
	const char *name = info->name + k->skip;
	uint8_t opener[KEY_FINGERPRINT_LEN];
	struct wrapping w, *grown;

	if (strlen(info->name) < k->skip ||
	    strlen(name) != 2 + 2 * REPO_ID_LEN + 1 + 2 * sizeof(opener) + 4 ||
	    !str_unhex(w.key_id, name + 2, sizeof(w.key_id)) ||
	    !str_unhex(opener, name + 2 + 2 * REPO_ID_LEN + 1, sizeof(opener)))
		return 0;
	repo_name_wrapped(w.name, w.key_id, opener);
	if (strcmp(w.name, name) != 0)
		return 0;
	w.needed = info->mtime_ms >= k->horizon ||
	    memcmp(w.key_id, k->root, sizeof(k->root)) == 0;
	if ((grown = reallocarray(k->v, k->n + 1, sizeof(w))) == NULL)
		return err_nomem(err);
	k->v = grown;
	k->v[k->n++] = w;
	return 0;
}

int
job_prune_keys_new(struct repo *r, int64_t horizon,
    struct job_prune_keys **ret, struct err *err)
{
	CLEANUP(freep_job_prune_keys) struct job_prune_keys *k = NULL;
	char object[REPO_NAME_MAX + 64];
	int rc;

	if ((k = calloc(1, sizeof(*k))) == NULL)
		return err_nomem(err);
	k->horizon = horizon;
	k->skip = strlen(repo_object(r, "", object));
	rc = sign_fingerprint(repo_head(r)->root_pk, k->root, err);
	if (rc < 0 ||
	    (rc = store_list(repo_store(r), repo_object(r, "k/", object),
		 on_object, k, err)) < 0)
		return rc;
	*ret = TAKE(k);
	return 0;
}

void
job_prune_keys_free(struct job_prune_keys *k)
{
	if (k == NULL)
		return;
	free(k->v);
	free(k);
}

void
job_prune_keys_need(struct job_prune_keys *k, const struct repo_manifest *m)
{
	size_t i, j;

	for (i = 0; i < m->nkeys; i++)
		for (j = 0; j < k->n; j++)
			if (memcmp(k->v[j].key_id, m->keys[i], REPO_ID_LEN) ==
			    0)
				k->v[j].needed = true;
}

const char *
job_prune_keys_spare(const struct job_prune_keys *k, size_t *i)
{
	for (; *i < k->n; (*i)++)
		if (!k->v[*i].needed)
			return k->v[*i].name;
	return NULL;
}
