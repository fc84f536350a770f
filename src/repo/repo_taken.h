#ifndef REPO_REPO_TAKEN_H_
#define REPO_REPO_TAKEN_H_

#include <stdbool.h>

/* Opaque types. */
struct store;

/**
 * repo_taken_by_us(s, object):
 * The name ${object}, which was drawn at random for the bytes that were put, is
 * taken (HF_EEXISTS): were these bytes stored by an earlier try, whose answer
 * was lost?  If it may look, the store compares; on a host that may only write,
 * the name alone must be enough.
 */
bool repo_taken_by_us(struct store *, const char *);

#endif /* !REPO_REPO_TAKEN_H_ */
