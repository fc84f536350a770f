#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "job/job_etcd_chain.h"
#include "job/job_etcd_choose.h"
#include "repo/repo.h"

#define RANGES_SHOWN 4 /* So many fit into a hint. */

/* Revisions, or milliseconds. */
struct range {
	uint64_t from, to;
};

struct ranges {
	struct range *v;
	size_t n, cap;
	/* The first revision behind a chain that is in no log, but has logs
	 * behind it; 0: none. */
	uint64_t missing;
};

static void
ranges_clear(struct ranges *r)
{
	free(r->v);
}

/*
 * Find the chain of the next older backup of the source of ${b}, in the place
 * of the one that ${ret} has; return 1, or 0 if there is none.
 */
static int
next_chain(const struct repo_catalogue *cat, const struct repo_backup *b,
    size_t *at, struct job_etcd_chain *ret, struct err *err)
{
	const struct repo_backup *other;
	struct err e;
	int rc;

	job_etcd_chain_clear(ret);
	while (*at > 0) {
		other = &cat->backups[--*at];
		if (other->removed || other->m.kind == REPO_LOG ||
		    strcmp(other->m.source, b->m.source) != 0)
			continue;
		e = (struct err)ERR_INIT;
		if ((rc = job_etcd_chain_find(cat, other, ret, &e)) == 0)
			return 1;
		if (rc == -HF_EUSAGE)
			continue;
		*err = e;
		return rc;
	}
	return 0;
}

static bool
has(const struct job_etcd_chain *c, const struct job_etcd_at *at)
{
	if (at->time_ms != 0)
		return job_etcd_chain_log_at(c, at->time_ms) != NULL;
	return at->revision >= c->compact && at->revision <= c->last;
}

/*
 * Do the logs of ${c}, of an older backup, lead to the newer backup of ${next}?
 * That both have a revision does not tell: a cluster that was set back counts
 * the same revisions again, and the older backup has those that are void.  But
 * then it had reached the newer one's revision before that was begun.  And if
 * it had because nothing happened in between, the hash tells.
 */
static bool
leads_to(const struct job_etcd_chain *c, const struct job_etcd_chain *next)
{
	const struct job_etcd_log *l;
	uint64_t hash;
	size_t i;

	if (!job_etcd_one_cluster(c->base, next->base))
		return false;
	for (i = 0; i < c->n && c->logs[i].last < next->revision; i++)
		;
	if (i < c->n && c->logs[i].backup->m.start_ms >= next->base->m.start_ms)
		return true;
	if (!job_etcd_number(next->base, "etcd.hashkv", 10, &hash))
		return false;
	for (; i < c->n && c->logs[i].last == next->revision; i++) {
		l = &c->logs[i];
		if (l->hashed && l->hash == hash &&
		    l->hash_compact == next->compact)
			return true;
	}
	return false;
}

/* Is ${c} to be preferred to ${best}, which is newer and has it, too? */
static bool
is_better(const struct job_etcd_chain *c, const struct job_etcd_chain *best,
    const struct job_etcd_at *at)
{
	if (c->base->bad != best->base->bad)
		return best->base->bad;
	return at->time_ms == 0 && at->revision < best->revision &&
	       leads_to(c, best);
}

