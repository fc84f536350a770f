#ifndef REPO_REPO_AHEAD_H_
#define REPO_REPO_AHEAD_H_

#include <stddef.h>

#include "base/cleanup.h"
#include "repo/repo_format.h"

/* Opaque types. */
struct err;
struct repo;
struct repo_ahead;
struct repo_backup;
struct repo_packs;

/*
 * Brings many small backups in a given order: logs of some seconds, of which
 * a day has thousands.  Each costs two requests, one behind the other, and
 * with a store that is far away that would be all the time of a replay: so
 * threads ask for the next ones while the caller reads one.  From a store that
 * is near, each is brought when it is asked for.
 */

/* The manifest of a backup and, if they came with it, its packs. */
struct repo_brought {
	struct repo_manifest m;
	/* For repo_reader_opts; NULL: the reader opens them itself. */
	struct repo_packs *packs;
};

/**
 * repo_bring(r, b, ret, err):
 * Load the manifest of the one backup ${b}, without its packs.
 */
int repo_bring(struct repo *, const struct repo_backup *,
    struct repo_brought **, struct err *);
void repo_brought_free(struct repo_brought *);
CLEANUP_DEFINE(repo_brought);

/**
 * repo_ahead_new(r, v, n, memory, ret, err):
 * Begin to bring the ${n} backups of ${v}, which must stay.  What is here
 * and was not taken is of at most ${memory} bytes, or a single larger backup,
 * whose packs then are not among it if they have more than a MiB.
 */
int repo_ahead_new(struct repo *, const struct repo_backup *const *, size_t,
    size_t, struct repo_ahead **, struct err *);
void repo_ahead_free(struct repo_ahead *);
CLEANUP_DEFINE(repo_ahead);

/**
 * repo_ahead_take(a, ret, err):
 * Give the next backup; errors are those of repo_manifest_load, when its turn
 * has come.  What is the matter with its packs, the reader tells.
 */
int repo_ahead_take(struct repo_ahead *, struct repo_brought **, struct err *);

#endif /* !REPO_REPO_AHEAD_H_ */
