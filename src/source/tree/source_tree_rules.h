#ifndef SOURCE_TREE_SOURCE_TREE_RULES_H_
#define SOURCE_TREE_SOURCE_TREE_RULES_H_

#include <stdbool.h>
#include <stddef.h>

/* Opaque types. */
struct err;
struct params;

/* What to keep and what to leave out, as source_tree.h says. */
struct source_tree_rules {
	char **excludes, **includes;
	size_t nexcludes, nincludes;
};

/**
 * source_tree_rules_init(r, params, err):
 * Copy the globs "exclude" and "include" of ${params} into the zeroed ${r};
 * source_tree_rules_clear releases them, after a failure too.
 */
int source_tree_rules_init(
    struct source_tree_rules *, const struct params *, struct err *);
void source_tree_rules_clear(struct source_tree_rules *);

/**
 * source_tree_rules_skip(r, path):
 * Is ${path}, whatever it is, left out by an exclude glob?
 */
bool source_tree_rules_skip(const struct source_tree_rules *, const char *);

/**
 * source_tree_rules_want(r, path):
 * Does an include glob match ${path} itself?  Also true if there are none.
 */
bool source_tree_rules_want(const struct source_tree_rules *, const char *);

#endif /* !SOURCE_TREE_SOURCE_TREE_RULES_H_ */
