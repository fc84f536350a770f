#ifndef JOB_JOB_BACKUP_H_
#define JOB_JOB_BACKUP_H_

#include <stdbool.h>
#include <stdint.h>

#include "repo/repo_format.h"

/* Opaque types. */
struct err;
struct job;
struct repo;
struct repo_key_cache;
struct repo_manifest;
struct source;

struct job_backup_opts {
	const char *source; /* Its name: "control-plane". */
	const char *type;   /* "etcd" */
	const char *label;  /* What was read, sealed: "etcd:https://..." */
	bool full;          /* Read everything anew, whatever is known. */
	/* A log (REPO_LOG) of this backup, by its manifest's SHA-256; NULL: a
	 * backup.  A log neither has a base to keep from nor leaves one. */
	const uint8_t *log_of;
	struct repo_key_cache *keys; /* Shared with others; or NULL. */
	/* Given what was committed, for the caller to clear; or NULL. */
	struct repo_manifest *manifest;
	/* Hears each fact that the source tells; NULL: nobody listens. */
	void (*fact)(void *arg, const char *name, const char *value);
	void *arg;
};

struct job_backup_report {
	char id[REPO_BACKUP_ID_LEN + 1];
	uint8_t sha256[SHA256_LEN]; /* Of its manifest. */
	enum repo_kind kind;
	uint64_t entries, plain_bytes, stored_bytes, warnings;
	uint64_t took_ms;
};

/**
 * job_backup(j, r, src, opts, rep, err):
 * Read ${src} and lay it down in ${r}.  The backup exists when this returns
 * 0, and not before; killed anywhere, it leaves objects that no manifest
 * names, which prune collects, and the next run starts clean.
 *
 * Order, and why:
 * 1. the host's certificate: a host that may not write learns it before it
 *    has read a byte;
 * 2. the wrapped data key: stored before the first pack, so that no crash
 *    leaves ciphertext that nobody can open;
 * 3. packs; 4. the manifest, signed within the commit deadline.
 *
 * A source that recalls files (source.h) is given those of its last backup
 * from this host, and what it keeps makes an increment.  Only once the
 * manifest is in the store does the host's memory of that (repo_base.h) give
 * way to the new one: killed in between, it builds on the one before.
 *
 * Warnings (a file that vanished) do not fail a backup: they are counted in
 * the manifest and in ${rep->warnings}.
 */
int job_backup(const struct job *, struct repo *, struct source *,
    const struct job_backup_opts *, struct job_backup_report *, struct err *);

#endif /* !JOB_JOB_BACKUP_H_ */
