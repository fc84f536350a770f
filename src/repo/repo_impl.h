#ifndef REPO_REPO_IMPL_H_
#define REPO_REPO_IMPL_H_

#include <pthread.h>
#include <stdbool.h>

#include "repo/repo.h"
#include "repo/repo_local.h"

/* Opaque types. */
struct buf;

/* The inside of a repository, for the files of this folder alone. */

/* A data key that was opened. */
struct repo_ring_key {
	struct repo_ring_key *next;
	uint8_t id[REPO_ID_LEN];
	struct secret *key;
};

struct repo {
	struct store *store; /* Borrowed. */
	char *host;
	struct repo_head head;
	uint8_t root_fp[SIGN_FINGERPRINT_LEN];
	struct repo_local *local;
	struct repo_cache *cache; /* Or NULL. */
	struct key **keys;
	size_t nkeys;

	pthread_mutex_t opening; /* Held while a data key is opened. */
	pthread_mutex_t lock;    /* Guards what is below. */
	struct repo_ring_key *ring;
	struct secret *seed; /* NULL until it is asked for. */
	uint8_t seed_pk[SIGN_PUBLIC_LEN];
	uint8_t seed_fp[SIGN_FINGERPRINT_LEN];
	struct repo_cert cert; /* Of ${seed}; its roles are 0 if unknown. */
	bool not_revoked;      /* It was looked up. */
};

/* For CLEANUP(repo_unlock) struct repo *locked = repo_lock(r). */
struct repo *repo_lock(struct repo *);
void repo_unlock(struct repo **);

/**
 * repo_get(r, name, max, out, err):
 * Read the object ${name} (without "hf1/<vault>/").
 */
int repo_get(struct repo *, const char *, size_t, struct buf *, struct err *);

/**
 * repo_put(r, name, b, err):
 * Store an object that nobody else can have stored under this name.  When
 * put fails, or finds the name taken, the object may be ours all the same (a
 * request was repeated because its answer was lost): if the store has these
 * very bytes, that is success.
 */
int repo_put(struct repo *, const char *, const struct buf *, struct err *);

/**
 * repo_root_seed(r, ret, err):
 * Open the root seed with any key at hand.
 */
int repo_root_seed(struct repo *, struct secret **, struct err *);

/**
 * repo_open_with(r, k, class, key_id, ret, err):
 * Open one wrapped key with the key ${k} alone; HF_ENOTFOUND if it is not
 * wrapped for ${k}.
 */
int repo_open_with(struct repo *, struct key *, enum repo_key_class,
    const uint8_t key_id[], struct secret **, struct err *);

/**
 * repo_open_any(r, class, key_id, ret, err):
 * Open a wrapped key with whichever key at hand does; HF_EKEY if none does.
 */
int repo_open_any(struct repo *, enum repo_key_class, const uint8_t key_id[],
    struct secret **, struct err *);

/**
 * repo_wrapped_load(r, name, w, vouched, err):
 * Read and decode the k object ${name}; HF_ECORRUPT if it is not what its
 * name says.  ${*vouched} (if not NULL) says whether the root signed it.
 */
int repo_wrapped_load(
    struct repo *, const char *, struct repo_wrapped *, bool *, struct err *);

/**
 * repo_certificate(r, root_seed, pk, name, roles, until_ms, err):
 * Make a certificate and store it; one that is there already and allows the
 * roles will do.
 */
int repo_certificate(struct repo *, const struct secret *, const uint8_t pk[],
    const char *, uint32_t, int64_t, struct err *);

#endif /* !REPO_REPO_IMPL_H_ */
