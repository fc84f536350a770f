#include "base/err.h"
#include "job/job_prune.h"
#include "repo/repo.h"
#include "store/store.h"

static int
bring_back(struct repo *r, struct store_eraser *eraser,
    const struct repo_backup *b, struct err *err)
{
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];

	repo_name_tombstone(name, b->m.sha256);
	return store_erase(eraser, repo_object(r, name, object), err);
}

int
job_prune_undo(struct repo *r, const struct repo_catalogue *cat,
    const struct repo_backup *b, struct err *err)
{
	CLEANUP(freep_store_eraser) struct store_eraser *eraser = NULL;
	const struct repo_backup *log;
	size_t i;
	int rc;

	if (!b->removed)
		return err_set(
		    err, HF_EUSAGE, "backup '%s' is not removed", b->id);
	if ((rc = store_eraser_new(repo_store(r), &eraser, err)) < 0)
		return rc;
	/* The logs first: killed in between, it is still removed, and this
	 * can be said again. */
	for (i = 0; i < cat->n; i++) {
		log = &cat->backups[i];
		if (log->removed && repo_backup_continues(log, b) &&
		    (rc = bring_back(r, eraser, log, err)) < 0)
			return rc;
	}
	return bring_back(r, eraser, b, err);
}
