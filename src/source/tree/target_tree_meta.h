#ifndef SOURCE_TREE_TARGET_TREE_META_H_
#define SOURCE_TREE_TARGET_TREE_META_H_

#include <stdbool.h>
#include <stddef.h>

/* Opaque types. */
struct entry;
struct target_opts;

#define TARGET_TREE_META_TOLD_MAX 32

/*
 * Gives restored things their owner, attributes, mode and times, as far as
 * the system lets us.  What it does not let us do is told by opts->warn;
 * what would befall every entry, once.
 */
struct target_tree_meta {
	const struct target_opts *opts;
	bool is_root;
	bool told_owner;
	/* Names of attributes told of. */
	char *told[TARGET_TREE_META_TOLD_MAX];
	size_t ntold;
};

void target_tree_meta_init(
    struct target_tree_meta *, const struct target_opts *);
void target_tree_meta_clear(struct target_tree_meta *);

/**
 * target_tree_meta_warn(m, path, fmt, ...):
 * Tell what cannot be kept of ${path}.
 */
void target_tree_meta_warn(struct target_tree_meta *, const char *,
    const char *, ...) __attribute__((format(printf, 3, 4)));

/**
 * target_tree_meta_set(m, fd, e):
 * Make the open file or folder ${fd} like ${e}.
 */
void target_tree_meta_set(struct target_tree_meta *, int, const struct entry *);

/**
 * target_tree_meta_set_at(m, dir, base, e):
 * The same for ${base} in the open folder ${dir}, which is not to be opened:
 * a link, a fifo, a socket, a device.
 */
void target_tree_meta_set_at(
    struct target_tree_meta *, int, const char *, const struct entry *);

#endif /* !SOURCE_TREE_TARGET_TREE_META_H_ */
