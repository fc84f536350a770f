#ifndef REPO_REPO_PACK_H_
#define REPO_REPO_PACK_H_

#include <stdbool.h>
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

enum repo_codec {
	REPO_RAW = 0,
	REPO_ZSTD = 1
};
enum repo_frame_kind {
	REPO_FRAME_DATA = 1,
	REPO_FRAME_ENTRIES = 2,
	REPO_FRAME_LIST = 3,
	REPO_FRAME_TABLE = 4,
	REPO_FRAME_MANIFEST = 5,
	REPO_FRAME_COPY = 6,
};

/* What a pack needs beside its frames: header, an empty table, trailer. */
#define REPO_PACK_HEADER_LEN 116
#define REPO_PACK_TRAILER_LEN 28
#define REPO_PACK_ROW_LEN 10 /* of the table, for each frame */
#define REPO_PACK_SIZE_MIN (REPO_FRAME_MAX + (64u << 10))

/* What a copy of a frame has behind the frame's bytes: u8 kind, the oid of
 * its pack, u32 its number there. */
#define REPO_COPY_TAIL_LEN (1 + REPO_OID_LEN + 4)

/**
 * repo_pack_new(vault_id, key_id, data_key, level, ret, err):
 * Make a builder of packs, compressed with zstd at ${level}.  It builds one
 * after the other and keeps its contexts; ${data_key} must outlive it.
 */
int repo_pack_new(const uint8_t vault_id[], const uint8_t key_id[],
    const struct secret *data_key, int, struct repo_pack **, struct err *);
void repo_pack_free(struct repo_pack *);
CLEANUP_DEFINE(repo_pack);

/**
 * repo_pack_start(pk, p, size, err):
 * Start a pack, with a new oid and object key, in the ${size} bytes at ${p}
 * (REPO_PACK_SIZE_MIN at least), which stay the caller's and are not to be
 * touched before the pack is finished.
 */
int repo_pack_start(struct repo_pack *, uint8_t *, size_t, struct err *);

/**
 * repo_pack_add(pk, kind, p, n, ref, err):
 * Compress ${n} (1 to REPO_FRAME_MAX) bytes, or leave them raw if that is
 * not smaller, seal them into the pack, open them again and compare (that
 * catches bad memory: HF_ECORRUPT), and describe the frame in ${ref}, but for
 * ref->pack, which only the caller knows.  If the pack might not have room
 * for them the return is 1 and nothing has changed: finish the pack first.
 * After any failure the pack is worthless; start another.
 */
int repo_pack_add(struct repo_pack *, enum repo_frame_kind, const void *,
    size_t, struct repo_ref *, struct err *);

/**
 * repo_pack_copy_tail(pk, kind, frame, tail):
 * Write the tail for a copy of frame ${frame}, of ${kind}, of the pack under
 * construction.
 */
void repo_pack_copy_tail(const struct repo_pack *, enum repo_frame_kind,
    uint32_t, uint8_t tail[REPO_COPY_TAIL_LEN]);

/**
 * repo_pack_finish(pk, row, err):
 * Append table and trailer.  ${row} gets oid, len and sha256 of the object,
 * the first ${row->len} bytes of what repo_pack_start was given.
 */
int repo_pack_finish(struct repo_pack *, struct repo_pack_row *, struct err *);

/*
 * Opens the frames of one pack, from the whole object or from parts.  It does
 * not change once the header is checked: threads may then share it, each with
 * an unpacker, the zstd context and the scratch memory, of its own.
 */
struct repo_opener_pack;
int repo_pack_opener_new(const struct secret *data_key,
    const uint8_t vault_id[], const uint8_t key_id[], const uint8_t oid[],
    struct repo_opener_pack **, struct err *);
void repo_opener_pack_free(struct repo_opener_pack *);
CLEANUP_DEFINE(repo_opener_pack);

struct repo_unpacker;
int repo_unpacker_new(struct repo_unpacker **, struct err *);
void repo_unpacker_free(struct repo_unpacker *);
CLEANUP_DEFINE(repo_unpacker);

/**
 * repo_pack_header_check(o, header, n, err):
 * Check a pack's first bytes (${n} >= REPO_PACK_HEADER_LEN): ids, commitment,
 * tag.  HF_ECORRUPT names what differs.  No frame can be opened before:
 * Poly1305 does not bind its key, so bytes can be made that pass under two
 * keys; the commitment, a hash of the key, is what rules the other key out.
 */
int repo_pack_header_check(
    struct repo_opener_pack *, const uint8_t *, size_t, struct err *);

/**
 * repo_pack_frame(o, u, kind, ref, sealed, out, err):
 * Open the ${ref->len} bytes at ${sealed} and write ${ref->plain} bytes to
 * ${out}.
 */
int repo_pack_frame(const struct repo_opener_pack *, struct repo_unpacker *,
    enum repo_frame_kind, const struct repo_ref *, const uint8_t *, uint8_t *,
    struct err *);

/**
 * repo_pack_ref_ok(ref, len):
 * Return true if ${ref} can be a frame of a pack of ${len} bytes: inside it,
 * and no longer than a frame may be.  repo_pack_frame refuses others.
 */
bool repo_pack_ref_ok(const struct repo_ref *, uint64_t);

/**
 * repo_pack_trailer(p, len, table, err):
 * Read where the table lies from the REPO_PACK_TRAILER_LEN bytes at ${p} that
 * end a pack of ${len} bytes.
 */
int repo_pack_trailer(
    const uint8_t *, uint64_t, struct repo_ref *, struct err *);

/**
 * repo_pack_table(o, u, table, sealed, refs, kinds, nrefs, err):
 * Open the table, the ${table->len} bytes at ${sealed}: all frames of the
 * pack with their kinds, in new arrays.  A reader with a whole manifest needs
 * none; it serves to find copies.
 */
int repo_pack_table(const struct repo_opener_pack *, struct repo_unpacker *,
    const struct repo_ref *, const uint8_t *, struct repo_ref **, uint8_t **,
    size_t *, struct err *);

#endif /* !REPO_REPO_PACK_H_ */
