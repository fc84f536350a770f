#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "job/job.h"
#include "job/job_etcd_chain.h"
#include "job/job_etcd_db_impl.h"
#include "job/job_paged.h"
#include "repo/repo.h"
#include "repo/repo_reader.h"
#include "source/etcd/source_etcd.h"

/* A snapshot is a single file; this tells it from the other forms. */
static int
find_snapshot(void *arg, const struct entry *e, struct err *err)
{
	struct job_etcd_file *f = arg;

	(void)err;
	if (strcmp(e->path, SOURCE_ETCD_SNAPSHOT) == 0)
		*f = (struct job_etcd_file){ e->data_pos, e->data_len };
	return 0;
}

static int
open_form(struct job_etcd_db *db, struct err *err)
{
	CLEANUP(freep_job_paged) struct job_paged *paged = NULL;
	struct job_etcd_file snapshot = { 0 };
	int rc;

	rc = repo_reader_entries(db->reader, find_snapshot, &snapshot, err);
	if (rc < 0)
		return rc;
	if (snapshot.len > 0)
		return job_etcd_db_open_snapshot(db, &snapshot, err);
	rc = job_paged_find(db->job, db->reader, &db->manifest, &paged, err);
	if (rc < 0)
		return rc;
	if (paged != NULL)
		return job_etcd_db_open_paged(db, paged, err);
	return job_etcd_db_open_records(db, err);
}

int
job_etcd_db_open(const struct job *j, struct repo *r,
    const struct repo_backup *b, struct job_etcd_db **ret, struct err *err)
{
	const struct repo_reader_opts opts = {
		.memory = job_memory(j),
		.workers = j->workers,
	};
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
	size_t i;
	int rc;

	if (strcmp(b->m.type, "etcd") != 0)
		return err_set(err, HF_EUSAGE,
		    "backup '%s' is of '%s', not of an etcd", b->id,
		    b->m.source);
	if ((rc = job_etcd_refuse_log(b, err)) < 0)
		return rc;
	if ((db = calloc(1, sizeof(*db))) == NULL)
		return err_nomem(err);
	db->job = j;
	db->facts.version = "";
	for (i = 0; i < b->m.nevidence; i++)
		if (strcmp(b->m.evidence[i].name, "etcd.version") == 0)
			db->facts.version = b->m.evidence[i].value;
	if ((rc = repo_manifest_load(r, b, &db->manifest, err)) < 0 ||
	    (rc = repo_reader_new(r, &db->manifest, &opts, &db->reader, err)) <
		0 ||
	    (rc = open_form(db, err)) < 0)
		return err_wrap(err, "backup '%s'", b->id);
	*ret = TAKE(db);
	return 0;
}
