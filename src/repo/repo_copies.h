#ifndef REPO_REPO_COPIES_H_
#define REPO_REPO_COPIES_H_

#include <stdint.h>

#include "base/cleanup.h"
#include "repo/repo_pack.h"

/* Opaque types. */
struct err;
struct repo_copies;
struct repo_manifest;
struct repo_packs;

/*
 * The copies of the frames that lead to a backup's data, for when a pack with
 * entries or the frame list is lost.  No manifest names them; they are found
 * through the tables of the packs that are left.  They are sealed like all
 * frames, so that nobody without a key can offer a false one.
 */

/**
 * repo_copies_new(m, packs, ret, err):
 * Prepare to look in ${packs}, those of the backup ${m}; nothing is read yet.
 */
int repo_copies_new(const struct repo_manifest *, struct repo_packs *,
    struct repo_copies **, struct err *);
void repo_copies_free(struct repo_copies *);
CLEANUP_DEFINE(repo_copies);

/**
 * repo_copies_frame(c, u, kind, ref, out, err):
 * Write what the frame ${ref} of ${kind} held to ${out}, of REPO_FRAME_MAX
 * bytes.  The packs with the nearest numbers are looked into first, and none
 * twice.  HF_ENOTFOUND if no copy can be had.
 */
int repo_copies_frame(struct repo_copies *, struct repo_unpacker *,
    enum repo_frame_kind, const struct repo_ref *, uint8_t *, struct err *);

#endif /* !REPO_REPO_COPIES_H_ */
