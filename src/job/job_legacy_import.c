#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "job/job_legacy.h"
#include "repo/repo.h"
#include "source/etcd/source_etcd.h"
#include "source/source.h"
#include "store/store.h"

/*
 * A backup of the older tool, read as if it were the cluster: it becomes the
 * file that an etcd source writes for a snapshot.  A later run knows it again
 * by the facts that are stored with it.
 */
#define FACT_OBJECT "etcd_backup.object"
#define FACT_TIME "etcd_backup.time"
#define FACT_SHA256 "etcd.sha256"

#define LATE                                                                   \
	"it is older than one that was imported before, but the latest now, "  \
	"for that counts from the import"

struct import {
	struct source base;
	const struct job *job;
	const struct job_legacy *where;
	const struct repo_legacy_entry *entry;
	char object[512]; /* "s3://bucket/prefix-2026-...Z.dump" */
	struct sink *sink;
};

static int
on_bytes(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	const struct import *im = arg;
	uint8_t *to;
	size_t room;
	int rc;

	for (; n > 0; p += room, n -= room) {
		if ((rc = sink_check(im->sink, err)) < 0 ||
		    (rc = sink_space(im->sink, &to, &room, err)) < 0)
			return rc;
		room = room < n ? room : n;
		memcpy(to, p, room);
		if ((rc = sink_wrote(im->sink, room, err)) < 0)
			return rc;
	}
	return 0;
}

static int
add_facts(const struct import *im, const struct job_legacy_report *rep,
    struct err *err)
{
	char hex[2 * sizeof(rep->digest) + 1], text[TIME_TEXT_MAX];
	int rc;

	if ((rc = sink_evidence(im->sink, FACT_OBJECT, im->object, err)) < 0 ||
	    (rc = sink_evidence(im->sink, FACT_TIME,
		 time_format(rep->time_ms, text), err)) < 0)
		return rc;
	return sink_evidence(im->sink, FACT_SHA256,
	    str_hex(hex, rep->digest, sizeof(rep->digest)), err);
}

static int
import_read(struct source *s, struct sink *sink, struct err *err)
{
	struct import *im = (struct import *)s;
	const struct repo_legacy_out out = { on_bytes, im };
	const struct job quiet = { .cancel = im->job->cancel };
	char path[] = SOURCE_ETCD_SNAPSHOT;
	struct job_legacy_report rep;
	struct entry e = {
		.path = path,
		.type = ENTRY_FILE,
		.mode = 0600,
		.uid = geteuid(),
		.gid = getegid(),
		.mtime_ns = im->entry->time_ms * 1000000,
		.ctime_ns = im->entry->time_ms * 1000000,
		.has_sha256 = true,
	};
	int rc;

	im->sink = sink;
	if ((rc = sink_begin(sink, SOURCE_ETCD_SNAPSHOT, im->entry->dump_len,
		 SOURCE_HASHES, err)) < 0 ||
	    (rc = job_legacy_read(
		 &quiet, im->where, im->entry, &out, &rep, err)) < 0 ||
	    (rc = add_facts(im, &rep, err)) < 0)
		return rc;
	e.size = rep.bytes;
	memcpy(e.sha256, rep.sha256, sizeof(e.sha256));
	return sink_add(sink, &e, err);
}

static int
import_probe(struct source *s, struct err *err)
{
	const struct import *im = (struct import *)s;
	struct store_info info;
	char name[REPO_LEGACY_NAME_MAX];

	(void)repo_legacy_object(im->entry, REPO_LEGACY_DUMP, name);
	return store_head(im->where->store, name, &info, err);
}

static const struct source_ops import_ops = {
	.name = "etcd",
	.read = import_read,
	.probe = import_probe,
};

/* Return what the backup ${i} says of ${fact}; NULL if it is removed, of
 * another source, or says nothing. */
