#ifndef REPO_REPO_TAKEN_H_
#define REPO_REPO_TAKEN_H_

#include <stdbool.h>

/* Opaque types. */
struct store;

/**
 * repo_taken_by_us(s, object):
 * After HF_EEXISTS for an ${object} whose name was drawn at random for the
 * bytes that were put: were they stored by an earlier try, whose answer got
 * lost?  The store compares what is there with them, where it may look; where
 * a host may only write, the name alone has to tell.
 */
bool repo_taken_by_us(struct store *, const char *);

#endif /* !REPO_REPO_TAKEN_H_ */
