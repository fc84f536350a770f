#ifndef REPO_REPO_KEY_CACHE_H_
#define REPO_REPO_KEY_CACHE_H_

#include <stdint.h>

#include "repo/repo_format.h"

/* Opaque types. */
struct err;
struct repo;
struct secret;

/*
 * One data key for several backups of one process, one after the other.  If
 * each of the backups that are committed every few seconds left a wrapped key,
 * a rotation would face millions of them.  The key lives only in locked memory,
 * for an hour at most: who steals a host that may only write finds the key of
 * what it stored within this hour.
 */
struct repo_key_cache {
	uint8_t id[REPO_ID_LEN];
	struct secret *key; /* NULL: none yet. */
	int64_t made_ms;    /* By the store's time: it is no older. */
};
void repo_key_cache_clear(struct repo_key_cache *);

/**
 * repo_key_cache_renew(c, r, start_ms, err):
 * Make sure that ${c} has a key for the session that began at ${start_ms} by
 * the store's time.  Nobody may be using the old one.
 */
int repo_key_cache_renew(
    struct repo_key_cache *, struct repo *, int64_t, struct err *);

#endif /* !REPO_REPO_KEY_CACHE_H_ */
