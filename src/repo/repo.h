#ifndef REPO_REPO_H_
#define REPO_REPO_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "repo/repo_format.h"

/* Opaque types. */
struct err;
struct key;
struct repo;
struct secret;
struct store;

/*
 * A repository: a store, who may write it, and the keys at hand to open it.
 * What is open here is checked: F against the pinned root fingerprint,
 * writers against the root key, manifests, tombstones and attestations
 * against their writers.
 *
 * Local state is a folder of this host (doc/format.md, "Local state"): the
 * host's signing seed, the pinned root fingerprint, a copy of F, and the
 * last head seen of every writer.  Losing it costs a new certificate, never
 * a backup; a write-only host works from it alone and reads nothing.
 */

struct repo_opts {
	struct store *store;   /* At the place; borrowed. */
	const char *vault;     /* "main" if NULL. */
	const char *state_dir; /* Of this user, made if missing (0700). */
	const char *host;      /* What this host is called; NULL: hostname. */
	/* 32 hex digits that the root fingerprint must have, or NULL: then
	 * what the state folder has pinned, or else trust on first use. */
	const char *fingerprint;
	/* How many bytes of copies of manifests the state folder may keep
	 * (repo_cache.h); 0: none. */
	uint64_t cache;
};

/**
 * repo_init(opts, open_keys, arg, root_fp, err):
 * Make a repository: the root seed wrapped for every key that ${open_keys}
 * gives (at least one that can wrap; HF_EUSAGE otherwise), this host's
 * certificate with all roles, and F last: killed anywhere, it is run again.
 * HF_EEXISTS, having written nothing, if there is one, or if this host knows
 * one at the place that is gone.  ${open_keys} is
 * called once the vault id is drawn, which is the salt of passphrases; it
 * gives away the array and the keys in it.
 */
typedef int repo_open_keys_fn(void *, const uint8_t vault_id[REPO_ID_LEN],
    struct key ***keys, size_t *nkeys, struct err *);
int repo_init(const struct repo_opts *, repo_open_keys_fn *, void *,
    uint8_t root_fp[SIGN_FINGERPRINT_LEN], struct err *);

/**
 * repo_open(opts, open_keys, arg, ret, err):
 * Open the repository at opts->store.  With STORE_WRITE alone, or where get
 * is denied, F comes from the local state.  HF_ENOTFOUND if there is none,
 * HF_ECORRUPT if the root fingerprint is not the one expected.
 * ${open_keys} (NULL: no keys) is called with the vault id as passphrases
 * need it; the repository then owns the keys.
 */
int repo_open(const struct repo_opts *, repo_open_keys_fn *, void *,
    struct repo **, struct err *);
void repo_free(struct repo *);
CLEANUP_DEFINE(repo);

struct store *repo_store(const struct repo *);
const struct repo_head *repo_head(const struct repo *);
const char *repo_host(const struct repo *);
size_t repo_nkeys(const struct repo *);

/**
 * repo_threads(r):
 * How many threads are to ask for small objects: each waits for the store most
 * of the time, and one that is far away takes long to answer the first.
 */
unsigned repo_threads(const struct repo *);

/**
 * repo_object(r, name, out):
 * Write the store's name of an object, "hf1/<vault>/<name>", to ${out} of
 * REPO_NAME_MAX + 64 bytes; return ${out}.
 */
char *repo_object(const struct repo *, const char *, char *);

/**
 * repo_data_key_new(r, id, ret, err):
 * Make a data key, store it wrapped for every key of the repository that
 * can wrap and for every recipient that the repository names, and only then
 * hand it out.  HF_EKEY if nobody could open it again.
 */
int repo_data_key_new(
    struct repo *, uint8_t id[REPO_ID_LEN], struct secret **, struct err *);

/**
 * repo_data_key(r, id, ret, err):
 * Open the data key ${id} with any key at hand; opened ones are remembered,
 * and ${*ret} stays the repository's.  HF_EKEY lists the openers that would
 * do and those at hand.
 */
int repo_data_key(struct repo *, const uint8_t id[REPO_ID_LEN],
    const struct secret **, struct err *);

/**
 * repo_writer_seed(r, role, ret, err):
 * This host's signing seed, after making sure that its certificate allows
 * ${role}: a host with an opener at hand certifies itself (the root seed is
 * opened, used and wiped); else HF_EDENIED says what the owner must run.
 * ${*ret} stays the repository's.
 */
int repo_writer_seed(
    struct repo *, enum repo_role, const struct secret **, struct err *);
