#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/tree/source_tree_names.h"

#define RECORD_MAX (1 << 20)

/* Copy the name of user (or group) ${id}; NULL if there is none. */
static char *
ask(uint32_t id, bool group)
{
	struct group g, *gp = NULL;
	struct passwd u, *up = NULL;
	size_t size;
	int rc;

	for (size = 1024; size <= RECORD_MAX; size *= 4) {
		CLEANUP(freep_mem) char *buf = malloc(size);

		if (buf == NULL)
			return NULL;
		rc = group ? getgrgid_r(id, &g, buf, size, &gp)
			   : getpwuid_r(id, &u, buf, size, &up);
		if (rc == 0 && gp != NULL)
			return strdup(gp->gr_name);
		if (rc == 0 && up != NULL)
			return strdup(up->pw_name);
		if (rc != ERANGE)
			return NULL;
	}
	return NULL;
}

static char *
look_up(struct source_tree_name *cache, uint32_t id, bool group)
{
	struct source_tree_name *n = &cache[id % SOURCE_TREE_NAMES_MAX];

	if (!n->known || n->id != id) {
		free(n->name);
		*n = (struct source_tree_name){ true, id, ask(id, group) };
	}
	return n->name;
}

char *
source_tree_names_user(struct source_tree_names *n, uint32_t uid)
{
	return look_up(n->users, uid, false);
}

char *
source_tree_names_group(struct source_tree_names *n, uint32_t gid)
{
	return look_up(n->groups, gid, true);
}

void
source_tree_names_clear(struct source_tree_names *n)
{
	size_t i;

	for (i = 0; i < SOURCE_TREE_NAMES_MAX; i++) {
		free(n->users[i].name);
		free(n->groups[i].name);
	}
	memset(n, 0, sizeof(*n));
}
