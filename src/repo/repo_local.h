#ifndef REPO_REPO_LOCAL_H_
#define REPO_REPO_LOCAL_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "repo/repo_format.h"

/* Opaque types. */
struct buf;
struct err;
struct repo_local;
struct secret;

/*
 * What this host remembers of a repository (doc/format.md, "Local state"):
 * small files, each replaced in one step or made once.  Two processes of one
 * host may use them at the same time.
 */

/* Which repository is expected at a place. */
struct repo_pin {
	uint8_t vault_id[REPO_ID_LEN];
	uint8_t root_fp[SIGN_FINGERPRINT_LEN];
};

/**
 * repo_pin_path(state_dir, place, vault, ret, err):
 * Give the path of the file that pins ${vault} at ${place}, for messages too.
 */
int repo_pin_path(
    const char *, const char *, const char *, char **, struct err *);

/**
 * repo_pin_load(path, pin, known, err):
 * Read a pin; ${*known} is false if there is none.
 */
int repo_pin_load(const char *, struct repo_pin *, bool *known, struct err *);
int repo_pin_save(const char *, const struct repo_pin *, struct err *);

/**
 * repo_local_open(state_dir, vault_id, ret, err):
 * Open, and make if missing, the folder of the vault.
 */
int repo_local_open(const char *, const uint8_t vault_id[REPO_ID_LEN],
    struct repo_local **, struct err *);
void repo_local_free(struct repo_local *);
CLEANUP_DEFINE(repo_local);
const char *repo_local_path(const struct repo_local *);

/* Files of the folder. */
#define REPO_LOCAL_HEAD "F"          /* A copy of F. */
#define REPO_LOCAL_CERT "w"          /* This host's certificate. */
#define REPO_LOCAL_HEADS "heads"     /* See repo_heads.h. */
#define REPO_LOCAL_PENDING "pending" /* See repo_pending.h. */

/**
 * repo_local_get(l, name, max, out, err):
 * Read a file; HF_ENOTFOUND if there is none.
 */
int repo_local_get(const struct repo_local *, const char *, size_t,
    struct buf *, struct err *);

/**
 * repo_local_put(l, name, p, n, err):
 * Make or replace a file, durably and in one step.
 */
int repo_local_put(const struct repo_local *, const char *, const void *,
    size_t, struct err *);

/**
 * repo_local_drop(l, name, err):
 * Remove a file; it is no error if there is none.
 */
int repo_local_drop(const struct repo_local *, const char *, struct err *);

/**
 * repo_local_seed(l, ret, err):
 * Read this host's signing seed, or make it: of two processes that make it
 * at once, both get the same.
 */
int repo_local_seed(const struct repo_local *, struct secret **, struct err *);

/**
 * repo_local_lock(l, fd, err):
 * Wait until no other process of this host, and no other thread, holds the
 * lock; close ${*fd} to let go of it.
 */
int repo_local_lock(const struct repo_local *, int *, struct err *);

#endif /* !REPO_REPO_LOCAL_H_ */
