#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/glob.h"
#include "base/params.h"
#include "base/str.h"
#include "source/tree/source_tree_rules.h"

static int
copy_globs(const struct params *params, const char *name, char ***ret,
    size_t *n, struct err *err)
{
	const char *glob;
	char **grown;
	int rc;

	while ((glob = params_at(params, name, *n)) != NULL) {
		if (*glob == '\0' || strcmp(glob, "/") == 0)
			return err_set(
			    err, HF_ECONFIG, "'%s' has an empty glob", name);
		grown = reallocarray(*ret, *n + 1, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		*ret = grown;
		if ((rc = str_dup(glob, &grown[*n], err)) < 0)
			return rc;
		(*n)++;
	}
	return 0;
}

int
source_tree_rules_init(
    struct source_tree_rules *r, const struct params *params, struct err *err)
{
	int rc;

	rc = copy_globs(params, "exclude", &r->excludes, &r->nexcludes, err);
	if (rc < 0)
		return rc;
	return copy_globs(params, "include", &r->includes, &r->nincludes, err);
}

static void
free_globs(char **globs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free(globs[i]);
	free(globs);
}

void
source_tree_rules_clear(struct source_tree_rules *r)
{
	free_globs(r->excludes, r->nexcludes);
	free_globs(r->includes, r->nincludes);
	*r = (struct source_tree_rules){ NULL, NULL, 0, 0 };
}

static bool
matches(const char *glob, const char *path)
{
	const char *base;

	if (strchr(glob, '/') != NULL)
		return glob_match(*glob == '/' ? glob + 1 : glob, path);
	base = strrchr(path, '/');
	return glob_match(glob, base != NULL ? base + 1 : path);
}

static bool
any_matches(char *const *globs, size_t n, const char *path)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (matches(globs[i], path))
			return true;
	return false;
}

bool
source_tree_rules_skip(const struct source_tree_rules *r, const char *path)
{
	return any_matches(r->excludes, r->nexcludes, path);
}

bool
source_tree_rules_want(const struct source_tree_rules *r, const char *path)
{
	return r->nincludes == 0 ||
	       any_matches(r->includes, r->nincludes, path);
}
