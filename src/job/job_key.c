#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "job/job.h"
#include "job/job_key.h"
#include "job/job_wrappings.h"
#include "repo/repo.h"
#include "store/store.h"

/* Is the key that ${w} wraps also wrapped for another opener? */
static int
has_other(struct repo *r, const struct job_wrappings *all,
    const struct job_wrapping *w, struct err *err)
{
	size_t i;
	int rc;

	/* A listing is sorted, but nothing here needs to rely on it. */
	for (i = 0; i < all->n; i++)
		if (memcmp(all->v[i].key_id, w->key_id, sizeof(w->key_id)) ==
			0 &&
		    memcmp(all->v[i].opener, w->opener, sizeof(w->opener)) !=
			0 &&
		    (rc = job_wrapping_holds(r, &all->v[i], err)) != 0)
			return rc;
	return 0;
}

static int
check_others(struct repo *r, const struct job_wrappings *all,
    const uint8_t fp[], struct err *err)
{
	char hex[2 * REPO_ID_LEN + 1];
	bool seen = false;
	size_t i;
	int rc;

	for (i = 0; i < all->n; i++) {
		if (memcmp(all->v[i].opener, fp, KEY_FINGERPRINT_LEN) != 0)
			continue;
		seen = true;
		if ((rc = has_other(r, all, &all->v[i], err)) < 0)
			return rc;
		if (rc > 0)
			continue;
		(void)err_set(err, HF_EDENIED,
		    "no other key opens '%s': nothing was removed",
		    str_hex(hex, all->v[i].key_id, REPO_ID_LEN));
		return err_hint(err, "add another key first, with "
				     "`holdfast key add`");
	}
	if (!seen)
		return err_set(err, HF_ENOTFOUND,
		    "the repository has no opener '%s'",
		    str_hex(hex, fp, KEY_FINGERPRINT_LEN));
	return 0;
}

static int
erase_all(const struct job *j, struct repo *r, const struct job_wrappings *all,
    const uint8_t fp[], uint64_t *done, struct err *err)
{
	CLEANUP(freep_store_eraser) struct store_eraser *eraser = NULL;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	size_t i;
	int rc;

	if ((rc = store_eraser_new(repo_store(r), &eraser, err)) < 0)
		return rc;
	for (i = 0; i < all->n; i++) {
		if (memcmp(all->v[i].opener, fp, KEY_FINGERPRINT_LEN) != 0)
			continue;
		repo_name_wrapped(name, all->v[i].key_id, all->v[i].opener);
		if ((rc = job_check(j, err)) < 0 ||
		    (rc = store_erase(
			 eraser, repo_object(r, name, object), err)) < 0)
			return rc;
		(*done)++;
	}
	return 0;
}

int
job_key_remove(const struct job *j, struct repo *r,
    const uint8_t fp[KEY_FINGERPRINT_LEN], uint64_t *done, struct err *err)
{
	CLEANUP(freep_job_wrappings) struct job_wrappings all = { NULL, 0 };
	int rc;

	*done = 0;
	if ((rc = job_wrappings_load(r, NULL, &all, err)) < 0 ||
	    (rc = check_others(r, &all, fp, err)) < 0)
		return rc;
	return erase_all(j, r, &all, fp, done, err);
}
