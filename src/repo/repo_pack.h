#ifndef REPO_REPO_PACK_H_
#define REPO_REPO_PACK_H_

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "repo/repo_format.h"

/* Opaque types. */
struct err;
struct repo_pack;
struct secret;

/*
 * A pack in memory (doc/format.md, "p: pack"): built frame by frame and
 * sealed, or parsed and opened.  No I/O here.  A pack belongs to one thread
 * at a time.
 */

#define REPO_FRAME_MAX (1u << 20) /* bytes of plaintext */

enum repo_codec { REPO_RAW = 0, REPO_ZSTD = 1 };
enum repo_frame_kind {
	REPO_FRAME_DATA = 1,
	REPO_FRAME_ENTRIES = 2,
	REPO_FRAME_LIST = 3,
	REPO_FRAME_TABLE = 4,
	REPO_FRAME_MANIFEST = 5,
};

/**
 * repo_pack_new(vault_id, key_id, data_key, size, level, ret, err):
 * Start packs of about ${size} bytes, compressed with zstd at ${level}.  The
 * buffer is allocated once and serves for one pack after the other.
 */
int repo_pack_new(const uint8_t vault_id[], const uint8_t key_id[],
    const struct secret *data_key, size_t, int, struct repo_pack **,
    struct err *);
void repo_pack_free(struct repo_pack *);
CLEANUP_DEFINE(repo_pack);

/**
 * repo_pack_add(pk, kind, p, n, ref, err):
 * Compress ${n} bytes straight into the pack, or store them raw if that is
 * not smaller, seal them in place, open them again and compare (that catches
 * bad memory: HF_ECORRUPT), and describe the frame in ${ref}, but for
 * ref->pack, which only the caller knows.  A frame that does not fit any
 * more gives 1 and changes nothing: finish the pack first.
 */
int repo_pack_add(struct repo_pack *, enum repo_frame_kind, const void *,
    size_t, struct repo_ref *, struct err *);

/**
 * repo_pack_finish(pk, row, p, n, err):
 * Append table and trailer.  ${row} gets oid, len and sha256 of the object,
 * whose ${*n} bytes at ${*p} stay valid until repo_pack_reset.
 */
int repo_pack_finish(struct repo_pack *, struct repo_pack_row *,
    const uint8_t **, size_t *, struct err *);

/**
 * repo_pack_reset(pk, err):
 * Start the next pack: new oid, new object key.
 */
int repo_pack_reset(struct repo_pack *, struct err *);

/**
 * repo_pack_empty(pk):
 * Return 1 if no frame was added since the last reset.
 */
int repo_pack_empty(const struct repo_pack *);

/* Opens the frames of one pack, from the whole object or from parts. */
struct repo_opener_pack;
int repo_pack_opener_new(const struct secret *data_key,
    const uint8_t vault_id[], const uint8_t key_id[], const uint8_t oid[],
    struct repo_opener_pack **, struct err *);
void repo_opener_pack_free(struct repo_opener_pack *);
CLEANUP_DEFINE(repo_opener_pack);

/**
 * repo_pack_header_check(o, header, n, err):
 * Check a pack's first bytes (${n} >= 116): ids, commitment, tag.
 * HF_ECORRUPT names what differs; HF_EKEY if the commitment does.
 */
int repo_pack_header_check(
    struct repo_opener_pack *, const uint8_t *, size_t, struct err *);
#define REPO_PACK_HEADER_LEN 116

/**
 * repo_pack_frame(o, kind, ref, sealed, out, err):
 * Open the ${ref->len} bytes at ${sealed} and write ${ref->plain} bytes to
 * ${out}.
 */
int repo_pack_frame(struct repo_opener_pack *, enum repo_frame_kind,
    const struct repo_ref *, const uint8_t *, uint8_t *, struct err *);

/**
 * repo_pack_table(o, p, n, refs, kinds, nrefs, err):
 * Read the table of a whole pack: all its frames with their kinds, in new
 * arrays.  It serves salvage and verification; a reader with a manifest
 * needs no table.
 */
int repo_pack_table(struct repo_opener_pack *, const uint8_t *, size_t,
    struct repo_ref **, uint8_t **, size_t *, struct err *);

#endif /* !REPO_REPO_PACK_H_ */
