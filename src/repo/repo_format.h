#ifndef REPO_REPO_FORMAT_H_
#define REPO_REPO_FORMAT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "key/key.h"

/* Opaque types. */
struct err;
struct secret;

/*
 * The small objects of a repository and their encodings: pure functions from
 * structures to bytes and back (doc/format.md).  A decoder gets bytes that
 * nobody vouches for, allocates no more than they justify, and checks every
 * rule of the format; HF_ECORRUPT says which one is broken.  A signed object
 * is checked against ${pk} before a single field is read.
 *
 * Each *_clear releases what the structure holds and zeroes it.
 */

#define REPO_ID_LEN 16
#define REPO_OID_LEN 20
#define REPO_SUITE 1
#define REPO_MANIFEST_MAX (64u << 20) /* bytes */
#define REPO_SMALL_MAX (64u << 10)    /* bytes, all the other small ones */
#define REPO_VAULT_MAX 40             /* bytes */

/* F */
struct repo_head {
	uint8_t repo_id[REPO_ID_LEN], vault_id[REPO_ID_LEN];
	uint8_t root_pk[SIGN_PUBLIC_LEN];
	uint32_t reuse_s, deadline_s, grace_s;
	int64_t created_ms;
	char *vault; /* its name */
};
void repo_head_clear(struct repo_head *);
int repo_head_encode(const struct repo_head *, const struct secret *seed,
    struct buf *, struct err *);
/* Checked against the root key that it carries itself: the caller compares
 * the fingerprint with the one it trusts. */
int repo_head_decode(const uint8_t *, size_t, struct repo_head *, struct err *);

/**
 * repo_vault_ok(name):
 * Return true if ${name} is 1 to 40 of [a-z0-9-].
 */
bool repo_vault_ok(const char *);

/* w */
enum repo_role {
	REPO_ROLE_WRITE = 1,
	REPO_ROLE_PRUNE = 2,
	REPO_ROLE_VERIFY = 4,
	REPO_ROLE_ALL = 7,
};
struct repo_cert {
	uint8_t vault_id[REPO_ID_LEN];
	uint8_t pk[SIGN_PUBLIC_LEN];
	uint32_t roles;
	int64_t created_ms, expires_ms;
	char *name;
	char **sources; /* Globs; none: every source. */
	size_t nsources;
};
void repo_cert_clear(struct repo_cert *);
int repo_cert_encode(const struct repo_cert *, const struct secret *root_seed,
    struct buf *, struct err *);
int repo_cert_decode(const uint8_t *, size_t, const uint8_t root_pk[],
    struct repo_cert *, struct err *);

/* k */
enum repo_key_class {
	REPO_KEY_DATA = 0,
	REPO_KEY_ROOT = 1
};
struct repo_wrapped {
	uint8_t class;
	uint8_t vault_id[REPO_ID_LEN], key_id[REPO_ID_LEN];
	uint8_t opener[KEY_FINGERPRINT_LEN];
	char *kind;
	char *public_text; /* "" but for a recipient. */
	struct buf wrapping;
};
void repo_wrapped_clear(struct repo_wrapped *);
/* Class 1 is signed with ${root_seed}; class 0 takes NULL. */
int repo_wrapped_encode(const struct repo_wrapped *,
    const struct secret *root_seed, struct buf *, struct err *);
int repo_wrapped_decode(
    const uint8_t *, size_t, struct repo_wrapped *, struct err *);

/**
 * repo_wrapped_vouched(p, n, root_pk, err):
 * HF_ECORRUPT unless these bytes, which decode, are of class 1 and the root
 * signed them: what a recipient must pass before anything is wrapped for
 * it, or whoever can write to the store could name himself.
 */
int repo_wrapped_vouched(
    const uint8_t *, size_t, const uint8_t root_pk[], struct err *);

/**
 * repo_wrap(key, class, vault_id, key_id, plain, out, err):
 * Wrap ${plain} with ${key} and append the encoded k object to ${out}.  Of
 * class 1, ${plain} is the root seed and signs it too.
 */
int repo_wrap(struct key *, uint8_t class, const uint8_t vault_id[],
    const uint8_t key_id[], const struct secret *plain, struct buf *,
    struct err *);

/**
 * repo_unwrap(key, w, plain, err):
 * Open the decoded k object ${w} with ${key}.
 */
int repo_unwrap(
    struct key *, const struct repo_wrapped *, struct secret **, struct err *);

