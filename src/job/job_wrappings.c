#include <stdlib.h>

#include "base/err.h"
#include "job/job_wrappings.h"
#include "repo/repo_listing.h"

int
job_wrappings_load(struct repo *r, struct job_wrappings *ret, struct err *err)
{
	CLEANUP(repo_listing_clear) struct repo_listing l = { 0 };
	CLEANUP(freep_mem) struct job_wrapping *v = NULL;
	size_t i, n = 0;

	if (repo_listing_load(r, "k/", &l, err) < 0)
		return err->code;
	if ((v = calloc(l.n + 1, sizeof(*v))) == NULL)
		return err_nomem(err);
	for (i = 0; i < l.n; i++) {
		if (!repo_name_wrapped_read(
			l.v[i].name, v[n].key_id, v[n].opener))
			continue;
		v[n++].mtime_ms = l.v[i].mtime_ms;
	}
	*ret = (struct job_wrappings){ .v = TAKE(v), .n = n };
	return 0;
}

void
job_wrappings_clear(struct job_wrappings *w)
{
	free(w->v);
	*w = (struct job_wrappings){ NULL, 0 };
}
