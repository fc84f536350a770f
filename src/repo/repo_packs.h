#ifndef REPO_REPO_PACKS_H_
#define REPO_REPO_PACKS_H_

#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "repo/repo_format.h"
#include "repo/repo_pack.h"

/* Opaque types. */
struct err;
struct repo;
struct repo_packs;

/*
 * The packs of one backup, as far as they are open.  Any number of threads may
 * use it.  Errors name the pack; a missing one is HF_ECORRUPT, because a
 * manifest promises it.
 */

/**
 * repo_packs_new(r, m, ret, err):
 * Open the data keys of ${m}, which must outlive what is made.
 */
int repo_packs_new(struct repo *, const struct repo_manifest *,
    struct repo_packs **, struct err *);
void repo_packs_free(struct repo_packs *);
CLEANUP_DEFINE(repo_packs);

/**
 * repo_packs_small(ps):
 * Return whether all packs together are so small that each is fetched whole
 * when something of it is first needed, and kept.  A log of a second has its
 * frames, their list and its entries in one pack of some KiB.
 */
bool repo_packs_small(const struct repo_packs *);

/**
 * repo_packs_len(ps):
 * Return how many bytes all packs together have.
 */
uint64_t repo_packs_len(const struct repo_packs *);

/**
 * repo_packs_prefetch(ps):
 * Of a small backup, fetch all packs now.  What cannot be had is asked for once
 * more when it is needed, and then is an error.
 */
void repo_packs_prefetch(struct repo_packs *);

/**
 * repo_packs_near(ps):
 * Return whether many small requests cost no more than a few large ones.
 */
bool repo_packs_near(const struct repo_packs *);

/**
 * repo_packs_ref_check(ps, ref, err):
 * HF_ECORRUPT if no pack of the backup can have such a frame.
 */
int repo_packs_ref_check(
    const struct repo_packs *, const struct repo_ref *, struct err *);

/**
 * repo_packs_get(ps, pack, off, len, out, err):
 * Fetch ${len} bytes from ${off} of the pack number ${pack}.
 */
int repo_packs_get(struct repo_packs *, uint32_t, uint64_t, size_t,
    struct buf *, struct err *);

/**
 * repo_packs_missing(ps, pack):
 * Return true once the store has said that there is no such pack.
 */
bool repo_packs_missing(struct repo_packs *, uint32_t);

/**
 * repo_packs_open(ps, pack, header, ret, err):
 * Give the opener of a pack, whose header is checked: the bytes at
 * ${header}, or, if that is NULL and the pack is not open already, those
 * that the store is asked for.  To be given back with repo_packs_close.
 */
int repo_packs_open(struct repo_packs *, uint32_t, const uint8_t *,
    const struct repo_opener_pack **, struct err *);
void repo_packs_close(struct repo_packs *, uint32_t);

/**
 * repo_packs_frame(ps, u, kind, ref, sealed, out, err):
 * Fetch and open a single frame: ${ref->plain} bytes to ${out}.  ${sealed} is
 * a buffer to use.
 */
int repo_packs_frame(struct repo_packs *, struct repo_unpacker *,
    enum repo_frame_kind, const struct repo_ref *, struct buf *, uint8_t *,
    struct err *);

/**
 * repo_packs_table(ps, u, pack, sealed, refs, kinds, n, err):
 * Fetch and open the table of a pack: all its frames, in new arrays.
 * ${sealed} is a buffer to use.
 */
int repo_packs_table(struct repo_packs *, struct repo_unpacker *, uint32_t,
    struct buf *, struct repo_ref **, uint8_t **, size_t *, struct err *);

/**
 * repo_packs_is_loss(rc):
 * Is this the failure of a frame or a pack, so that others may be whole?
 */
bool repo_packs_is_loss(int);

/**
 * repo_packs_wrap(ps, pack, err):
 * Say in ${err} which pack it is about.
 */
int repo_packs_wrap(const struct repo_packs *, uint32_t, struct err *);

#endif /* !REPO_REPO_PACKS_H_ */
