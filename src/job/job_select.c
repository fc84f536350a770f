#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/glob.h"
#include "base/str.h"
#include "job/job_links.h"
#include "job/job_select.h"
#include "repo/repo_reader.h"

struct job_select {
	const char *const *only;
	size_t nonly;
	bool exact;
	struct job_links links;
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
		.links = { .limit = limit_of(memory) } };
	*ret = s;
	return 0;
}

void
job_select_free(struct job_select *s)
{
	if (s == NULL)
		return;
	job_links_clear(&s->links);
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

static int
note_link(void *arg, const struct entry *e, struct err *err)
{
	struct job_select *s = arg;

	if (e->type != ENTRY_HARDLINK || !chosen(s, e->path) ||
	    chosen(s, e->target) ||
	    job_links_find(&s->links, e->target) != NULL)
		return 0;
	return job_links_add(&s->links, e->target, e->path, err);
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
	const char *link;

	if (e->type == ENTRY_FILE && job_links_find(&s->links, e->path) != NULL)
		return true;
	if (e->type == ENTRY_HARDLINK &&
	    (link = job_links_find(&s->links, e->target)) != NULL &&
	    strcmp(link, e->path) == 0)
		return false; /* The file itself came under this name. */
	return chosen(s, e->path);
}

void
job_select_rename(const struct job_select *s, struct entry *e)
{
	char *link;

	if (e->type == ENTRY_FILE &&
	    (link = job_links_find(&s->links, e->path)) != NULL)
		e->path = link;
	if (e->type == ENTRY_HARDLINK &&
	    (link = job_links_find(&s->links, e->target)) != NULL)
		e->target = link;
}
