#ifndef SOURCE_TREE_SOURCE_TREE_NAMES_H_
#define SOURCE_TREE_SOURCE_TREE_NAMES_H_

#include <stdbool.h>
#include <stdint.h>

#define SOURCE_TREE_NAMES_MAX 256

/*
 * The names of users and groups, each asked for once: a lookup may cost a
 * round trip to a directory server.  A bounded cache: of two ids that fall
 * on the same place, the later one stays.
 */
struct source_tree_name {
	bool known;
	uint32_t id;
	char *name; /* NULL: it has none. */
};

struct source_tree_names {
	struct source_tree_name users[SOURCE_TREE_NAMES_MAX];
	struct source_tree_name groups[SOURCE_TREE_NAMES_MAX];
};

void source_tree_names_clear(struct source_tree_names *);

/**
 * source_tree_names_user(n, uid), source_tree_names_group(n, gid):
 * Return the name, or NULL if there is none or it cannot be found out.
 * ${n} keeps it; the next call of the same function may free it.
 */
char *source_tree_names_user(struct source_tree_names *, uint32_t);
char *source_tree_names_group(struct source_tree_names *, uint32_t);

#endif /* !SOURCE_TREE_SOURCE_TREE_NAMES_H_ */
