#ifndef STORE_STORE_H_
#define STORE_STORE_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct buf;
struct err;
struct params;
struct store;
struct store_eraser;
struct store_upload;

/*
 * A store keeps whole objects under names, in storage that the customer
 * owns.  Objects never change once written: put-if-absent is the only write,
 * and everything above this layer rests on that (doc/format.md).
 *
 * Every driver promises, and test/contract/store_contract.c checks:
 * - put is create-only: HF_EEXISTS if the name is taken, and then the bytes
 *   that were there stay;
 * - once put has returned 0 the object survives a power cut, and get and
 *   list see it; so does what list shows of somebody who was killed in put;
 * - a put that failed or was killed has stored all of the object or nothing
 *   that get or list would show;
 * - get returns the very bytes, or an error: never fewer bytes with success;
 * - any number of threads may call it at once.
 *
 * A name is 1 to 255 bytes of [A-Za-z0-9] and /_.-:=,@!$%&'()*; with no
 * empty, "." or ".." component; it is relative to the place at which the store
 * was opened.  A name is never the folder of another: with "a" there is no
 * "a/b".  (holdfast's own formats use [A-Za-z0-9/_.-] alone; the others stand
 * in names that older tools have given; '+' stands in none, since lost+found
 * is no object.)
 */

/* What a store is opened for: a power that was not asked for is refused. */
enum store_power {
	STORE_READ = (1 << 0),
	STORE_WRITE = (1 << 1),
};

/* What a driver can do beyond the minimum, or less. */
enum store_caps {
	STORE_CAP_LOCK = (1 << 0),       /* Retention locks (WORM). */
	STORE_CAP_VERSION = (1 << 1),    /* Keeps deleted versions. */
	STORE_CAP_WRITE_ONLY = (1 << 2), /* Presigned URL: put only. */
	STORE_CAP_NEAR = (1 << 3),       /* A request costs next to nothing. */
};

/* What is known of an object without reading it. */
struct store_info {
	const char *name;   /* In a listing; NULL from head. */
	uint64_t len;       /* In bytes. */
	int64_t mtime_ms;   /* When it was stored, by the store's clock. */
	uint8_t sha256[32]; /* If has_sha256: as the store computed it. */
	int has_sha256;
};

/* What put stores. */
struct store_blob {
	const uint8_t *p;
	size_t len;
	const uint8_t *sha256; /* 32 bytes if known already, or NULL. */
};

/* Called for each object of a listing; a negative return ends it. */
typedef int store_list_fn(void *, const struct store_info *, struct err *);

struct store_ops {
	const char *name; /* As written in the configuration: "s3". */
	enum store_caps caps;

	/* Store ${blob} under ${name}.  Safe to retry after HF_EUNAVAIL. */
	int (*put)(struct store *, const char *name,
	    const struct store_blob *blob, struct err *);

	/*
	 * Begin an object that comes in parts (store_upload_new below).
	 * HF_EEXISTS already here if the name is seen to be taken.
	 */
	int (*upload)(struct store *, const char *name, struct store_upload **,
	    struct err *);

	/*
	 * Append ${len} bytes from offset ${off} of an object to ${out}, or
	 * all from ${off} if ${len} is 0, at most ${max} bytes (HF_ECORRUPT
	 * if the object has more).  HF_ENOTFOUND if there is none,
	 * HF_EDENIED if we may not know, HF_ECORRUPT if the object ends
	 * before ${off} + ${len}.
	 */
	int (*get)(struct store *, const char *name, uint64_t off, size_t len,
	    size_t max, struct buf *out, struct err *);

	/* Look at an object without reading it; errors as for get. */
	int (*head)(struct store *, const char *name, struct store_info *,
	    struct err *);

	/*
	 * Call ${fn} for every object whose name begins with ${prefix},
	 * ascending by bytes.  What is stored or deleted meanwhile may or may
	 * not be seen; everything else is seen exactly once.
	 */
	int (*list)(struct store *, const char *prefix, store_list_fn *fn,
	    void *arg, struct err *);

	/* Delete an object; deleting one that is not there succeeds. */
	int (*del)(struct store *, const char *name, struct err *);

	/*
	 * Store ${blob} under ${name} whatever is there: readers see the old
	 * bytes or the new ones, never a part.  Safe to retry.
	 */
	int (*replace)(struct store *, const char *name,
	    const struct store_blob *blob, struct err *);

	/*
	 * Give up uploads below ${prefix} that were begun before ${before_ms}
	 * by somebody who is gone, and add their number to ${n}.
	 */
	int (*sweep)(struct store *, const char *prefix, int64_t before_ms,
	    uint64_t *n, struct err *);

	/* The store's own idea of the time, in ms since 1970 UTC. */
	int (*now)(struct store *, int64_t *ms, struct err *);

	/*
	 * Prove that the place exists and may be used as ${power} says, and
	 * leave nothing behind: what `holdfast doctor` and `init` ask first.
	 * HF_ENOTFOUND if the bucket or folder is missing.
	 */
	int (*probe)(struct store *, enum store_power power, struct err *);

	/* Release the driver's own resources; never fails, never blocks. */
	void (*free)(struct store *);
};

