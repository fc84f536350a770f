#ifndef REPO_LEGACY_REPO_LEGACY_H_
#define REPO_LEGACY_REPO_LEGACY_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct secret;
struct store;

/*
 * The objects of the tool "etcd-backup", bit for bit, so that either program
 * reads what the other has written.  A backup is one or two objects:
 *
 *	PREFIX-2026-11-20T10:00:00Z.key		if it is encrypted
 *	PREFIX-2026-11-20T10:00:00Z.dump
 *
 * The dump is the stream of etcd's snapshot: a bbolt file and its SHA-256.
 * Encrypted it is a row of records, each nonce(24) | ciphertext | tag(16) of
 * 1 MiB of plaintext, the last of 1 byte to 1 MiB; the nonces are 16 bytes
 * that stay the same and a big-endian counter from 0.  The key object is
 * nonce(24) | the dump's own key(32), sealed with the master key | tag(16).
 * XChaCha20-Poly1305 without associated data throughout.
 *
 * So nothing binds a record to its place but the counter, and nothing says
 * where the dump ends: the reader checks that counters ascend from 0 under
 * one base, and that the plaintext ends with the SHA-256 of all before it.
 *
 * Nothing binds a pair of objects to its name either, but that each nonce
 * begins with the time at which it was made, in nanoseconds since 1970, big
 * endian.  A record that opens has the nonce that it was sealed with: so a
 * dump that was given a new date, to be taken for the newest, is told by it.
 * (A plain dump is not: whoever may write the bucket may write anything.)
 */

#define REPO_LEGACY_KEY_LEN 32     /* Of the master key and of each dump's. */
#define REPO_LEGACY_WRAPPED_LEN 72 /* Of a .key object. */
#define REPO_LEGACY_CHUNK ((size_t)1 << 20)
#define REPO_LEGACY_RECORD (24 + REPO_LEGACY_CHUNK + 16)
#define REPO_LEGACY_NAME_MAX 256

/*
 * How far the time in a nonce may be from that of the name.  One program takes
 * both, within a second; a clock may be set in between.
 */
#define REPO_LEGACY_APART_MS (INT64_C(3600) * 1000)

/* The first bytes of a dump that tell whether it is encrypted. */
#define REPO_LEGACY_HEAD 24

enum repo_legacy_kind {
	REPO_LEGACY_KEY,
	REPO_LEGACY_DUMP,
};

/**
 * repo_legacy_prefix_ok(prefix, err):
 * HF_ECONFIG if objects cannot have that prefix, which may hold '/'.
 */
int repo_legacy_prefix_ok(const char *, struct err *);

/**
 * repo_legacy_name(prefix, ms, kind, to):
 * Write the name for the second of ${ms}; return ${to}.
 */
char *repo_legacy_name(
    const char *, int64_t, enum repo_legacy_kind, char[REPO_LEGACY_NAME_MAX]);

/**
 * repo_legacy_name_parse(prefix, name, ms, kind):
 * Read a name; false if it is none of ${prefix}.  A zone may be "Z" or an
 * offset: the name stays what it is, the time is the moment that it means.
 */
bool repo_legacy_name_parse(
    const char *, const char *, int64_t *, enum repo_legacy_kind *);

/* A backup: the objects that share a name. */
struct repo_legacy_entry {
	char *stem; /* The name without ".dump" or ".key". */
	int64_t time_ms;
	bool has_dump, has_key;
	uint64_t dump_len, key_len;
};

struct repo_legacy_list {
	struct repo_legacy_entry *v; /* The oldest first. */
	size_t n;
};

/**
 * repo_legacy_list_load(s, prefix, ret, err):
 * List what there is below ${prefix}; other objects are passed over.
 */
int repo_legacy_list_load(
    struct store *, const char *, struct repo_legacy_list *, struct err *);
void repo_legacy_list_clear(struct repo_legacy_list *);

static inline void
freep_repo_legacy_list(struct repo_legacy_list *l)
{
	repo_legacy_list_clear(l);
}

/**
 * repo_legacy_object(e, kind, to):
 * Write the name of one object of ${e}; return ${to}.
 */
char *repo_legacy_object(const struct repo_legacy_entry *,
    enum repo_legacy_kind, char[REPO_LEGACY_NAME_MAX]);

