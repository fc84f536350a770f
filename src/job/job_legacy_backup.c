#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "job/job.h"
#include "job/job_legacy.h"
#include "source/source.h"
#include "store/store.h"

#define NAME_TRIES 10 /* Seconds that may be taken by others. */
#define WAIT_MS 1000  /* Before etcd is asked again, doubled each time ... */
#define WAIT_MAX_MS 30000 /* ... up to this. */
#define SLICE_MS 100      /* How soon the wish to stop is heard. */

/* What stands between the source and the store. */
struct backup {
	struct sink sink;
	const struct job *job;
	const struct job_legacy *where;
	struct secret *key; /* Of the dump; NULL: it is plain. */
	bool named;         /* ${rep} has a name, and its key is stored. */
	bool store_failed;  /* Not etcd's fault: no reason to ask it again. */
	struct repo_legacy_seal *seal;
	struct store_upload *upload;
	uint8_t *part; /* STORE_PART bytes. */
	size_t len;    /* In ${part}. */
	struct job_legacy_report rep;
};

static void
tell(struct backup *b, enum job_event_kind kind, const char *subject,
    const char *text)
{
	const struct job_event ev = {
		.kind = kind,
		.job = "backup",
		.subject = subject,
		.text = text,
		.done = b->rep.bytes,
		.entries = 1,
		.stored = b->rep.stored,
	};

	job_tell(b->job, &ev);
}

/* Wait in slices, so that the operator can stop it. */
static int
wait_ms(const struct job *j, int64_t ms, struct err *err)
{
	struct timespec ts;
	int rc;

	for (; ms > 0; ms -= SLICE_MS) {
		if ((rc = job_check(j, err)) < 0)
			return rc;
		ts.tv_sec = 0;
		ts.tv_nsec = (ms < SLICE_MS ? ms : SLICE_MS) * 1000000;
		(void)nanosleep(&ts, NULL);
	}
	return job_check(j, err);
}

/* Collect the dump's bytes into parts. */
static int
on_sealed(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct backup *b = arg;
	size_t take;
	int rc;

	while (n > 0) {
		take = STORE_PART - b->len < n ? STORE_PART - b->len : n;
		memcpy(b->part + b->len, p, take);
		b->len += take;
		p += take;
		n -= take;
		if (b->len < STORE_PART)
			continue;
		if ((rc = store_upload_part(b->upload, b->part, b->len, err)) <
		    0) {
			b->store_failed = true;
			return rc;
		}
		b->rep.stored += b->len;
		b->len = 0;
	}
	return 0;
}

/* Store the key under the name of this second, if that is still free. */
static int
put_key(struct backup *b, struct err *err)
{
	uint8_t p[REPO_LEGACY_WRAPPED_LEN];
	const struct store_blob blob = { .p = p, .len = sizeof(p) };
	char name[REPO_LEGACY_NAME_MAX];
	int rc;

	if (b->key == NULL)
		return 0;
	(void)repo_legacy_name(
	    b->where->prefix, b->rep.time_ms, REPO_LEGACY_KEY, name);
	if ((rc = repo_legacy_wrap(
		 b->where->master, b->key, b->rep.time_ms, p, err)) < 0)
		return rc;
	return store_put(b->where->store, name, &blob, err);
}

static int
begin_upload(struct backup *b, struct err *err)
{
	int rc;

	if (!b->named) {
		/*
		 * The store's clock, as in prune: under that of a host that
		 * has lost the time, it would be the newest for years, or old
		 * enough to be removed.
		 */
		if ((rc = store_now(b->where->store, &b->rep.time_ms, err)) < 0)
			return rc;
		b->rep.time_ms = b->rep.time_ms / 1000 * 1000;
		(void)repo_legacy_name(b->where->prefix, b->rep.time_ms,
		    REPO_LEGACY_DUMP, b->rep.name);
		if ((rc = put_key(b, err)) < 0)
			return rc;
	}
	if ((rc = store_upload_new(
		 b->where->store, b->rep.name, &b->upload, err)) < 0)
		return rc;
	b->named = true;
	return 0;
}

/*
 * Two runs in the same second must not mix the key of one with the dump of the
 * other: the one that finds the name taken tries the next second.
 */
static int
begin_named(struct backup *b, struct err *err)
{
	struct err e = ERR_INIT;
	int64_t now;
	int i, rc;

	for (i = 0; i < NAME_TRIES; i++) {
		e = (struct err)ERR_INIT;
		if ((rc = begin_upload(b, &e)) == 0)
			return 0;
		if (rc != -HF_EEXISTS)
			break;
		b->named = false;
		if ((rc = store_now(b->where->store, &now, err)) < 0 ||
		    (rc = wait_ms(b->job, b->rep.time_ms + 1000 - now, err)) <
			0)
			return rc;
	}
	*err = e;
	return e.code;
}

static int
on_begin(struct sink *s, const char *path, uint64_t size, enum sink_hash hash,
    struct err *err)
{
	struct backup *b = (struct backup *)s;
	const struct repo_legacy_out out = { on_sealed, b };
	int rc;

	(void)size;
	if (b->seal != NULL || hash != SOURCE_HASHES)
		return err_set(err, HF_EBUG, "'%s' beside the snapshot", path);
	if ((rc = begin_named(b, err)) < 0) {
		b->store_failed = true;
		return rc;
	}
	return repo_legacy_seal_new(
	    b->key, b->rep.time_ms, &out, &b->seal, err);
}

