#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "job/job.h"
#include "job/job_key.h"
#include "repo/repo.h"
#include "store/store.h"

int
job_key_add(struct repo *r, struct key *k, uint64_t *done, struct err *err)
{
	return repo_rewrap(r, k, done, err);
}

/* One wrapping, by its name. */
struct row {
	uint8_t key_id[REPO_ID_LEN];
	uint8_t opener[KEY_FINGERPRINT_LEN];
};

struct rows {
	struct row *v;
	size_t n;
	size_t skip; /* Length of "hf1/<vault>/" in a listed name. */
};

static int
on_object(void *arg, const struct store_info *info, struct err *err)
{
	struct rows *rows = arg;
	const char *name = info->name + rows->skip;
	struct row row, *grown;

	if (strlen(name) != 2 + 32 + 1 + 32 + 4 ||
	    !str_unhex(row.key_id, name + 2, sizeof(row.key_id)) ||
	    !str_unhex(row.opener, name + 35, sizeof(row.opener)))
		return 0;
	grown = reallocarray(rows->v, rows->n + 1, sizeof(row));
	if (grown == NULL)
		return err_nomem(err);
	rows->v = grown;
	rows->v[rows->n++] = row;
	return 0;
}

static bool
has_other(const struct rows *rows, const struct row *row)
{
	size_t i;

	/* A listing is sorted, but nothing here needs to rely on it. */
	for (i = 0; i < rows->n; i++)
		if (memcmp(rows->v[i].key_id, row->key_id,
			sizeof(row->key_id)) == 0 &&
		    memcmp(rows->v[i].opener, row->opener,
			sizeof(row->opener)) != 0)
			return true;
	return false;
}

static int
check_others(const struct rows *rows, const uint8_t fp[], struct err *err)
{
	char hex[2 * REPO_ID_LEN + 1];
	bool seen = false;
	size_t i;

	for (i = 0; i < rows->n; i++) {
		if (memcmp(rows->v[i].opener, fp, KEY_FINGERPRINT_LEN) != 0)
			continue;
		seen = true;
		if (has_other(rows, &rows->v[i]))
			continue;
		(void)err_set(err, HF_EDENIED,
		    "no other key opens '%s': nothing was removed",
		    str_hex(hex, rows->v[i].key_id, REPO_ID_LEN));
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
erase_rows(const struct job *j, struct repo *r, const struct rows *rows,
    const uint8_t fp[], uint64_t *done, struct err *err)
{
	CLEANUP(freep_store_eraser) struct store_eraser *eraser = NULL;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	size_t i;
	int rc;

	if ((rc = store_eraser_new(repo_store(r), &eraser, err)) < 0)
		return rc;
	for (i = 0; i < rows->n; i++) {
		if (memcmp(rows->v[i].opener, fp, KEY_FINGERPRINT_LEN) != 0)
			continue;
		repo_name_wrapped(
		    name, rows->v[i].key_id, rows->v[i].opener);
		if ((rc = job_check(j, err)) < 0 ||
		    (rc = store_erase(eraser, repo_object(r, name, object),
			 err)) < 0)
			return rc;
		(*done)++;
	}
	return 0;
}

int
job_key_remove(const struct job *j, struct repo *r,
    const uint8_t fp[KEY_FINGERPRINT_LEN], uint64_t *done, struct err *err)
{
	struct rows rows = { .n = 0 };
	char object[REPO_NAME_MAX + 64];
	int rc;

	*done = 0;
	rows.skip = strlen(repo_object(r, "", object));
	rc = store_list(repo_store(r), repo_object(r, "k/", object), on_object,
	    &rows, err);
	if (rc == 0 && (rc = check_others(&rows, fp, err)) == 0)
		rc = erase_rows(j, r, &rows, fp, done, err);
	free(rows.v);
	return rc;
}
