#ifndef BASE_GLOB_H_
#define BASE_GLOB_H_

#include <stdbool.h>

/*
 * Patterns over paths, byte by byte:
 *	*      any run of bytes but '/', also none
 *	**     as a whole component: any run of components, also none; at the
 *	       end of a pattern at least one.  Elsewhere it is like *
 *	?      one byte but '/'
 *	[a-z]  one byte of the set; [!a-z] and [^a-z] one that is not in it.
 *	       Never '/'; a ']' or '-' at an edge of the set stands for itself
 *	\x     x itself
 * All else stands for itself, a '[' that is not closed too.  Time is bounded
 * by the product of the lengths, whatever the pattern.
 */

/**
 * glob_match(glob, path):
 * Does ${glob} match all of ${path}?
 */
bool glob_match(const char *, const char *);

/**
 * glob_match_below(glob, path):
 * Does ${glob} match ${path}, or a folder above it?
 */
bool glob_match_below(const char *, const char *);

#endif /* !BASE_GLOB_H_ */
