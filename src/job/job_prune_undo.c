#include "base/err.h"
#include "base/time.h"
#include "job/job_prune.h"
#include "repo/repo.h"
#include "store/store.h"

static int
bring_back(struct repo *r, struct store_eraser *eraser,
    const struct repo_backup *b, struct err *err)
{
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	int rc;

	/* If this is killed in between, the backup is back, and the tombstone
	 * has no effect any more: the same as if a thief had put it back. */
	if ((rc = repo_undo(r, b, err)) < 0)
		return rc;
	repo_name_tombstone(name, b->m.sha256);
	return store_erase(eraser, repo_object(r, name, object), err);
}

/*
 * Is the undo window of ${b} open?  A prune takes the store's time first, and
 * erases nothing of a backup whose window is open then.  So a prune at work now
 * leaves alone what is inside its window now.  But what is not, it may be
 * erasing, the manifest first; without its tombstone that would be a backup
 * with holes.
 */
static bool
is_open(const struct repo_backup *b, int64_t now_ms, int64_t undo_ms)
{
	return b->removed_ms >= now_ms - undo_ms;
}

static int
too_late(const struct repo_backup *b, int64_t undo_ms, struct err *err)
{
	char when[TIME_TEXT_MAX], window[TIME_TEXT_MAX];

	(void)err_set(err, HF_ENOTFOUND,
	    "backup '%s' was removed at %s: its undo window of %s is over, "
	    "and prune may have taken what it needs",
	    b->id, time_format(b->removed_ms, when),
	    duration_format(undo_ms, window));
	return err_hint(err,
	    "if no prune has run since, and none is running, undo it with a "
	    "longer --undo-window and verify it");
}

int
job_prune_undo(struct repo *r, const struct repo_catalogue *cat,
    const struct repo_backup *b, int64_t undo_ms, struct err *err)
{
	CLEANUP(freep_store_eraser) struct store_eraser *eraser = NULL;
	const struct repo_backup *log;
	int64_t now;
	size_t i;
	int rc;

	if (!b->removed)
		return err_set(
		    err, HF_EUSAGE, "backup '%s' is not removed", b->id);
	if ((rc = store_now(repo_store(r), &now, err)) < 0)
		return rc;
	if (!is_open(b, now, undo_ms))
		return too_late(b, undo_ms, err);
	if ((rc = store_eraser_new(repo_store(r), &eraser, err)) < 0)
		return rc;
	/* Undo the logs first: if this is killed in between, the backup is
	 * still removed, and the command can be repeated. */
	for (i = 0; i < cat->n; i++) {
		log = &cat->backups[i];
		if (log->removed && repo_backup_continues(log, b) &&
		    is_open(log, now, undo_ms) &&
		    (rc = bring_back(r, eraser, log, err)) < 0)
			return rc;
	}
	return bring_back(r, eraser, b, err);
}
