#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "repo/repo_chain.h"
#include "repo/repo_findings.h"
#include "repo/repo_heads.h"

#define FP_LEN SIGN_FINGERPRINT_LEN

static const char gap_remedy[] =
    "somebody deleted it without a tombstone, or the store hides it: look "
    "into the store's versions and its log";
static const char fork_remedy[] =
    "two hosts write with one signing seed (a cloned machine?): remove "
    "'seed' from the state folder of one of them";
static const char rollback_remedy[] =
    "the store was set back or hides something: look into its versions and "
    "its log; if you did it yourself, remove 'heads' from the state folder";

static int
by_writer(const void *a, const void *b)
{
	const struct repo_link *x = a, *y = b;
	int c = memcmp(x->writer, y->writer, FP_LEN);

	if (c != 0)
		return c;
	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return memcmp(x->sha256, y->sha256, SHA256_LEN);
}

static size_t
without_twins(struct repo_link *v, size_t n)
{
	size_t i, kept = 0;

	for (i = 0; i < n; i++)
		if (kept == 0 || by_writer(&v[kept - 1], &v[i]) != 0)
			v[kept++] = v[i];
	return kept;
}

static int
check_gap(const struct repo_link *l, uint64_t after, struct repo_findings *f,
    struct err *err)
{
	char fp[2 * FP_LEN + 1];

	if (l->seq - after == 1)
		return 0;
	return repo_findings_add(f, err, l->object, gap_remedy,
	    "gap in the chain of writer '%s': %" PRIu64
	    " missing before this one",
	    str_hex(fp, l->writer, FP_LEN), l->seq - after - 1);
}

/* Does ${l} follow ${prev}, the one before it of the same writer? */
static int
check_link(const struct repo_link *prev, const struct repo_link *l,
    struct repo_findings *f, struct err *err)
{
	if (prev->seq == l->seq)
		return repo_findings_add(f, err, l->object, fork_remedy,
		    "fork in the chain: '%s' has the same number",
		    prev->object);
	if (l->seq - prev->seq > 1)
		return check_gap(l, prev->seq, f, err);
	if (memcmp(l->parent, prev->sha256, SHA256_LEN) != 0)
		return repo_findings_add(f, err, l->object, fork_remedy,
		    "fork in the chain: it does not follow '%s'", prev->object);
	return 0;
}

static int
check_seen(const struct repo_head_seen *s, const struct repo_link *v, size_t n,
    struct repo_findings *f, struct err *err)
{
	char fp[2 * FP_LEN + 1];
	uint64_t newest = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (memcmp(v[i].writer, s->writer, FP_LEN) != 0)
			continue;
		newest = v[i].seq;
		if (v[i].seq == s->seq &&
		    memcmp(v[i].sha256, s->sha256, SHA256_LEN) == 0)
			return 0;
	}
	return repo_findings_add(f, err, "", rollback_remedy,
	    "manifest %" PRIu64 " of writer '%s', seen here before, is gone; "
	    "the newest is %" PRIu64,
	    s->seq, str_hex(fp, s->writer, FP_LEN), newest);
}

int
repo_chain_check(struct repo_link *v, size_t *n, const struct repo_heads *seen,
    struct repo_findings *f, struct err *err)
{
	size_t i;
	int rc;

	if (*n > 0)
		qsort(v, *n, sizeof(*v), by_writer);
	*n = without_twins(v, *n);
	for (i = 0; i < *n; i++) {
		if (i == 0 || memcmp(v[i - 1].writer, v[i].writer, FP_LEN) != 0)
			rc = check_gap(&v[i], 0, f, err);
		else
			rc = check_link(&v[i - 1], &v[i], f, err);
		if (rc < 0)
			return rc;
	}
	for (i = 0; i < seen->n; i++)
		if (check_seen(&seen->v[i], v, *n, f, err) < 0)
			return err->code;
	return 0;
}
