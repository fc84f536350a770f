#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "job/job_wrappings.h"
#include "repo/repo.h"
#include "store/store.h"

struct listing {
	struct job_wrappings *to;
	size_t skip; /* Length of "hf1/<vault>/" in a listed name. */
};

/* Read "k/<key id>.<opener fp>.hfk". */
static bool
parse_name(const char *name, struct job_wrapping *w)
{
	char again[REPO_NAME_MAX];

	if (strlen(name) !=
		2 + 2 * REPO_ID_LEN + 1 + 2 * KEY_FINGERPRINT_LEN + 4 ||
	    !str_unhex(w->key_id, name + 2, REPO_ID_LEN) ||
	    !str_unhex(
		w->opener, name + 2 + 2 * REPO_ID_LEN + 1, KEY_FINGERPRINT_LEN))
		return false;
	repo_name_wrapped(again, w->key_id, w->opener);
	return strcmp(again, name) == 0;
}

static int
on_object(void *arg, const struct store_info *info, struct err *err)
{
	struct listing *l = arg;
	struct job_wrapping w = { .mtime_ms = info->mtime_ms }, *grown;

	if (strlen(info->name) < l->skip ||
	    !parse_name(info->name + l->skip, &w))
		return 0;
	grown = reallocarray(l->to->v, l->to->n + 1, sizeof(w));
	if (grown == NULL)
		return err_nomem(err);
	l->to->v = grown;
	l->to->v[l->to->n++] = w;
	return 0;
}

int
job_wrappings_load(struct repo *r, struct job_wrappings *w, struct err *err)
{
	struct job_wrappings found = { NULL, 0 };
	struct listing l = { .to = &found };
	char object[REPO_NAME_MAX + 64];
	int rc;

	l.skip = strlen(repo_object(r, "", object));
	rc = store_list(
	    repo_store(r), repo_object(r, "k/", object), on_object, &l, err);
	if (rc < 0) {
		job_wrappings_clear(&found);
		return rc;
	}
	*w = found;
	return 0;
}

void
job_wrappings_clear(struct job_wrappings *w)
{
	free(w->v);
	*w = (struct job_wrappings){ NULL, 0 };
}