int repo_writer_fingerprint(
    struct repo *, uint8_t[SIGN_FINGERPRINT_LEN], struct err *);

/**
 * repo_writer_public(r, pk, roles, err):
 * This host's verify key, for an owner who is to certify it; made if there
 * is none yet.  ${*roles} is what its certificate allows, 0 without one.  A
 * certificate that can be read is kept in the local state: a host that may
 * only write works from there.
 */
int repo_writer_public(
    struct repo *, uint8_t[SIGN_PUBLIC_LEN], uint32_t *, struct err *);

/**
 * repo_certify(r, pk, name, roles, until_ms, err):
 * Certify another host's verify key; needs an opener of the root seed.  What
 * the host signs counts if it is stored before ${until_ms}, by the store's
 * clock; 0: without an end.
 */
int repo_certify(struct repo *, const uint8_t pk[SIGN_PUBLIC_LEN], const char *,
    uint32_t, int64_t, struct err *);

/* One backup, as the catalogue knows it. */
struct repo_backup {
	char id[REPO_BACKUP_ID_LEN + 1];
	char *name; /* In the store. */
	uint64_t manifest_len;
	uint64_t copy; /* Where the local state has it, or 0. */
	/*
	 * The earlier of the store's time of the manifest and of the commit
	 * that is signed in it: who stores an old one again makes it no newer.
	 */
	int64_t stored_ms;
	bool again;   /* Stored behind its commit deadline: again, or a copy. */
	bool late;    /* Stored after its writer's certificate had ended. */
	bool revoked; /* Signed by who was revoked, and none that stays. */
	/*
	 * Signature checked.  A brief: its packs and its private part are
	 * not here, repo_manifest_load() brings them.
	 */
	struct repo_manifest m;
	char *writer_name;
	bool removed; /* Has a tombstone. */
	bool undone;  /* It has one that was undone: somebody put it back. */
	int64_t removed_ms;
	/* Best attestation: level 0..4, or -1; a bad one newer than any good
	 * one makes ${bad} true. */
	int verified_level;
	int64_t verified_ms;
	int64_t good_ms; /* Of the newest good one, of any level; 0: none. */
	bool bad;
};

/**
 * repo_backup_continues(b, base):
 * Is ${b} a log of ${base}?
 */
bool repo_backup_continues(
    const struct repo_backup *, const struct repo_backup *);

/* Something wrong with the repository that is no error of the caller's. */
struct repo_finding {
	char *object; /* Name in the store, or "". */
	char *what;   /* "signature does not hold", "gap in the chain ..." */
	char *remedy;
	/* It is of somebody whom the owner has revoked, and counts for nothing:
	 * without it the repository is whole. */
	bool settled;
};

/* A host that is certified, or was. */
struct repo_certified {
	struct repo_cert cert;
	uint8_t fingerprint[SIGN_FINGERPRINT_LEN];
	int64_t revoked_ms; /* 0: it is not. */
};

/*
 * All backups by time stored, oldest first, who may write, by name, and what
 * is wrong: manifests that cannot be read or do not hold, gaps and forks in a
 * writer's chain that no tombstone explains, a head older than the last one
 * seen here.
 */
struct repo_catalogue {
	struct repo_backup *backups;
	struct repo_backup **by_hash; /* The same, for repo_catalogue_at. */
	size_t n;
	struct repo_certified *writers;
	size_t nwriters;
	struct repo_finding *findings;
	size_t nfindings;
	size_t nsettled; /* Of these. */
	/* A manifest could not be read or judged: prune must not run. */
	bool unsure;
};

/**
 * repo_catalogue_load(r, cat, err):
 * Read it whole and remember the heads seen in the local state.  What it
 * keeps is about 1 KiB for each backup; while it reads, manifests of 16 MiB
 * together, or a single larger one.
 */
int repo_catalogue_load(struct repo *, struct repo_catalogue *, struct err *);

/**
 * repo_catalogue_prove(r, cat, err):
 * Likewise, but from the store alone, as repo_manifest_load then does for what
 * is in it.  repo_catalogue_load takes manifests and attestations of which the
 * local state has copies from there: whoever says that they are whole, or
 * deletes because of them, must read what is in the store.
 */
int repo_catalogue_prove(struct repo *, struct repo_catalogue *, struct err *);
void repo_catalogue_clear(struct repo_catalogue *);

struct repo_revoked {
	char fingerprint[2 * SIGN_FINGERPRINT_LEN + 1];
	uint64_t kept; /* Objects of his that stay. */
};