/* s */
struct repo_pack_row {
	uint8_t oid[REPO_OID_LEN];
	uint32_t hour; /* Since 1970. */
	uint32_t len;  /* Bytes. */
	uint16_t key;  /* Index into keys. */
	uint8_t sha256[SHA256_LEN];
};
struct repo_fact {
	char *name, *value;
};
/* Where a sealed frame lies. */
struct repo_ref {
	uint32_t pack;     /* Index into packs. */
	uint32_t frame;    /* Its number in the pack: the nonce. */
	uint32_t off, len; /* Bytes in the pack, tag included. */
	uint32_t plain;    /* Bytes after decompression. */
	uint8_t codec;
};
#define REPO_REF_LEN 21 /* bytes when encoded */
struct repo_private {
	char *label;
	uint64_t stream_len;
	struct repo_ref *entry_segs, *frame_segs;
	size_t nentry_segs, nframe_segs;
	struct repo_fact *warnings; /* path, what */
	size_t nwarnings;
};
enum repo_kind {
	REPO_FULL = 1,
	REPO_INCREMENT = 2,
	REPO_LOG = 3, /* What came after its base: no backup by itself. */
};
struct repo_manifest {
	uint8_t kind;
	uint8_t repo_id[REPO_ID_LEN], vault_id[REPO_ID_LEN];
	uint8_t writer[SIGN_FINGERPRINT_LEN];
	uint64_t seq;
	uint8_t parent[SHA256_LEN], base[SHA256_LEN];
	int64_t start_ms, commit_ms;
	char *source, *type, *class, *host, *program;
	uint64_t plain_bytes, stored_bytes, entries, warnings;
	uint8_t (*keys)[REPO_ID_LEN];
	size_t nkeys;
	struct repo_pack_row *packs;
	size_t npacks;
	struct repo_fact *evidence;
	size_t nevidence;
	/* The private part, sealed. */
	uint16_t priv_key;
	uint8_t priv_oid[REPO_OID_LEN], priv_commit[32];
	uint32_t priv_plain;
	uint8_t priv_codec;
	struct buf priv_sealed;

	/* Not encoded: set by decode, from the bytes themselves. */
	uint8_t sha256[SHA256_LEN];
	/* Of a brief: what has the texts and the evidence, in one piece. */
	void *block;
};
void repo_manifest_clear(struct repo_manifest *);
int repo_manifest_encode(const struct repo_manifest *,
    const struct secret *writer_seed, struct buf *, struct err *);

/**
 * repo_manifest_decode(p, n, pk, m, err):
 * Read a manifest; with ${pk} NULL the signature is left unchecked, for a
 * caller that must first learn who the writer is.
 */
int repo_manifest_decode(const uint8_t *, size_t, const uint8_t pk[],
    struct repo_manifest *, struct err *);

/**
 * repo_manifest_brief(p, n, pk, m, err):
 * Likewise, and checked alike, but what grows with the size of the backup is
 * left out: m->packs stays NULL, whatever m->npacks is, and m->priv_sealed
 * empty.
 */
int repo_manifest_brief(const uint8_t *, size_t, const uint8_t pk[],
    struct repo_manifest *, struct err *);

void repo_private_clear(struct repo_private *);

/**
 * repo_private_seal(p, data_key, key index, m, err):
 * Encode, compress and seal ${p} into ${m}'s private part.
 */
int repo_private_seal(const struct repo_private *, const struct secret *,
    uint16_t, struct repo_manifest *, struct err *);
int repo_private_open(const struct repo_manifest *, const struct secret *,
    struct repo_private *, struct err *);
int repo_ref_encode(const struct repo_ref *, struct buf *, struct err *);
void repo_ref_decode(struct cur *, struct repo_ref *);

/* t */
struct repo_tombstone {
	uint8_t vault_id[REPO_ID_LEN], pruner[SIGN_FINGERPRINT_LEN];
	int64_t time_ms;
	char *manifest; /* Its name in the store. */
	uint8_t sha256[SHA256_LEN];
	uint8_t writer[SIGN_FINGERPRINT_LEN];
	uint64_t seq;
	uint8_t parent[SHA256_LEN];
	char *reason;
};
void repo_tombstone_clear(struct repo_tombstone *);
int repo_tombstone_encode(const struct repo_tombstone *,
    const struct secret *seed, struct buf *, struct err *);
int repo_tombstone_decode(const uint8_t *, size_t, const uint8_t pk[],
    struct repo_tombstone *, struct err *);

