#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/params.h"
#include "base/str.h"
#include "source/source.h"
#include "source/tree/source_tree.h"
#include "source/tree/source_tree_rules.h"
#include "source/tree/source_tree_walk.h"

struct source_tree {
	struct source base;
	char *path;
	bool one_file_system;
	struct source_tree_rules rules;
};

/* Open the top folder.  It alone may be reached through links. */
static int
open_top(const char *path, int *fd, struct err *err)
{
	int errnum;

	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	errnum = errno;
	if (errnum == ENOTDIR && access(path, F_OK) == 0) {
		(void)err_set(err, HF_EUSAGE, "'%s' is not a folder", path);
		return err_hint(
		    err, "name the folder it is in, and it with --include");
	}
	(void)err_errno(err, errnum, "open '%s'", path);
	if (err->code == -HF_EDENIED)
		return err_hint(err, "run as a user who may read it");
	return err->code;
}

static int
tree_read(struct source *s, struct sink *sink, struct err *err)
{
	struct source_tree *t = (struct source_tree *)s;
	const struct source_tree_walk_opts opts = {
		.rules = &t->rules,
		.one_file_system = t->one_file_system,
	};
	CLEANUP(freep_fd) int top = -1;
	int rc;

	if ((rc = open_top(t->path, &top, err)) < 0)
		return rc;
	return source_tree_walk(&opts, top, sink, err);
}

static int
tree_probe(struct source *s, struct err *err)
{
	CLEANUP(freep_fd) int top = -1;

	return open_top(((struct source_tree *)s)->path, &top, err);
}

static void
tree_free(struct source *s)
{
	struct source_tree *t = (struct source_tree *)s;

	source_tree_rules_clear(&t->rules);
	free(t->path);
	free(t);
}

static const struct source_ops source_tree_ops = {
	.name = "tree",
	.read = tree_read,
	.probe = tree_probe,
	.free = tree_free,
};

static int
tree_open(const struct params *params, struct source **ret, struct err *err)
{
	const char *path = params_get(params, "path");
	CLEANUP(freep_source) struct source *s = NULL;
	struct source_tree *t;
	int rc;

	if (path == NULL || *path == '\0') {
		(void)err_set(err, HF_ECONFIG, "the tree has no 'path'");
		return err_hint(err, "say tree:/path/to/the/folder");
	}
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return err_nomem(err);
	s = &t->base;
	s->ops = &source_tree_ops;
	t->one_file_system = params_flag(params, "one_file_system", false);
	if ((rc = str_dup(path, &t->path, err)) < 0 ||
	    (rc = source_tree_rules_init(&t->rules, params, err)) < 0)
		return rc;
	*ret = TAKE(s);
	return 0;
}

const struct source_driver source_tree_driver = {
	.type = "tree",
	.word = "path",
	.open = tree_open,
};