/**
 * repo_revoke(r, cat, text, ret, err):
 * Revoke the writer whose name, fingerprint or verify key is ${text}: what he
 * has signed and ${cat} knows, and his tombstones and attestations, stay;
 * nothing else of his counts from now on.  Needs an opener of the root seed.
 * Said again it changes nothing, but puts back what somebody took away and
 * this host remembers.  HF_EEXISTS if an object that does not hold lies there.
 */
int repo_revoke(struct repo *, const struct repo_catalogue *, const char *,
    struct repo_revoked *, struct err *);

/**
 * repo_undo(r, b, err):
 * Undo the removal of ${b}: its tombstone counts for nothing from now on, even
 * if somebody puts it back, and may be erased.  Needs the role to prune.
 */
int repo_undo(struct repo *, const struct repo_backup *, struct err *);

/**
 * repo_catalogue_find(cat, text, ret, err):
 * Find the backup that ${text} names: an id or a unique prefix of one (at
 * least 4 digits), "latest", "latest:SOURCE", or a time (RFC 3339, down to
 * the minute: the newest backup not after it).  Logs and removed backups are
 * found only by id.  HF_ENOTFOUND names the nearest; HF_EUSAGE lists the
 * matches of an ambiguous prefix.
 */
int repo_catalogue_find(const struct repo_catalogue *, const char *,
    const struct repo_backup **, struct err *);

/**
 * repo_catalogue_at(cat, sha256):
 * Return the backup whose manifest has this hash, or NULL.
 */
const struct repo_backup *repo_catalogue_at(
    const struct repo_catalogue *, const uint8_t sha256[]);

/**
 * repo_catalogue_before(cat, b, ret, err):
 * Find the backup of the source of ${b} that was stored last before ${b},
 * which is in ${cat}; HF_ENOTFOUND if there is none.  Logs do not count.
 */
int repo_catalogue_before(const struct repo_catalogue *,
    const struct repo_backup *, const struct repo_backup **, struct err *);

/**
 * repo_manifest_load(r, b, m, err):
 * Read the manifest of ${b} of the catalogue again, whole, into ${m}: 64
 * bytes for each of its packs.  HF_ECORRUPT if it is not the one that was
 * judged, HF_ENOTFOUND if it is gone.
 */
int repo_manifest_load(struct repo *, const struct repo_backup *,
    struct repo_manifest *, struct err *);

/**
 * repo_manifest_each(r, v, n, fn, arg, err):
 * Call ${fn} with each of these ${n} backups and its whole manifest, in any
 * order and from any thread, one at a time.  In memory are manifests of
 * 16 MiB together, or a single larger one, twice.  The first failure ends it.
 */
typedef int repo_manifest_fn(void *, const struct repo_backup *,
    const struct repo_manifest *, struct err *);
int repo_manifest_each(struct repo *, const struct repo_backup *const *, size_t,
    repo_manifest_fn *, void *, struct err *);

/**
 * repo_commit(r, m, id, err):
 * Give ${m} its writer, seq, parent and commit time, sign it, and store it
 * as the last object of a backup.  HF_ECLOCK if the session has lasted
 * longer than the commit deadline less 15 minutes.  On success ${id} is the
 * backup's id and the local state knows the new head.  Where it remains
 * unknown whether the manifest was stored, the next commit finds out first,
 * so that one backup is never committed twice.
 */
int repo_commit(struct repo *, struct repo_manifest *,
    char id[REPO_BACKUP_ID_LEN + 1], struct err *);

/* Openers, as `holdfast key list` shows them. */
struct repo_opener {
	uint8_t fingerprint[KEY_FINGERPRINT_LEN];
	char *kind, *public_text;
	uint64_t data_keys; /* How many data keys it opens ... */
	bool root;          /* ... and whether the root seed too. */
	bool at_hand;
};
struct repo_openers {
	struct repo_opener *v;
	size_t n;
	uint64_t data_keys; /* How many there are in all. */
};
int repo_openers_load(struct repo *, struct repo_openers *, struct err *);
void repo_openers_clear(struct repo_openers *);

/**
 * repo_rewrap(r, add, done, err):
 * Wrap the root seed and every data key for the new opener ${add} too, with
 * any key at hand that opens them; those that ${add} opens already are left
 * alone, so a run that was killed is simply run again.  An existing wrapping
 * for ${add} that it cannot open, or that holds another key, is HF_ECORRUPT
 * and named.  ${*done} counts the wrappings written.
 */
int repo_rewrap(struct repo *, struct key *, uint64_t *, struct err *);

#endif /* !REPO_REPO_H_ */