/* r */
struct repo_revocation {
	uint8_t vault_id[REPO_ID_LEN], writer[SIGN_FINGERPRINT_LEN];
	int64_t time_ms;
	/* SHA-256 of all that he signed and that stays, ascending. */
	uint8_t (*kept)[SHA256_LEN];
	size_t nkept;
};
#define REPO_REVOCATION_MAX (64u << 20) /* bytes: two million backups */
void repo_revocation_clear(struct repo_revocation *);
int repo_revocation_encode(const struct repo_revocation *,
    const struct secret *root_seed, struct buf *, struct err *);
int repo_revocation_decode(const uint8_t *, size_t, const uint8_t root_pk[],
    struct repo_revocation *, struct err *);

/**
 * repo_revocation_keeps(v, sha256):
 * Is the object with this hash one that stays?
 */
bool repo_revocation_keeps(
    const struct repo_revocation *, const uint8_t sha256[]);

/* u */
struct repo_undo {
	uint8_t vault_id[REPO_ID_LEN], pruner[SIGN_FINGERPRINT_LEN];
	int64_t time_ms;
	uint8_t tombstone[SHA256_LEN]; /* Of the whole tombstone undone. */
};
int repo_undo_encode(const struct repo_undo *, const struct secret *seed,
    struct buf *, struct err *);
int repo_undo_decode(const uint8_t *, size_t, const uint8_t pk[],
    struct repo_undo *, struct err *);

/* a */
struct repo_attest {
	uint8_t vault_id[REPO_ID_LEN], verifier[SIGN_FINGERPRINT_LEN];
	uint8_t sha256[SHA256_LEN]; /* of the manifest */
	uint8_t level, good;
	int64_t time_ms;
	uint64_t took_ms, objects, bytes;
	char *host, *message;
	struct repo_fact *facts;
	size_t nfacts;
};
void repo_attest_clear(struct repo_attest *);
int repo_attest_encode(const struct repo_attest *, const struct secret *seed,
    struct buf *, struct err *);
int repo_attest_decode(const uint8_t *, size_t, const uint8_t pk[],
    struct repo_attest *, struct err *);

/**
 * repo_signer(p, n, fp):
 * Find who says to have signed a t, u, a or s object, so that the caller can
 * look up the key; false if it is too short.
 */
bool repo_signer(const uint8_t *, size_t, uint8_t[SIGN_FINGERPRINT_LEN]);

/**
 * repo_is_signed(p, n, pk, err):
 * Check the signature that any signed object ends with; HF_ECORRUPT.
 */
int repo_is_signed(const uint8_t *, size_t, const uint8_t pk[], struct err *);

/* An object's own key and commitment (doc/format.md, "Object keys"). */
struct repo_object_key {
	struct secret *key;
	uint8_t commitment[32];
};
int repo_object_key(const struct secret *data_key, const uint8_t vault_id[],
    const uint8_t key_id[], const uint8_t oid[], struct repo_object_key *,
    struct err *);
void repo_object_key_clear(struct repo_object_key *);

/*
 * Names, relative to hf1/<vault>/.  ${name} holds REPO_NAME_MAX bytes.  What
 * ends in _read is the reverse: false, with what it gives undefined, if
 * ${name} is no such name.
 */
#define REPO_NAME_MAX 128
#define REPO_BACKUP_ID_LEN 16 /* hex digits */
void repo_name_cert(char *name, const uint8_t fp[]);
void repo_name_wrapped(
    char *name, const uint8_t key_id[], const uint8_t opener[]);
bool repo_name_wrapped_read(
    const char *name, uint8_t key_id[], uint8_t opener[]);
void repo_name_pack(char *name, uint32_t hour, const uint8_t oid[]);
bool repo_name_pack_read(const char *name, uint32_t *hour, uint8_t oid[]);
void repo_name_manifest(
    char *name, uint64_t seq, int64_t ms, const uint8_t sha256[]);
/* Is ${name} that of such a manifest, whenever it was committed? */
bool repo_name_manifest_is(
    const char *name, uint64_t seq, const uint8_t sha256[]);
void repo_name_tombstone(char *name, const uint8_t sha256[]);
void repo_name_undo(char *name, const uint8_t tombstone_sha256[]);
void repo_name_revocation(char *name, const uint8_t fp[]);
void repo_name_attest(
    char *name, const uint8_t sha256[], int64_t ms, const uint8_t rnd[4]);

#endif /* !REPO_REPO_FORMAT_H_ */
