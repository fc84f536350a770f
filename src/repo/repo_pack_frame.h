#ifndef REPO_REPO_PACK_FRAME_H_
#define REPO_REPO_PACK_FRAME_H_

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "repo/repo_pack.h"

/* What builder and opener of packs must agree on (doc/format.md, "p: pack"). */

/* Offsets in the header. */
enum {
	PACK_SUITE = 4,
	PACK_FLAGS = 5, /* And two bytes of zero. */
	PACK_OID = 8,
	PACK_VAULT = 28,
	PACK_KEY = 44,
	PACK_COMMITMENT = 60,
	PACK_FRAME_MAX = 92, /* And four bytes of zero. */
	PACK_TAG = 100,
};

#define PACK_END "HFP1END\n"
#define PACK_AAD_LEN 38

/* The table must fit into a frame itself. */
#define PACK_FRAMES_MAX ((REPO_FRAME_MAX - 4) / REPO_PACK_ROW_LEN)

/* The associated data of a frame: what it is, and where it belongs. */
static inline void
repo_pack_aad(uint8_t aad[PACK_AAD_LEN], const uint8_t oid[],
    const struct repo_ref *ref, enum repo_frame_kind kind)
{
	memcpy(aad, "HF1F", 4);
	memcpy(aad + 4, oid, REPO_OID_LEN);
	le64_put(aad + 24, ref->frame);
	le32_put(aad + 32, ref->plain);
	aad[36] = ref->codec;
	aad[37] = (uint8_t)kind;
}

#endif /* !REPO_REPO_PACK_FRAME_H_ */
