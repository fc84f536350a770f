#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/parallel.h"
#include "repo/repo_budget.h"
#include "repo/repo_cache.h"
#include "repo/repo_impl.h"

#define BUDGET (16ull << 20) /* Bytes of manifests at a time. */

/*
 * Read the manifest of ${b} from these bytes.  The signature is not checked
 * again: it was when the catalogue was loaded, and what has the same hash now
 * is the same manifest.
 */
static int
read_bytes(const struct repo_backup *b, const struct buf *bytes,
    struct repo_manifest *ret, struct err *err)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };

	if (repo_manifest_decode(bytes->p, bytes->len, NULL, &m, err) < 0)
		return err->code;
	if (memcmp(m.sha256, b->m.sha256, SHA256_LEN) != 0)
		return err_set(
		    err, HF_ECORRUPT, "it has changed since it was listed");
	*ret = m;
	m = (struct repo_manifest){ 0 };
	return 0;
}

static bool
read_copy(const struct repo *r, const struct repo_backup *b,
    struct repo_manifest *ret)
{
	CLEANUP(freep_buf) struct buf bytes = BUF_INIT;
	struct err ignored = ERR_INIT;

	return repo_cache_get(
		   r->cache, b->copy, (size_t)b->manifest_len, &bytes) &&
	       read_bytes(b, &bytes, ret, &ignored) == 0;
}

int
repo_manifest_load(struct repo *r, const struct repo_backup *b,
    struct repo_manifest *ret, struct err *err)
{
	CLEANUP(freep_buf) struct buf bytes = BUF_INIT;

	if (read_copy(r, b, ret))
		return 0;
	if (repo_get(r, b->name, b->manifest_len, &bytes, err) < 0 ||
	    read_bytes(b, &bytes, ret, err) < 0)
		return err_wrap(err, "manifest '%s'", b->name);
	return 0;
}

struct each {
	struct repo *repo;
	const struct repo_backup *const *v;
	repo_manifest_fn *fn;
	void *arg;
	struct repo_budget budget;
	pthread_mutex_t lock; /* One call of ${fn} at a time. */
};

static int
call(struct each *e, const struct repo_backup *b, struct err *err)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
	int rc;

	if ((rc = repo_manifest_load(e->repo, b, &m, err)) < 0)
		return rc;
	(void)pthread_mutex_lock(&e->lock);
	rc = e->fn(e->arg, b, &m, err);
	(void)pthread_mutex_unlock(&e->lock);
	return rc;
}

static int
one(void *arg, size_t i, struct err *err)
{
	struct each *e = arg;
	int rc;

	repo_budget_take(&e->budget, e->v[i]->manifest_len);
	rc = call(e, e->v[i], err);
	repo_budget_give(&e->budget, e->v[i]->manifest_len);
	return rc;
}

int
repo_manifest_each(struct repo *r, const struct repo_backup *const *v, size_t n,
    repo_manifest_fn *fn, void *arg, struct err *err)
{
	struct each e = {
		.repo = r,
		.v = v,
		.fn = fn,
		.arg = arg,
		.budget = REPO_BUDGET(BUDGET),
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};

	return parallel_for(n, repo_threads(r), one, &e, err);
}
