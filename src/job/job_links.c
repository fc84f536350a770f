#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "job/job_links.h"

struct link {
	const char *file;
	char *link;
	char text[]; /* Of both. */
};

/* What the tree keeps beside each. */
#define NODE (4 * sizeof(void *))

static int
by_file(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	return strcmp(x->file, y->file);
}

int
job_links_add(
    struct job_links *l, const char *file, const char *link, struct err *err)
{
	const size_t nfile = strlen(file) + 1, nlink = strlen(link) + 1;
	const size_t size = sizeof(struct link) + nfile + nlink;
	struct link *in;
	int rc;

	if ((rc = limit_take(&l->limit, NODE + size,
		 "the list of the backup's hard links", err)) < 0)
		return rc;
	if ((in = malloc(size)) == NULL)
		return err_nomem(err);
	in->file = memcpy(in->text, file, nfile);
	in->link = memcpy(in->text + nfile, link, nlink);
	if (tsearch(in, &l->tree, by_file) != NULL)
		return 0;
	free(in);
	return err_nomem(err);
}

char *
job_links_find(const struct job_links *l, const char *file)
{
	const struct link key = { .file = file };
	struct link *const *in = tfind(&key, &l->tree, by_file);

	return in != NULL ? (*in)->link : NULL;
}

void
job_links_clear(struct job_links *l)
{
	tdestroy(l->tree, free);
	l->tree = NULL;
}
