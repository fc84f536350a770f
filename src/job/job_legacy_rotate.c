#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypto/secret.h"
#include "job/job.h"
#include "job/job_legacy.h"
#include "store/store.h"

struct rotate {
	const struct job *job;
	const struct job_legacy *where;
	const struct secret *old;
	struct store_eraser *eraser;
	struct job_legacy_rotated rep;
};

static void
tell(const struct rotate *r, enum job_event_kind kind, const char *subject,
    const char *text)
{
	job_say(r->job, "rotate-key", kind, subject, text);
}

/* Does it open with the new key, and give the dump's key ${key}? */
static int
check_again(const struct rotate *r, const uint8_t *p, size_t n,
    const struct secret *key, struct err *err)
{
	CLEANUP(freep_secret) struct secret *again = NULL;
	int rc;

	if ((rc = repo_legacy_unwrap(r->where->master, p, n, &again, err)) < 0)
		return rc;
	return secret_equal(again, key)
		   ? 0
		   : err_set(err, HF_ECORRUPT, "it holds another key");
}

/*
 * Read back what lies there now.  If a store has taken the bytes and given
 * others, the old ones are still in our hands: they go back.
 */
static int
read_back(const struct rotate *r, const char *name, const struct buf *old,
    const struct secret *key, struct err *err)
{
	const struct store_blob was = { .p = old->p, .len = old->len };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	int rc;

	rc = store_get(r->where->store, name, REPO_LEGACY_WRAPPED_LEN, &b, err);
	/*
	 * That it cannot be read now does not make it wrong: the next run looks
	 * again.
	 */
	if (rc < 0 && rc != -HF_ECORRUPT && rc != -HF_ENOTFOUND)
		return err_wrap(err, "read back");
	if (rc == 0 && (rc = check_again(r, b.p, b.len, key, err)) == 0)
		return 0;
	if (store_replace(r->eraser, name, &was, &e) < 0)
		(void)err_hint(err,
		    "and the old key object cannot be put "
		    "back: %s",
		    e.msg);
	return err_wrap(err, "what was stored is not what lies there");
}

static int
rewrap(struct rotate *r, const char *name, const struct buf *old,
    const struct secret *key, struct err *err)
{
	uint8_t p[REPO_LEGACY_WRAPPED_LEN];
	const struct store_blob blob = { .p = p, .len = sizeof(p) };
	int rc;

	/* It keeps its time: the dump that it opens is no newer than before. */
	if ((rc = repo_legacy_wrap(r->where->master, key,
		 repo_legacy_nonce_time(old->p), p, err)) < 0 ||
	    (rc = check_again(r, p, sizeof(p), key, err)) < 0 ||
	    (rc = store_replace(r->eraser, name, &blob, err)) < 0 ||
	    (rc = read_back(r, name, old, key, err)) < 0)
		return rc;
	r->rep.rotated++;
	return 0;
}

static int
rotate_one(struct rotate *r, const char *name, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	CLEANUP(freep_secret) struct secret *key = NULL;
	struct err e = ERR_INIT;
	int rc;

	rc = store_get(r->where->store, name, REPO_LEGACY_WRAPPED_LEN, &b, err);
	if (rc < 0)
		return rc;
	rc = repo_legacy_unwrap(r->where->master, b.p, b.len, &key, &e);
	if (rc == 0) {
		r->rep.already++;
		return 0;
	}
	if (rc == -HF_EKEY &&
	    (rc = repo_legacy_unwrap(r->old, b.p, b.len, &key, err)) == 0)
		return rewrap(r, name, &b, key, err);
	if (rc == -HF_EKEY)
		return err_set(err, HF_EKEY,
		    "neither the previous nor the new master key opens it");
	if (err->code == 0)
		*err = e;
	return rc;
}

/* Is it an error of one key object, and not of the store? */
static bool
is_its_own(int rc)
{
	return rc == -HF_EKEY || rc == -HF_ECORRUPT || rc == -HF_ENOTFOUND;
}

static int
rotate_all(struct rotate *r, const struct repo_legacy_list *l, struct err *err)
{
	char name[REPO_LEGACY_NAME_MAX];
	struct err e;
	size_t i;
	int rc;

	for (i = 0; i < l->n; i++) {
		if (!l->v[i].has_key)
			continue;
		if ((rc = job_check(r->job, err)) < 0)
			return rc;
		(void)repo_legacy_object(&l->v[i], REPO_LEGACY_KEY, name);
		e = (struct err)ERR_INIT;
		if ((rc = rotate_one(r, name, &e)) == 0)
			continue;
		if (!is_its_own(rc)) {
			*err = e;
			return err_wrap(err, "'%s'", name);
		}
		tell(r, JOB_FOUND, name, e.msg);
		r->rep.failed++;
	}
	return 0;
}

static int
run(struct rotate *r, struct err *err)
{
	CLEANUP(freep_repo_legacy_list)
	struct repo_legacy_list l = { NULL, 0 };
	int rc;

	if (r->where->master == NULL)
		return err_set(err, HF_EUSAGE, "no new master key is given");
	if (secret_equal(r->where->master, r->old)) {
		(void)err_set(err, HF_EUSAGE,
		    "the previous master key is the new one, too");
		return err_hint(err, "'encryption_key_path' names the new one");
	}
	if ((rc = store_eraser_new(r->where->store, &r->eraser, err)) < 0 ||
	    (rc = repo_legacy_list_load(
		 r->where->store, r->where->prefix, &l, err)) < 0 ||
	    (rc = rotate_all(r, &l, err)) < 0)
		return rc;
	if (r->rep.rotated + r->rep.already + r->rep.failed == 0)
		return err_set(err, HF_ENOTFOUND,
		    "there is no key object below '%s'", r->where->prefix);
	if (r->rep.failed == 0)
		return 0;
	(void)err_set(err, HF_EKEY,
	    "%" PRIu64 " key objects were left as they are: no master key "
	    "opens them",
	    r->rep.failed);
	return err_hint(err, "keep the old master keys until you know whose "
			     "they are");
}

int
job_legacy_rotate(const struct job *j, const struct job_legacy *where,
    const struct secret *old, struct job_legacy_rotated *rep, struct err *err)
{
	struct rotate r = { .job = j, .where = where, .old = old };
	int rc;

	rc = run(&r, err);
	store_eraser_free(r.eraser);
	*rep = r.rep; /* Also of a run that failed: what it has done counts. */
	return rc;
}
