#ifndef SOURCE_TREE_SOURCE_TREE_LINKS_H_
#define SOURCE_TREE_SOURCE_TREE_LINKS_H_

#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;

/*
 * The files with several names that the walk has met: where each was stored
 * first.  A file is forgotten once all its names were met.
 */
struct source_tree_link {
	struct source_tree_link *next;
	uint64_t dev, ino;
	uint64_t left; /* Names not met yet. */
	char path[];   /* Of the first one. */
};

struct source_tree_links {
	struct source_tree_link **bucket;
	size_t nbuckets, n;
};

void source_tree_links_clear(struct source_tree_links *);

/**
 * source_tree_links_find(l, dev, ino):
 * Return what is known of the file, or NULL.
 */
struct source_tree_link *source_tree_links_find(
    struct source_tree_links *, uint64_t, uint64_t);

/**
 * source_tree_links_add(l, dev, ino, nlink, path, err):
 * Remember that the file, of ${nlink} names, was stored as ${path}.
 */
int source_tree_links_add(struct source_tree_links *, uint64_t, uint64_t,
    uint64_t, const char *, struct err *);

/**
 * source_tree_links_met(l, link):
 * One more name of ${link} was met; the last one frees it.
 */
void source_tree_links_met(
    struct source_tree_links *, struct source_tree_link *);

#endif /* !SOURCE_TREE_SOURCE_TREE_LINKS_H_ */