static int
add_range(struct ranges *r, uint64_t from, uint64_t to, struct err *err)
{
	size_t cap = r->cap > 0 ? 2 * r->cap : 64;
	struct range *grown;

	if (r->n == r->cap) {
		grown = reallocarray(r->v, cap, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		r->v = grown;
		r->cap = cap;
	}
	r->v[r->n++] = (struct range){ from, to };
	return 0;
}

/* Add what the chain has: of times, each log, for a clock may be set back. */
static int
add_chain(struct ranges *r, const struct job_etcd_chain *c,
    const struct job_etcd_at *at, struct err *err)
{
	const struct job_etcd_log *l;
	size_t i;
	int rc = 0;

	if (r->missing == 0 && c->beyond != 0 &&
	    (at->time_ms != 0 || at->revision > c->last))
		r->missing = c->last + 1;
	if (at->time_ms == 0)
		return add_range(
		    r, c->compact > 0 ? c->compact : 1, c->last, err);
	for (i = 0; rc == 0 && i < c->n; i++) {
		l = &c->logs[i];
		if (l->to_ms >= l->from_ms)
			rc = add_range(
			    r, (uint64_t)l->from_ms, (uint64_t)l->to_ms, err);
	}
	return rc;
}

static int
by_from(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* Sort them, and make one of those that touch. */
static void
join(struct ranges *r)
{
	size_t i, used = 0;

	if (r->n > 0)
		qsort(r->v, r->n, sizeof(*r->v), by_from);
	for (i = 0; i < r->n; i++) {
		if (used == 0 || r->v[i].from > r->v[used - 1].to + 1)
			r->v[used++] = r->v[i];
		else if (r->v[i].to > r->v[used - 1].to)
			r->v[used - 1].to = r->v[i].to;
	}
	r->n = used;
}

static int
all_ranges(const struct repo_catalogue *cat, const struct repo_backup *b,
    const struct job_etcd_at *at, struct ranges *r, struct err *err)
{
	CLEANUP(freep_job_etcd_chain) struct job_etcd_chain c = { 0 };
	size_t i = cat->n;
	int k, rc;

	while ((k = next_chain(cat, b, &i, &c, err)) == 1)
		if ((rc = add_chain(r, &c, at, err)) < 0)
			return rc;
	join(r);
	return k;
}

/* ", 20 to 30": the newest of them. */
static int
add_ranges(struct buf *text, const struct ranges *r,
    const struct job_etcd_at *at, struct err *err)
{
	size_t i = r->n > RANGES_SHOWN ? r->n - RANGES_SHOWN : 0;
	char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
	const char *lead = "";
	int rc;

	for (; i < r->n; i++, lead = ", ") {
		if (at->time_ms == 0)
			rc = buf_printf(text, err, "%s%" PRIu64 " to %" PRIu64,
			    lead, r->v[i].from, r->v[i].to);
		else
			rc = buf_printf(text, err, "%s%s to %s", lead,
			    time_format((int64_t)r->v[i].from, from),
			    time_format((int64_t)r->v[i].to, to));
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int
say_what_there_is(const struct ranges *r, const struct job_etcd_at *at,
    struct err *to, struct err *err)
{
	CLEANUP(freep_buf) struct buf text = BUF_INIT;
	int rc;

	if (r->n == 0) {
		(void)err_hint(to, "no log has been stored: `holdfast follow` "
				   "stores them");
		return 0;
	}
	if ((rc = buf_printf(&text, err, "there are the %s ",
		 at->time_ms != 0 ? "times" : "revisions")) < 0 ||
	    (rc = add_ranges(&text, r, at, err)) < 0 ||
	    (r->n > RANGES_SHOWN &&
		(rc = buf_printf(&text, err, ", and older ones")) < 0) ||
	    (r->missing != 0 &&
		(rc = buf_printf(&text, err,
		     "; the log that has revision %" PRIu64 " is missing",
		     r->missing)) < 0))
		return rc;
	(void)err_hint(to, "%s", (const char *)text.p);
	return 0;
}

static int
none_has_it(const struct repo_catalogue *cat, const struct repo_backup *b,
    const struct job_etcd_at *at, struct err *err)
{
	CLEANUP(ranges_clear) struct ranges r = { 0 };
	char when[TIME_TEXT_MAX];
	struct err e = ERR_INIT;
	int rc;

	if (at->time_ms != 0)
		(void)err_set(&e, HF_ENOTFOUND,
		    "what there was at %s is in no log of '%s'",
		    time_format(at->time_ms, when), b->m.source);
	else
		(void)err_set(&e, HF_ENOTFOUND,
		    "revision %" PRIu64 " is in no backup of '%s'",
		    at->revision, b->m.source);
	if ((rc = all_ranges(cat, b, at, &r, err)) < 0 ||
	    (rc = say_what_there_is(&r, at, &e, err)) < 0)
		return rc;
	*err = e;
	return e.code;
}

static int
choose_at(const struct repo_catalogue *cat, const struct repo_backup *b,
    const struct job_etcd_at *at, struct job_etcd_chain *ret, struct err *err)
{
	CLEANUP(freep_job_etcd_chain) struct job_etcd_chain best = { 0 };
	CLEANUP(freep_job_etcd_chain) struct job_etcd_chain c = { 0 };
	size_t i = cat->n;
	int rc;

	while ((rc = next_chain(cat, b, &i, &c, err)) == 1)
		if (has(&c, at) &&
		    (best.base == NULL || is_better(&c, &best, at)))
			job_etcd_chain_move(&best, &c);
	if (rc < 0)
		return rc;
	if (best.base == NULL) {
		rc = job_etcd_chain_find(cat, b, &best, err);
		return rc < 0 ? rc : none_has_it(cat, b, at, err);
	}
	job_etcd_chain_move(ret, &best);
	return 0;
}

/*
 * The newest backup of a source may be one that no log can continue, such as a
 * snapshot.  An older backup may take its place only if its chain reaches
 * further.
 */
static bool
is_older(const struct job_etcd_chain *c, const struct repo_backup *b)
{
	int64_t end = c->base->stored_ms;

	if (c->n > 0)
		end = c->logs[c->n - 1].backup->stored_ms;
	return end < b->stored_ms;
}

/* Find one that goes on behind ${b}; ${ret}->base stays NULL without. */
static int
choose_beyond(const struct repo_catalogue *cat, const struct repo_backup *b,
    struct job_etcd_chain *ret, struct err *err)
{
	CLEANUP(freep_job_etcd_chain) struct job_etcd_chain c = { 0 };
	size_t i = cat->n;
	int k;

	while ((k = next_chain(cat, b, &i, &c, err)) == 1)
		if (!is_older(&c, b)) {
			job_etcd_chain_move(ret, &c);
			return 0;
		}
	return k;
}

int
job_etcd_choose(const struct repo_catalogue *cat, const struct repo_backup *b,
    const struct job_etcd_at *at, struct job_etcd_chain *ret, struct err *err)
{
	struct job_etcd_chain c = { 0 };
	struct err e = ERR_INIT;
	int rc;

	if (at->revision != 0 || at->time_ms != 0)
		return choose_at(cat, b, at, ret, err);
	rc = job_etcd_chain_furthest(cat, b, ret, &e);
	if (rc == -HF_EUSAGE) {
		if (choose_beyond(cat, b, &c, err) < 0)
			return err->code;
		if (c.base != NULL) {
			*ret = c;
			return 0;
		}
	}
	if (rc < 0)
		*err = e;
	return rc;
}
