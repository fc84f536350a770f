#ifndef REPO_REPO_RETENTION_H_
#define REPO_REPO_RETENTION_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;
struct repo_catalogue;

/*
 * Which backups to keep: a pure function of the catalogue, the rule and the
 * store's time.  Backups are counted per source, by the time at which the
 * store received them; no client's clock has a say.
 */
struct retention {
	/* How many to keep of each kind; 0: the rule is not used. */
	uint32_t last, hourly, daily, weekly, monthly, yearly;
	int64_t max_age_ms; /* Remove what is older, 0: age does not matter. */
	uint32_t min_count; /* Never leave fewer than this per source. */
};

struct retention_verdict {
	bool keep;
	/* Why: "last 3", "daily 2026-11-20", "younger than 15d", "the only
	 * good one", "older than 15d", "no rule keeps it". */
	char why[64];
};

/**
 * retention_plan(rule, cat, now_ms, good, verdicts, err):
 * Decide for each of ${cat}'s backups; ${good[i]} says that backup i is
 * known to be whole.  Removed backups get keep = false, "removed".
 * - A rule without any number is HF_EUSAGE: nothing is ever deleted by
 *   default.  min_count alone says nothing either.
 * - Hours, days, ISO weeks, months and years are those of UTC, counted back
 *   over the ones that have a good backup; the newest in each stays.
 * - With both counts and max age, a backup stays if either says so.
 * - The newest good backup of a source always stays, and so does every one
 *   newer than it; a source without a good one keeps all.  A bad backup
 *   never counts for min_count or a bucket.
 * - A log is no backup and is not counted: it stays as long as the one that
 *   it continues, and goes with it.  One whose base is not in ${cat} stays,
 *   for nothing is deleted because something else cannot be found.
 */
int retention_plan(const struct retention *, const struct repo_catalogue *,
    int64_t, const bool *, struct retention_verdict *, struct err *);

#endif /* !REPO_REPO_RETENTION_H_ */