static const char *
fact_of(const struct repo_catalogue *cat, size_t i, const char *name,
    const char *fact)
{
	const struct repo_manifest *m = &cat->backups[i].m;
	size_t k;

	if (cat->backups[i].removed || strcmp(m->source, name) != 0)
		return NULL;
	for (k = 0; k < m->nevidence; k++)
		if (strcmp(m->evidence[k].name, fact) == 0)
			return m->evidence[k].value;
	return NULL;
}

static bool
is_there(const struct repo_catalogue *cat, const char *name, const char *object)
{
	const char *there;
	size_t i;

	for (i = 0; i < cat->n; i++) {
		there = fact_of(cat, i, name, FACT_OBJECT);
		if (there != NULL && strcmp(there, object) == 0)
			return true;
	}
	return false;
}

/* Is there one that was made after ${ms}? */
static bool
has_newer(const struct repo_catalogue *cat, const char *name, int64_t ms)
{
	char text[TIME_TEXT_MAX];
	const char *there;
	size_t i;

	(void)time_format(ms, text); /* In whole seconds, they sort as text. */
	for (i = 0; i < cat->n; i++) {
		there = fact_of(cat, i, name, FACT_TIME);
		if (there != NULL && strcmp(there, text) > 0)
			return true;
	}
	return false;
}

static int
import_one(struct import *im, struct repo *r, const char *name, struct err *err)
{
	const struct job_backup_opts opts = {
		.source = name,
		.type = "etcd",
		.label = im->object,
	};
	struct job_backup_report rep;

	(void)snprintf(
	    im->base.label, sizeof(im->base.label), "%.255s", im->object);
	return job_backup(im->job, r, &im->base, &opts, &rep, err);
}

static void
tell(const struct job *j, enum job_event_kind kind, const char *subject,
    const char *text)
{
	job_say(j, "import", kind, subject, text);
}

/* Is it an error of one backup alone?  It does not keep the others out. */
static bool
is_its_own(int rc)
{
	return rc == -HF_EKEY || rc == -HF_ECORRUPT || rc == -HF_ENOTFOUND;
}

static int
import_all(const struct job *j, const struct job_legacy *where, struct repo *r,
    const char *name, const struct repo_legacy_list *l,
    const struct repo_catalogue *cat, struct job_legacy_imported *rep,
    struct err *err)
{
	struct import im = {
		.base = { .ops = &import_ops }, .job = j, .where = where
	};
	struct err e, first = ERR_INIT;
	size_t i;
	int rc;

	for (i = 0; i < l->n; i++) {
		if (!l->v[i].has_dump)
			continue;
		im.entry = &l->v[i];
		(void)snprintf(im.object, sizeof(im.object), "%s/%s.dump",
		    where->store->place, l->v[i].stem);
		if (is_there(cat, name, im.object)) {
			tell(j, JOB_DECIDED, l->v[i].stem, "skip (is there)");
			rep->skipped++;
			continue;
		}
		e = (struct err)ERR_INIT;
		if ((rc = import_one(&im, r, name, &e)) == 0) {
			rep->imported++;
			if (has_newer(cat, name, l->v[i].time_ms))
				tell(j, JOB_WARNING, l->v[i].stem, LATE);
			continue;
		}
		if (!is_its_own(rc)) {
			*err = e;
			return rc;
		}
		tell(j, JOB_FOUND, l->v[i].stem, e.msg);
		rep->failed++;
		if (first.code == 0)
			first = e;
	}
	if (first.code != 0)
		*err = first;
	return first.code;
}

int
job_legacy_import(const struct job *j, const struct job_legacy *where,
    struct repo *r, const char *name, struct job_legacy_imported *rep,
    struct err *err)
{
	CLEANUP(freep_repo_legacy_list)
	struct repo_legacy_list l = { NULL, 0 };
	struct repo_catalogue cat = { 0 };
	int rc;

	*rep = (struct job_legacy_imported){ 0 };
	if ((rc = repo_legacy_list_load(where->store, where->prefix, &l, err)) <
	    0)
		return rc;
	if ((rc = repo_catalogue_load(r, &cat, err)) == 0)
		rc = import_all(j, where, r, name, &l, &cat, rep, err);
	repo_catalogue_clear(&cat);
	return rc;
}