/**
 * repo_legacy_master(path, ret, err):
 * Read a master key: 64 hex digits, with or without the end of a line.
 */
int repo_legacy_master(const char *, struct secret **, struct err *);
int repo_legacy_master_parse(
    const uint8_t *, size_t, struct secret **, struct err *);

/**
 * repo_legacy_wrap(master, key, ms, out, err):
 * Make the key object of the dump's ${key}, as one of the time ${ms}.
 */
int repo_legacy_wrap(const struct secret *, const struct secret *, int64_t,
    uint8_t[REPO_LEGACY_WRAPPED_LEN], struct err *);

/**
 * repo_legacy_unwrap(master, p, n, ret, err):
 * Open a key object.  HF_EKEY if ${master} does not, HF_ECORRUPT if it has
 * not the length of one.
 */
int repo_legacy_unwrap(const struct secret *, const uint8_t *, size_t,
    struct secret **, struct err *);

/**
 * repo_legacy_nonce_time(p):
 * Return the time in the nonce that begins at ${p}: of a key object, when it
 * was wrapped, the first time or, by the other program, anew.  It means
 * something only of what has been opened.
 */
int64_t repo_legacy_nonce_time(const uint8_t *);

/**
 * repo_legacy_nonce_begin(p, ms, n):
 * Fill the ${n} bytes at ${p}, 8 or more, with a time within the second of
 * ${ms} and then at random.
 */
void repo_legacy_nonce_begin(uint8_t *, int64_t, size_t);

/**
 * repo_legacy_is_plain(p, n):
 * Do the first REPO_LEGACY_HEAD bytes of a dump begin a bbolt file?
 */
bool repo_legacy_is_plain(const uint8_t *, size_t);

/**
 * repo_legacy_size_ok(size):
 * Can a whole snapshot have ${size} bytes: a database and its SHA-256?
 */
bool repo_legacy_size_ok(uint64_t);

/* Where bytes go, in order. */
struct repo_legacy_out {
	int (*write)(void *, const uint8_t *, size_t, struct err *);
	void *arg;
};

/*
 * Writing a dump: lend a place for plaintext, count what came.  Memory is
 * one record.
 */
struct repo_legacy_seal;

/**
 * repo_legacy_seal_new(key, ms, out, ret, err):
 * Begin a dump of the time ${ms} under ${key}, or a plain one if that is NULL.
 */
int repo_legacy_seal_new(const struct secret *, int64_t,
    const struct repo_legacy_out *, struct repo_legacy_seal **, struct err *);
void repo_legacy_seal_space(struct repo_legacy_seal *, uint8_t **, size_t *);
int repo_legacy_seal_wrote(struct repo_legacy_seal *, size_t, struct err *);
int repo_legacy_seal_finish(struct repo_legacy_seal *, struct err *);
void repo_legacy_seal_free(struct repo_legacy_seal *);
CLEANUP_DEFINE(repo_legacy_seal);

/*
 * Reading a dump: feed its bytes, in pieces of any size.  Plaintext comes
 * out as it is checked, but counts only once finish has returned 0: before
 * that a piece of the end may be missing.  HF_ECORRUPT says what is wrong and
 * in which record.
 */
struct repo_legacy_open;

/**
 * repo_legacy_open_new(key, ms, out, ret, err):
 * Begin to read a dump whose name says ${ms}.  Once its first record opens,
 * feed fails if that was sealed at another time.
 */
int repo_legacy_open_new(const struct secret *, int64_t,
    const struct repo_legacy_out *, struct repo_legacy_open **, struct err *);
int repo_legacy_open_feed(
    struct repo_legacy_open *, const uint8_t *, size_t, struct err *);

/* What came out. */
struct repo_legacy_whole {
	uint64_t size; /* Of the snapshot, the digest at its end included, */
	uint8_t sha256[32]; /* and its SHA-256. */
	uint8_t digest[32]; /* The one at its end: of the database alone. */
};

/**
 * repo_legacy_open_finish(o, ret, err):
 * The dump has ended.
 */
int repo_legacy_open_finish(
    struct repo_legacy_open *, struct repo_legacy_whole *, struct err *);
void repo_legacy_open_free(struct repo_legacy_open *);
CLEANUP_DEFINE(repo_legacy_open);

#endif /* !REPO_LEGACY_REPO_LEGACY_H_ */
