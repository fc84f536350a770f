#ifndef CONFIG_CONFIG_LIST_H_
#define CONFIG_CONFIG_LIST_H_

#include <stddef.h>

#include "config/config.h"

/* What is behind struct config; for the files of this folder alone. */

#define CONFIG_PLACES 3 /* Keys, repositories, sources. */

struct config_list {
	struct config_entry *v;
	size_t n;
};

struct config {
	char *path; /* NULL if there is no file. */
	struct params *top;
	struct config_list lists[CONFIG_PLACES];
};

/**
 * config_add(c, place, name, type, ret, err):
 * Append an entry without params; ${*ret} is valid until the next.
 */
int config_add(struct config *, enum option_place, const char *, const char *,
    struct config_entry **, struct err *);

#endif /* !CONFIG_CONFIG_LIST_H_ */
