#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/glob.h"
#include "base/limit.h"
#include "base/str.h"
#include "job/job_select.h"
#include "repo/repo_reader.h"

/* A file that is restored under the name of one of its links. */
struct stand_in {
	char *file;
	char *link;
};

struct job_select {
	const char *const *only;
	size_t nonly;
	bool exact;
	struct stand_in *links;
	size_t nlinks;
	struct limit limit; /* Of the links. */
};

int
job_select_new(const char *const *only, size_t n, bool exact, size_t memory,
    struct job_select **ret, struct err *err)
{
	struct job_select *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	*s = (struct job_select){ .only = only,
		.nonly = n,
		.exact = exact,
		.limit = limit_of(memory) };
	*ret = s;
	return 0;
}

void
job_select_free(struct job_select *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->nlinks; i++) {
		free(s->links[i].file);
		free(s->links[i].link);
	}
	free(s->links);
	free(s);
}

/* Does ${path} equal ${chosen}, or lie below it? */
static bool
is_below(const char *path, const char *chosen)
{
	const char *rest = str_has_prefix(path, chosen);

	if (strcmp(chosen, ".") == 0)
		return true;
	return rest != NULL && (*rest == '\0' || *rest == '/');
}

static bool
chosen(const struct job_select *s, const char *path)
{
	size_t i;

	if (s->nonly == 0)
		return true;
	for (i = 0; i < s->nonly; i++) {
		if (s->exact ? is_below(path, s->only[i])
			     : glob_match_below(s->only[i], path))
			return true;
	}
	return false;
}

static const struct stand_in *
find(const struct job_select *s, const char *file)
{
	size_t i;

	for (i = 0; i < s->nlinks; i++)
		if (strcmp(s->links[i].file, file) == 0)
			return &s->links[i];
	return NULL;
}

static int
note_link(void *arg, const struct entry *e, struct err *err)
{
	struct job_select *s = arg;
	struct stand_in *grown;
	int rc;

	if (e->type != ENTRY_HARDLINK || !chosen(s, e->path) ||
	    chosen(s, e->target) || find(s, e->target) != NULL)
		return 0;
	if ((rc = limit_take(&s->limit,
		 sizeof(*grown) + strlen(e->target) + strlen(e->path),
		 "the list of the backup's hard links", err)) < 0)
		return rc;
	grown = reallocarray(s->links, s->nlinks + 1, sizeof(*grown));
	if (grown == NULL)
		return err_nomem(err);
	s->links = grown;
	grown[s->nlinks] = (struct stand_in){ NULL, NULL };
	s->nlinks++;
	if (str_dup(e->target, &grown[s->nlinks - 1].file, err) < 0)
		return err->code;
	return str_dup(e->path, &grown[s->nlinks - 1].link, err);
}

int
job_select_links(
    struct job_select *s, struct repo_reader *reader, struct err *err)
{
	if (s->nonly == 0)
		return 0;
	return repo_reader_entries(reader, note_link, s, err);
}

bool
job_select_has(const struct job_select *s, const struct entry *e)
{
	const struct stand_in *in;

	if (e->type == ENTRY_FILE && find(s, e->path) != NULL)
		return true;
	if (e->type == ENTRY_HARDLINK && (in = find(s, e->target)) != NULL &&
	    strcmp(in->link, e->path) == 0)
		return false; /* The file itself came under this name. */
	return chosen(s, e->path);
}

void
job_select_rename(const struct job_select *s, struct entry *e)
{
	const struct stand_in *in;

	if (e->type == ENTRY_FILE && (in = find(s, e->path)) != NULL)
		e->path = in->link;
	if (e->type == ENTRY_HARDLINK && (in = find(s, e->target)) != NULL)
		e->target = in->link;
}
