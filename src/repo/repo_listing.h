#ifndef REPO_REPO_LISTING_H_
#define REPO_REPO_LISTING_H_

#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;
struct repo;

/* The objects of one kind, as the store lists them: ascending by name. */
struct repo_listed {
	char *name; /* Without "hf1/<vault>/". */
	uint64_t len;
	int64_t mtime_ms;
	uint64_t copy; /* Where repo_cache.h has one of it, or 0. */
};

struct repo_listing {
	struct repo_listed *v;
	size_t n;
};

/**
 * repo_listing_load(r, prefix, l, err):
 * List the objects whose names begin with ${prefix} into the empty ${l}.
 */
int repo_listing_load(
    struct repo *, const char *, struct repo_listing *, struct err *);
void repo_listing_clear(struct repo_listing *);

#endif /* !REPO_REPO_LISTING_H_ */
