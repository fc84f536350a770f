#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "job/job_packs.h"
#include "repo/repo.h"
#include "store/store.h"

struct job_packs {
	struct job_pack *v; /* Sorted by oid once loaded. */
	size_t n, cap;
	size_t skip; /* Length of "hf1/<vault>/" in a listed name. */
};

void
job_packs_free(struct job_packs *p)
{
	if (p == NULL)
		return;
	free(p->v);
	free(p);
}

/*
 * Any other object in the folder is not ours: it is left alone, here and by
 * prune.
 */
static int
on_object(void *arg, const struct store_info *info, struct err *err)
{
	struct job_packs *p = arg;
	struct job_pack pack = { .len = info->len, .mtime_ms = info->mtime_ms };
	struct job_pack *grown;
	size_t cap;

	if (strlen(info->name) < p->skip ||
	    !repo_name_pack_read(info->name + p->skip, &pack.hour, pack.oid))
		return 0;
	if (p->n == p->cap) {
		cap = p->cap > 0 ? 2 * p->cap : 256;
		if ((grown = reallocarray(p->v, cap, sizeof(pack))) == NULL)
			return err_nomem(err);
		p->v = grown;
		p->cap = cap;
	}
	p->v[p->n++] = pack;
	return 0;
}

static int
by_oid(const void *a, const void *b)
{
	return memcmp(((const struct job_pack *)a)->oid,
	    ((const struct job_pack *)b)->oid, REPO_OID_LEN);
}

static int
by_hour(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* List the folder of one hour, or all of them. */
static int
list(struct repo *r, struct job_packs *p, const uint32_t *hour, struct err *err)
{
	char object[REPO_NAME_MAX + 64], name[REPO_NAME_MAX] = "p/";
	static const uint8_t any[REPO_OID_LEN];

	if (hour != NULL) {
		repo_name_pack(name, *hour, any);
		name[2 + 11 + 1] = '\0'; /* Keep "p/<yyyymmddThh>/". */
	}
	return store_list(
	    repo_store(r), repo_object(r, name, object), on_object, p, err);
}

static int
list_hours(struct repo *r, struct job_packs *p, const struct repo_manifest *m,
    struct err *err)
{
	CLEANUP(freep_mem) uint32_t *hours = NULL;
	size_t i;
	int rc;

	if (m->npacks == 0)
		return 0;
	if ((hours = calloc(m->npacks, sizeof(*hours))) == NULL)
		return err_nomem(err);
	for (i = 0; i < m->npacks; i++)
		hours[i] = m->packs[i].hour;
	qsort(hours, m->npacks, sizeof(*hours), by_hour);
	for (i = 0; i < m->npacks; i++) {
		if (i > 0 && hours[i] == hours[i - 1])
			continue;
		if ((rc = list(r, p, &hours[i], err)) < 0)
			return rc;
	}
	return 0;
}

int
job_packs_load(struct repo *r, const struct repo_manifest *m,
    struct job_packs **ret, struct err *err)
{
	CLEANUP(freep_job_packs) struct job_packs *p = NULL;
	char object[REPO_NAME_MAX + 64];
	int rc;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return err_nomem(err);
	p->skip = strlen(repo_object(r, "", object));
	rc = m == NULL ? list(r, p, NULL, err) : list_hours(r, p, m, err);
	if (rc < 0)
		return rc;
	if (p->n > 0)
		qsort(p->v, p->n, sizeof(p->v[0]), by_oid);
	*ret = TAKE(p);
	return 0;
}

struct job_pack *
job_packs_find(const struct job_packs *p, const struct repo_pack_row *row)
{
	struct job_pack want = { .hour = row->hour }, *found;

	if (p->n == 0)
		return NULL;
	memcpy(want.oid, row->oid, sizeof(want.oid));
	found = bsearch(&want, p->v, p->n, sizeof(want), by_oid);
	/* The same object in another hour's folder is another object. */
	return found != NULL && found->hour == row->hour ? found : NULL;
}

struct job_pack *
job_packs_at(const struct job_packs *p, size_t i)
{
	return i < p->n ? &p->v[i] : NULL;
}