/* First member of every driver's own structure. */
struct store {
	const struct store_ops *ops;
	enum store_power power;
	char place[256]; /* For messages: "s3://bucket/prefix". */
};

/* A row of the table of drivers that src/main/ wires up. */
struct store_driver {
	const char *scheme; /* "s3": what stands before ':' in a place. */
	/*
	 * Open the place params "url" for ${power}; the other options of the
	 * driver ("endpoint", "region", ...) are in the params too.  Opening
	 * a folder that does not exist succeeds for STORE_WRITE: the first
	 * put makes it.
	 */
	int (*open)(const struct params *, enum store_power, struct store **,
	    struct err *);
};

/**
 * store_open(drivers, params, power, ret, err):
 * Open the store that params "url" names with the driver of its scheme;
 * ${drivers} ends with a NULL.  HF_EUSAGE names the schemes that exist.
 */
int store_open(const struct store_driver *const *, const struct params *,
    enum store_power, struct store **, struct err *);

/**
 * store_put(s, name, blob, err):
 * Store ${blob} as the object ${name}.
 */
int store_put(
    struct store *, const char *, const struct store_blob *, struct err *);

/**
 * store_get(s, name, max, out, err):
 * Append the whole object ${name}, of at most ${max} bytes, to ${out}, which
 * stays as it was if that fails.
 */
int store_get(struct store *, const char *, size_t, struct buf *, struct err *);

/**
 * store_get_range(s, name, off, len, out, err):
 * Append exactly ${len} (not 0) bytes from ${off} to ${out}.
 */
int store_get_range(
    struct store *, const char *, uint64_t, size_t, struct buf *, struct err *);

/*
 * An object that comes in parts: for what is too large for memory, or whose
 * size nobody knows when it begins.  Every part has STORE_PART bytes but the
 * last, which has at least one; parts come one after another, from one thread.
 * The promises of put hold for the whole: nobody sees the object before finish
 * has returned 0, and then all of it.
 */
#define STORE_PART ((size_t)16 << 20)

struct store_upload_ops {
	int (*part)(
	    struct store_upload *, const uint8_t *, size_t, struct err *);
	/* Publish; HF_EEXISTS if the name is taken by now. */
	int (*finish)(struct store_upload *, struct err *);
	/* Give up what was not finished, and release what the driver has. */
	void (*close)(struct store_upload *);
};

/* First member of every driver's own structure, which comes from malloc(). */
struct store_upload {
	const struct store_upload_ops *ops;
	struct store *store;
	char *name;
	enum {
		STORE_UPLOAD_OPEN,
		STORE_UPLOAD_LAST,   /* A short part has come. */
		STORE_UPLOAD_BROKEN, /* Finished, or failed. */
	} state;
	uint64_t len; /* Bytes so far. */
};

/**
 * store_upload_init(u, ops, s, name, err):
 * For drivers: fill in the zeroed ${u}.  store_upload_free() is due after
 * success and failure.
 */
int store_upload_init(struct store_upload *, const struct store_upload_ops *,
    struct store *, const char *, struct err *);

/**
 * store_upload_new(s, name, ret, err):
 * Begin the object ${name}.  The store must outlive the upload.
 */
int store_upload_new(
    struct store *, const char *, struct store_upload **, struct err *);
int store_upload_part(
    struct store_upload *, const uint8_t *, size_t, struct err *);
int store_upload_finish(struct store_upload *, struct err *);

/**
 * store_upload_free(u):
 * Release ${u}; what was not finished is given up, and leaves nothing.
 */
void store_upload_free(struct store_upload *);
CLEANUP_DEFINE(store_upload);

int store_head(struct store *, const char *, struct store_info *, struct err *);
int store_list(
    struct store *, const char *, store_list_fn *, void *, struct err *);
int store_now(struct store *, int64_t *, struct err *);
int store_probe(struct store *, enum store_power, struct err *);

/**
 * store_free(s):
 * Close the store ${s}.
 */
void store_free(struct store *);
CLEANUP_DEFINE(store);

/**
 * store_eraser_new(s, ret, err):
 * Make the power to delete from ${s}.  Only prune may name this type: a
 * writer's program text cannot delete, whatever its credentials allow.  The
 * eraser must not outlive the store.
 */
int store_eraser_new(struct store *, struct store_eraser **, struct err *);
int store_erase(struct store_eraser *, const char *, struct err *);

/**
 * store_replace(e, name, blob, err):
 * Store ${blob} as the object ${name} and lose what was there, in one step.
 * It takes the power to delete, for it deletes; nothing in holdfast's own
 * format ever needs it.
 */
int store_replace(struct store_eraser *, const char *,
    const struct store_blob *, struct err *);

/**
 * store_sweep(e, prefix, before_ms, n, err):
 * Drop what uploads of names below ${prefix} have left that were begun before
 * ${before_ms}, by the store's clock, and never ended: ${*n} so many.
 */
int store_sweep(
    struct store_eraser *, const char *, int64_t, uint64_t *, struct err *);
void store_eraser_free(struct store_eraser *);
CLEANUP_DEFINE(store_eraser);

/**
 * store_name_ok(name):
 * Return 1 if ${name} obeys the rule at the top of this file.
 */
int store_name_ok(const char *);

#endif /* !STORE_STORE_H_ */
