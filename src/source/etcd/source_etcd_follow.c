#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "etcd/etcd_watch.h"
#include "source/etcd/source_etcd.h"
#include "source/etcd/source_etcd_follow.h"
#include "source/etcd/source_etcd_survey.h"

struct source_etcd_follow {
	const struct source_etcd *source;
	struct source_etcd_survey survey;
	size_t picked;
	struct etcd_watch *watch; /* On the client of the one picked. */
};

int
source_etcd_follow_new(
    struct source *s, struct source_etcd_follow **ret, struct err *err)
{
	struct source_etcd_follow *f;

	if (strcmp(s->ops->name, source_etcd_driver.type) != 0)
		return err_set(err, HF_EUSAGE,
		    "only an etcd can be followed, and '%s' is none", s->label);
	if ((f = calloc(1, sizeof(*f))) == NULL)
		return err_nomem(err);
	f->source = (struct source_etcd *)s;
	*ret = f;
	return 0;
}

void
source_etcd_follow_close(struct source_etcd_follow *f)
{
	etcd_watch_free(TAKE(f->watch));
	source_etcd_survey_clear(&f->survey);
}

void
source_etcd_follow_free(struct source_etcd_follow *f)
{
	if (f == NULL)
		return;
	source_etcd_follow_close(f);
	free(f);
}

/*
 * A member whose status can be had may still refuse to be watched, as learners
 * do: then the next one is tried.
 */
int
source_etcd_follow_open(
    struct source_etcd_follow *f, uint64_t revision, struct err *err)
{
	struct err first = ERR_INIT, e;
	char note[128];
	int rc;

	source_etcd_follow_close(f);
	if ((rc = source_etcd_survey_make(f->source, &f->survey, err)) < 0)
		return rc;
	for (;;) {
		e = (struct err)ERR_INIT;
		rc = source_etcd_pick(
		    &f->survey, &f->picked, note, sizeof(note), &e);
		if (rc < 0)
			break;
		rc = etcd_watch_open(
		    source_etcd_follow_client(f), revision, &f->watch, &e);
		if (rc == 0)
			return 0;
		f->survey.members[f->picked].answered = false;
		if (first.code == 0)
			first = e;
	}
	/* The first failure says more than that no member is left. */
	*err = first.code != 0 ? first : e;
	source_etcd_follow_close(f);
	return err->code;
}

struct etcd_watch *
source_etcd_follow_watch(const struct source_etcd_follow *f)
{
	return f->watch;
}

struct etcd_client *
source_etcd_follow_client(const struct source_etcd_follow *f)
{
	return f->survey.members[f->picked].client;
}
