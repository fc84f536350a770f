#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "job/job.h"
#include "job/job_legacy.h"
#include "source/etcd/source_etcd.h"
#include "source/target.h"

/* Where the plaintext of a dump goes. */
struct sink_file {
	struct target *target;
	uint64_t pos;
};

static int
write_on(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct sink_file *f = arg;
	int rc;

	rc = target_write(f->target, f->pos, p, n, err);
	f->pos += n;
	return rc;
}

int
job_legacy_restore(const struct job *j, const struct job_legacy *where,
    const struct repo_legacy_entry *e, const char *path, bool overwrite,
    struct job_legacy_report *rep, struct err *err)
{
	const struct target_opts opts = { .path = path,
		.overwrite = overwrite };
	CLEANUP(freep_target) struct target *t = NULL;
	char name[] = SOURCE_ETCD_SNAPSHOT;
	struct entry file = {
		.path = name,
		.type = ENTRY_FILE,
		.mode = 0600,
		.size = job_legacy_size(e, e->has_key),
		.mtime_ns = e->time_ms * 1000000,
	};
	struct sink_file f = { .pos = 0 };
	const struct repo_legacy_out out = { write_on, &f };
	int rc;

	/*
	 * Write under another name, sync, rename: the place then has all of the
	 * old bytes or all of the new ones, and a dump whose end is missing
	 * never gets there.
	 */
	if ((rc = target_file_new(&opts, &t, err)) < 0 ||
	    (rc = target_begin(t, &file, err)) < 0)
		return rc;
	f.target = t;
	if ((rc = job_legacy_read(j, where, e, &out, rep, err)) < 0 ||
	    (rc = target_end(t, &file, err)) < 0)
		return rc;
	return target_finish(t, err);
}