static int
on_space(struct sink *s, uint8_t **p, size_t *n, struct err *err)
{
	(void)err;
	repo_legacy_seal_space(((struct backup *)s)->seal, p, n);
	return 0;
}

static int
on_wrote(struct sink *s, size_t n, struct err *err)
{
	struct backup *b = (struct backup *)s;

	b->rep.bytes += n;
	tell(b, JOB_PROGRESS, NULL, NULL);
	return repo_legacy_seal_wrote(b->seal, n, err);
}

static int
on_add(struct sink *s, const struct entry *e, struct err *err)
{
	struct backup *b = (struct backup *)s;

	if (!e->has_sha256 || e->size != b->rep.bytes)
		return err_set(err, HF_EBUG, "a snapshot without its SHA-256");
	memcpy(b->rep.sha256, e->sha256, sizeof(b->rep.sha256));
	return 0;
}

static int
on_evidence(
    struct sink *s, const char *name, const char *value, struct err *err)
{
	/* The format has no place for it. */
	(void)s, (void)name, (void)value, (void)err;
	return 0;
}

static void
on_warn(struct sink *s, const char *path, const char *what)
{
	tell((struct backup *)s, JOB_WARNING, path, what);
}

static int
on_check(struct sink *s, struct err *err)
{
	return job_check(((struct backup *)s)->job, err);
}

static const struct sink_ops legacy_sink_ops = {
	.begin = on_begin,
	.space = on_space,
	.wrote = on_wrote,
	.add = on_add,
	.evidence = on_evidence,
	.warn = on_warn,
	.check = on_check,
};

static void
drop_attempt(struct backup *b)
{
	repo_legacy_seal_free(TAKE(b->seal));
	store_upload_free(TAKE(b->upload));
	b->len = 0;
	b->rep.bytes = b->rep.stored = 0;
}

/*
 * Complete the upload.  The source has checked its digest by now: until then
 * there is no object.
 */
static int
finish(struct backup *b, struct err *err)
{
	int rc;

	if ((rc = repo_legacy_seal_finish(b->seal, err)) < 0)
		return rc;
	if (b->len > 0 &&
	    (rc = store_upload_part(b->upload, b->part, b->len, err)) < 0)
		return rc;
	b->rep.stored += b->len;
	return store_upload_finish(b->upload, err);
}

static int
attempt(struct backup *b, struct source *src, struct err *err)
{
	int rc;

	if ((rc = source_read(src, &b->sink, err)) < 0)
		return rc;
	b->store_failed = true;
	rc = finish(b, err);
	/* Only now does a plain dump take its name: another run was faster. */
	if (rc == -HF_EEXISTS) {
		b->store_failed = false;
		b->named = false;
	}
	return rc;
}

static bool
may_pass(const struct backup *b, int rc)
{
	return !b->store_failed && (rc == -HF_EUNAVAIL || rc == -HF_ESOURCE);
}

/* Was another run faster?  That is no failure, and none of the retries. */
static bool
lost_name(const struct backup *b, int rc)
{
	return !b->store_failed && rc == -HF_EEXISTS;
}

static int
run(struct backup *b, struct source *src, unsigned retries, struct err *err)
{
	unsigned lost = 0;
	int64_t wait = WAIT_MS;
	struct err e;
	int rc;

	for (;;) {
		e = (struct err)ERR_INIT;
		if ((rc = job_check(b->job, err)) < 0)
			return rc;
		if (attempt(b, src, &e) == 0)
			return 0;
		drop_attempt(b);
		if (lost_name(b, e.code) && ++lost < NAME_TRIES) {
			if ((rc = wait_ms(b->job, WAIT_MS, err)) < 0)
				return rc;
			continue;
		}
		if (retries-- == 0 || !may_pass(b, e.code)) {
			*err = e;
			return e.code;
		}
		tell(b, JOB_WARNING, src->label, e.msg);
		if ((rc = wait_ms(b->job, wait, err)) < 0)
			return rc;
		wait = 2 * wait < WAIT_MAX_MS ? 2 * wait : WAIT_MAX_MS;
	}
}

static int
prepare(struct backup *b, struct err *err)
{
	if ((b->part = malloc(STORE_PART)) == NULL)
		return err_nomem(err);
	if (b->where->master == NULL)
		return 0;
	b->rep.encrypted = true;
	return secret_random(REPO_LEGACY_KEY_LEN, &b->key, err);
}

int
job_legacy_backup(const struct job *j, const struct job_legacy *where,
    struct source *src, unsigned retries, struct job_legacy_report *rep,
    struct err *err)
{
	struct backup b = {
		.sink = { .ops = &legacy_sink_ops },
		.job = j,
		.where = where,
	};
	int64_t began = time_mono_ms();
	int rc;

	if ((rc = prepare(&b, err)) == 0)
		rc = run(&b, src, retries, err);
	if (rc == 0) {
		b.rep.took_ms = (uint64_t)(time_mono_ms() - began);
		tell(&b, JOB_FINISHED, b.rep.name, NULL);
		*rep = b.rep;
	}
	drop_attempt(&b);
	secret_free(b.key);
	free(b.part);
	return rc;
}
