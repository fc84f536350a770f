#ifndef BASE_YAML_H_
#define BASE_YAML_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"

/*
 * The YAML that a configuration needs, as a tree that knows where everything
 * stood: maps with unique keys, lists, and scalars, which stay text.
 *
 * Refused, with HF_ECONFIG "FILE:LINE: ...": anchors and aliases (a few
 * lines of them grow into gigabytes), tags, keys that are not text or come
 * twice, more than one document, more than YAML_DEPTH levels, more than
 * YAML_CHILDREN things in one list or map, more than YAML_MAX bytes.
 */

#define YAML_MAX (1024 * 1024)
#define YAML_DEPTH 32
#define YAML_CHILDREN 4096

enum yaml_kind {
	YAML_SCALAR,
	YAML_LIST,
	YAML_MAP,
};

struct yaml_node {
	enum yaml_kind kind;
	const char *file;    /* What messages call the text. */
	size_t line, column; /* From 1: of the key if there is one. */
	char *key;           /* If it is in a map. */
	char *value;         /* Of a scalar. */
	bool quoted;         /* The scalar was: "null" is a word then. */
	struct yaml_node *child, *next; /* In the order of the text. */
};

/**
 * yaml_parse(name, p, n, ret, err):
 * Read ${n} bytes of text, which messages call ${name} (the caller keeps it
 * as long as the tree).  An empty text gives an empty map.
 */
int yaml_parse(
    const char *, const void *, size_t, struct yaml_node **, struct err *);
void yaml_node_free(struct yaml_node *);
CLEANUP_DEFINE(yaml_node);

/**
 * yaml_fail(n, err, fmt, ...):
 * Record HF_ECONFIG "FILE:LINE: ..." for the node ${n}; return the code.
 */
int yaml_fail(const struct yaml_node *, struct err *, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * yaml_wrap(n, err):
 * Put "FILE:LINE: " before the message in ${err} and make it HF_ECONFIG, but
 * for HF_ENOMEM; return the code.
 */
int yaml_wrap(const struct yaml_node *, struct err *);

/**
 * yaml_is_null(n):
 * Return true for a scalar without a value: "key:", "~", "null".
 */
bool yaml_is_null(const struct yaml_node *);

#endif /* !BASE_YAML_H_ */
