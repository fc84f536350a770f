#ifndef BASE_ENTRY_H_
#define BASE_ENTRY_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct buf;
struct cur;
struct err;

/*
 * One thing in a backup: a file, a folder, a link.  Sources make entries,
 * the repository keeps them, restore turns them into files again.  A stream
 * or an etcd snapshot is a backup with a single ENTRY_FILE.
 *
 * A path is relative to what was backed up, has no empty, "." or ".."
 * component and no '/' at either end, and is bytes, not text: names that
 * are not UTF-8 are kept as they are.  The top folder itself is ".".
 */
enum entry_type {
	ENTRY_FILE = 'f',
	ENTRY_DIR = 'd',
	ENTRY_SYMLINK = 'l',
	ENTRY_HARDLINK = 'h', /* Another name of the earlier path ${target}. */
	ENTRY_FIFO = 'p',
	ENTRY_SOCKET = 's',
	ENTRY_CHAR = 'c',
	ENTRY_BLOCK = 'b',
};

/* A run of bytes of a sparse file that was really there. */
struct entry_extent {
	uint64_t off, len;
};

struct entry_xattr {
	char *name; /* With its name space: "user.x", "system.posix_acl_..." */
	uint8_t *value;
	size_t len;
};

struct entry {
	char *path;
	enum entry_type type;
	uint32_t mode; /* Permission bits, 07777 at most. */
	uint32_t uid, gid;
	char *user, *group;         /* Their names; NULL if unknown. */
	int64_t mtime_ns, ctime_ns; /* Nanoseconds since 1970, UTC. */
	uint64_t size;              /* Of a file, in bytes, holes included. */
	uint64_t dev, ino;          /* Where the source found it. */
	uint64_t rdev;              /* Of a device: major << 32 | minor. */
	char *target;               /* Of a link; else NULL. */

	struct entry_xattr *xattrs; /* Sorted by name. */
	size_t nxattrs;

	/*
	 * Data extents, ascending and apart.  None and not sparse: the whole
	 * file is data.  The file's data in the repository is the extents one
	 * behind the other.
	 */
	bool sparse;
	struct entry_extent *extents;
	size_t nextents;

	bool has_sha256; /* Of a file: hash of its data, holes left out. */
	uint8_t sha256[32];

	/* Where the repository keeps the data: a range of its stream. */
	uint64_t data_pos, data_len;
};

/**
 * entry_clear(e):
 * Release what ${e} holds and zero it.
 */
void entry_clear(struct entry *);

static inline void
freep_entry(struct entry *e)
{
	entry_clear(e);
}

/**
 * entry_path_ok(path):
 * Return true if ${path} obeys the rule above: what a stranger stored must
 * pass this before it may name a file.
 */
bool entry_path_ok(const char *);

/**
 * entry_path_cmp(a, b):
 * Compare two paths in the order in which a backup keeps its entries: byte
 * by byte, '/' below every other byte, "." before everything.  So a folder
 * comes right before what is in it, and all of that before its next sibling.
 */
int entry_path_cmp(const char *, const char *);

/**
 * entry_encode(e, b, err):
 * Append ${e} to ${b} (doc/format.md, "Entry").  HF_EBUG if ${e} breaks a rule
 * that decode would refuse.
 */
int entry_encode(const struct entry *, struct buf *, struct err *);

/* Where, from its end, an encoded entry has its sha256. */
#define ENTRY_SHA256_FROM_END 48

/**
 * entry_decode(c, e, err):
 * Read one entry into the empty ${e}; HF_ECORRUPT if it breaks a rule (path,
 * type, flags, mode, order of attributes or extents, extents beyond the size,
 * a target without a link, data without a file or of another length).
 */
int entry_decode(struct cur *, struct entry *, struct err *);

#endif /* !BASE_ENTRY_H_ */
