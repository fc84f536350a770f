#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "job/job.h"
#include "job/job_legacy.h"
#include "store/store.h"

#define WINDOW ((size_t)8 << 20) /* Bytes asked for at once. */
#define OVERHEAD (REPO_LEGACY_RECORD - REPO_LEGACY_CHUNK)

int
job_legacy_find(const struct repo_legacy_list *l, int64_t ms,
    const struct repo_legacy_entry **ret, struct err *err)
{
	char text[TIME_TEXT_MAX];
	size_t i;

	/* Compare moments, not texts: the zone and a fraction do not matter. */
	for (i = l->n; i-- > 0;) {
		if (!l->v[i].has_dump ||
		    (ms != JOB_LEGACY_NEWEST &&
			l->v[i].time_ms / 1000 != ms / 1000))
			continue;
		*ret = &l->v[i];
		return 0;
	}
	if (ms == JOB_LEGACY_NEWEST)
		return err_set(err, HF_ENOTFOUND, "there is no backup");
	(void)err_set(err, HF_ENOTFOUND, "there is no backup of %s",
	    time_format(ms, text));
	if (l->n > 0)
		return err_hint(err, "there are %zu, the last of them of %s",
		    l->n, time_format(l->v[l->n - 1].time_ms, text));
	return err->code;
}

uint64_t
job_legacy_size(const struct repo_legacy_entry *e, bool encrypted)
{
	uint64_t records;

	if (!encrypted)
		return e->dump_len;
	records = e->dump_len / REPO_LEGACY_RECORD +
		  (e->dump_len % REPO_LEGACY_RECORD > 0);
	return e->dump_len < records * OVERHEAD
		   ? 0
		   : e->dump_len - records * OVERHEAD;
}

int
job_legacy_get_key(const struct job_legacy *where,
    const struct repo_legacy_entry *e, struct secret **ret, int64_t *ms,
    struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char name[REPO_LEGACY_NAME_MAX];
	int rc;

	(void)repo_legacy_object(e, REPO_LEGACY_KEY, name);
	if (where->master == NULL) {
		(void)err_set(err, HF_EKEY,
		    "'%s' is encrypted, and no master key is given", e->stem);
		return err_hint(err, "name its file in 'encryption_key_path'");
	}
	rc = store_get(where->store, name, REPO_LEGACY_WRAPPED_LEN, &b, err);
	if (rc < 0)
		return rc;
	if (repo_legacy_unwrap(where->master, b.p, b.len, ret, err) < 0)
		return err_wrap(err, "'%s'", name);
	*ms = repo_legacy_nonce_time(b.p);
	return 0;
}

int
job_legacy_is_plain(const struct job_legacy *where,
    const struct repo_legacy_entry *e, bool *ret, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char name[REPO_LEGACY_NAME_MAX];
	int rc;

	*ret = false;
	if (e->dump_len < REPO_LEGACY_HEAD)
		return 0;
	(void)repo_legacy_object(e, REPO_LEGACY_DUMP, name);
	rc = store_get_range(where->store, name, 0, REPO_LEGACY_HEAD, &b, err);
	if (rc == 0)
		*ret = repo_legacy_is_plain(b.p, b.len);
	return rc;
}

static void
tell(const struct job *j, enum job_event_kind kind, const char *subject,
    const char *text, uint64_t done, uint64_t total)
{
	const struct job_event ev = {
		.kind = kind,
		.job = "restore",
		.subject = subject,
		.text = text,
		.done = done,
		.total = total,
	};

	job_tell(j, &ev);
}

/*
 * The format's only sign of encryption is that a key object exists.  Where
 * there is none the dump must look like a database, or its key has been lost.
 */
static int
find_key(const struct job *j, const struct job_legacy *where,
    const struct repo_legacy_entry *e, struct secret **ret, struct err *err)
{
	int64_t wrapped_ms;
	bool plain;
	int rc;

	if (e->has_key)
		return job_legacy_get_key(where, e, ret, &wrapped_ms, err);
	if ((rc = job_legacy_is_plain(where, e, &plain, err)) < 0)
		return rc;
	if (!plain)
		return err_set(err, HF_EKEY,
		    "'%s' is no database, and no key object is there to "
		    "decrypt it",
		    e->stem);
	if (where->master != NULL)
		tell(j, JOB_WARNING, e->stem,
		    "it is not encrypted: nothing but its name says where it "
		    "comes from",
		    0, 0);
	return 0;
}

static int
feed(const struct job *j, const struct job_legacy *where,
    const struct repo_legacy_entry *e, struct repo_legacy_open *o,
    struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char name[REPO_LEGACY_NAME_MAX];
	uint64_t at;
	size_t n;
	int rc;

	(void)repo_legacy_object(e, REPO_LEGACY_DUMP, name);
	for (at = 0; at < e->dump_len; at += n) {
		n = WINDOW;
		if (e->dump_len - at < n)
			n = (size_t)(e->dump_len - at);
		b.len = 0;
		if ((rc = job_check(j, err)) < 0 ||
		    (rc = store_get_range(where->store, name, at, n, &b, err)) <
			0)
			return rc;
		if (repo_legacy_open_feed(o, b.p, b.len, err) < 0)
			return err_wrap(err, "'%s'", name);
		tell(j, JOB_PROGRESS, NULL, NULL, at + n, e->dump_len);
	}
	return 0;
}

int
job_legacy_read(const struct job *j, const struct job_legacy *where,
    const struct repo_legacy_entry *e, const struct repo_legacy_out *out,
    struct job_legacy_report *rep, struct err *err)
{
	CLEANUP(freep_secret) struct secret *key = NULL;
	CLEANUP(freep_repo_legacy_open) struct repo_legacy_open *o = NULL;
	struct job_legacy_report done = { .took_ms = 0 };
	struct repo_legacy_whole whole;
	int64_t began = time_mono_ms();
	int rc;

	if ((rc = find_key(j, where, e, &key, err)) < 0 ||
	    (rc = repo_legacy_open_new(key, e->time_ms, out, &o, err)) < 0)
		return rc;
	(void)repo_legacy_object(e, REPO_LEGACY_DUMP, done.name);
	tell(j, JOB_STARTED, done.name, NULL, 0, e->dump_len);
	if ((rc = feed(j, where, e, o, err)) < 0)
		return rc;
	if (repo_legacy_open_finish(o, &whole, err) < 0)
		return err_wrap(err, "'%s'", done.name);
	memcpy(done.sha256, whole.sha256, sizeof(done.sha256));
	memcpy(done.digest, whole.digest, sizeof(done.digest));
	done.bytes = whole.size;
	done.time_ms = e->time_ms;
	done.stored = e->dump_len;
	done.encrypted = key != NULL;
	done.took_ms = (uint64_t)(time_mono_ms() - began);
	tell(j, JOB_FINISHED, done.name, NULL, e->dump_len, e->dump_len);
	*rep = done;
	return 0;
}
