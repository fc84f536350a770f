#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "etcd/etcd_clock.h"
#include "job/job_etcd_chain.h"
#include "repo/repo.h"

void
job_etcd_chain_clear(struct job_etcd_chain *c)
{
	free(c->logs);
	*c = (struct job_etcd_chain){ 0 };
}

void
job_etcd_chain_move(struct job_etcd_chain *to, struct job_etcd_chain *from)
{
	job_etcd_chain_clear(to);
	*to = *from;
	*from = (struct job_etcd_chain){ 0 };
}

const char *
job_etcd_fact(const struct repo_backup *b, const char *name)
{
	size_t i;

	for (i = 0; i < b->m.nevidence; i++)
		if (strcmp(b->m.evidence[i].name, name) == 0)
			return b->m.evidence[i].value;
	return NULL;
}

bool
job_etcd_number(
    const struct repo_backup *b, const char *name, int base, uint64_t *ret)
{
	const char *value = job_etcd_fact(b, name);
	unsigned long long n;
	char *end;

	if (value == NULL || strspn(value, "0123456789abcdef") != strlen(value))
		return false;
	errno = 0;
	n = strtoull(value, &end, base);
	if (errno != 0 || end == value || *end != '\0' ||
	    (base == 10 && n > INT64_MAX))
		return false;
	*ret = n;
	return true;
}

/* Is ${b} one that logs can continue? */
static bool
is_base(const struct repo_backup *b, uint64_t *revision, uint64_t *compact)
{
	return b->m.kind != REPO_LOG && strcmp(b->m.type, "etcd") == 0 &&
	       job_etcd_number(b, "etcd.revision", 10, revision) &&
	       job_etcd_number(b, "etcd.compact_revision", 10, compact);
}

const struct repo_backup *
job_etcd_chain_base(
    const struct repo_catalogue *cat, const struct repo_backup *log)
{
	const struct repo_backup *b = repo_catalogue_at(cat, log->m.base);

	return b != NULL && repo_backup_continues(log, b) && !b->removed ? b
									 : NULL;
}

/* Return the backup that the log ${log} continues, if it is good; or NULL. */
static const struct repo_backup *
good_base(const struct repo_catalogue *cat, const struct repo_backup *log)
{
	const struct repo_backup *b = job_etcd_chain_base(cat, log);
	uint64_t revision, compact;

	return b != NULL && !b->bad && is_base(b, &revision, &compact) ? b
								       : NULL;
}

const struct repo_backup *
job_etcd_chain_newest(const struct repo_catalogue *cat, const char *source)
{
	const struct repo_backup *b;
	uint64_t revision, compact;
	size_t i;

	for (i = cat->n; i-- > 0;) {
		b = &cat->backups[i];
		if (!b->removed && !b->bad &&
		    strcmp(b->m.source, source) == 0 &&
		    is_base(b, &revision, &compact))
			return b;
	}
	return NULL;
}

/* Read what the evidence says of a log; false if it makes no sense. */
static bool
read_log(const struct repo_backup *b, struct job_etcd_log *l)
{
	uint64_t from, to, hash;

	*l = (struct job_etcd_log){ .backup = b };
	if (!job_etcd_number(b, "etcd.log.first", 10, &l->first) ||
	    !job_etcd_number(b, "etcd.log.last", 10, &l->last) ||
	    !job_etcd_number(b, "etcd.log.from_ms", 10, &from) ||
	    !job_etcd_number(b, "etcd.log.to_ms", 10, &to) || l->first == 0 ||
	    l->last < l->first - 1)
		return false;
	l->from_ms = (int64_t)from;
	l->to_ms = (int64_t)to;
	l->hashed =
	    job_etcd_number(b, "etcd.hashkv", 10, &hash) &&
	    hash <= UINT32_MAX &&
	    job_etcd_number(b, "etcd.hashkv.compact", 10, &l->hash_compact);
	if (l->hashed)
		l->hash = (uint32_t)hash;
	return true;
}

static int
by_first(const void *a, const void *b)
{
	const struct job_etcd_log *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x->last != y->last)
		return x->last < y->last ? -1 : 1;
	return x->to_ms < y->to_ms ? -1 : x->to_ms > y->to_ms;
}

static int
gather(
    const struct repo_catalogue *cat, struct job_etcd_chain *c, struct err *err)
{
	size_t i;

	if ((c->logs = calloc(cat->n + 1, sizeof(*c->logs))) == NULL)
		return err_nomem(err);
	for (i = 0; i < cat->n; i++)
		if (!cat->backups[i].removed &&
		    repo_backup_continues(&cat->backups[i], c->base) &&
		    read_log(&cat->backups[i], &c->logs[c->n]))
			c->n++;
	qsort(c->logs, c->n, sizeof(*c->logs), by_first);
	return 0;
}

static void
take(struct job_etcd_chain *c, size_t *used, struct job_etcd_log log)
{
	c->last = log.last;
	c->logs[(*used)++] = log;
}

/*
 * Choose the logs of the chain, in place: of those that begin no later than
 * where the chain ends, take the one that reaches furthest, and so on.  A log
 * in which nothing happened is taken for the time that it covers.
 */
static void
join(struct job_etcd_chain *c)
{
	struct job_etcd_log best = { 0 }, l;
	size_t i, used = 0;

	for (i = 0; i < c->n; i++) {
		l = c->logs[i];
		if (l.first > c->last + 1 && best.last > c->last)
			take(c, &used, best);
		if (l.first > c->last + 1) {
			c->beyond = l.first;
			break;
		}
		if (l.last < l.first && l.first == c->last + 1)
			take(c, &used, l);
		else if (l.last > c->last && l.last > best.last)
			best = l;
	}
	if (c->beyond == 0 && best.last > c->last)
		take(c, &used, best);
	c->n = used;
}

int
job_etcd_refuse_log(const struct repo_backup *b, struct err *err)
{
	struct job_etcd_log l;

	if (b->m.kind != REPO_LOG || !read_log(b, &l))
		return 0;
	(void)err_set(err, HF_EUSAGE,
	    "'%s' is a log: it has no keys, but what was changed of them up to "
	    "revision %" PRIu64,
	    b->id, l.last);
	return err_hint(err,
	    "name the backup that it continues, or 'latest:%.100s', and the "
	    "revision %" PRIu64,
	    b->m.source, l.last);
}

int
job_etcd_chain_find(const struct repo_catalogue *cat,
    const struct repo_backup *base, struct job_etcd_chain *ret, struct err *err)
{
	struct job_etcd_chain c = { .base = base };

	if (job_etcd_refuse_log(base, err) < 0)
		return err->code;
	if (!is_base(base, &c.revision, &c.compact))
		return err_set(err, HF_EUSAGE,
		    "backup '%s' is none of an etcd in the form of records, "
		    "which alone a log continues",
		    base->id);
	c.last = c.revision;
	if (gather(cat, &c, err) < 0)
		return err->code;
	join(&c);
	*ret = c;
	return 0;
}

const struct job_etcd_log *
job_etcd_chain_log_at(const struct job_etcd_chain *c, int64_t ms)
{
	const struct job_etcd_log *l;
	size_t i;

	/* The last row of a log's clock is at the end of a tick. */
	for (i = c->n; i-- > 0;) {
		l = &c->logs[i];
		if (l->from_ms <= ms && ms - l->to_ms < ETCD_CLOCK_TICK_MS)
			return l;
	}
	return NULL;
}

bool
job_etcd_one_cluster(const struct repo_backup *a, const struct repo_backup *b)
{
	uint64_t x, y;

	return job_etcd_number(a, "etcd.cluster_id", 16, &x) &&
	       job_etcd_number(b, "etcd.cluster_id", 16, &y) && x == y;
}

/*
 * Does the chain ${c}, of an older backup, know of later changes than ${best}?
 * A higher revision does not tell: a cluster that was set back counts the same
 * revisions again, and the older backup may have those that are void.  But once
 * a newer backup has begun, no log of the older one begins any more.  So times
 * are compared, each pair by one clock: the store's, and between logs that of
 * the host that followed.
 */
static bool
goes_further(const struct job_etcd_chain *c, const struct job_etcd_chain *best)
{
	const struct job_etcd_log *last;

	if (c->n == 0 || c->last <= best->last ||
	    !job_etcd_one_cluster(c->base, best->base))
		return false;
	last = &c->logs[c->n - 1];
	return last->backup->m.start_ms >= best->base->m.start_ms &&
	       (best->n == 0 || last->to_ms > best->logs[best->n - 1].to_ms);
}

int
job_etcd_chain_furthest(const struct repo_catalogue *cat,
    const struct repo_backup *newest, struct job_etcd_chain *ret,
    struct err *err)
{
	CLEANUP(freep_job_etcd_chain)
	struct job_etcd_chain best = { .base = newest };
	const struct repo_backup *b, *base, *seen = newest;
	size_t i;
	int rc;

	if ((rc = job_etcd_chain_find(cat, newest, &best, err)) < 0)
		return rc;
	/* Only logs that began after it count, and those come last. */
	for (i = cat->n; i-- > 0;) {
		CLEANUP(freep_job_etcd_chain) struct job_etcd_chain c = { 0 };

		b = &cat->backups[i];
		if (b->stored_ms < newest->m.start_ms)
			break;
		if (b->removed || b->m.kind != REPO_LOG ||
		    repo_backup_continues(b, seen) ||
		    strcmp(b->m.source, newest->m.source) != 0 ||
		    (base = good_base(cat, b)) == NULL || base == best.base)
			continue;
		seen = base;
		if ((rc = job_etcd_chain_find(cat, base, &c, err)) < 0)
			return rc;
		if (goes_further(&c, &best))
			job_etcd_chain_move(&best, &c);
	}
	job_etcd_chain_move(ret, &best);
	return 0;
}

int
job_etcd_chain_followed(const struct repo_catalogue *cat,
    const struct repo_backup *newest, struct job_etcd_chain *ret,
    struct err *err)
{
	CLEANUP(freep_job_etcd_chain) struct job_etcd_chain c = { 0 };
	const struct repo_backup *b, *base = NULL;
	uint64_t revision, compact;
	size_t i;
	int rc;

	*ret = (struct job_etcd_chain){ 0 };
	for (i = cat->n; i-- > 0 && base == NULL;) {
		b = &cat->backups[i];
		if (!b->removed && b->m.kind == REPO_LOG &&
		    strcmp(b->m.source, newest->m.source) == 0)
			base = good_base(cat, b);
	}
	if (base == NULL || base == newest ||
	    !job_etcd_one_cluster(base, newest) ||
	    !is_base(newest, &revision, &compact))
		return 0;
	if ((rc = job_etcd_chain_find(cat, base, &c, err)) < 0)
		return rc;
	if (c.n > 0 && c.last <= revision)
		job_etcd_chain_move(ret, &c);
	return 0;
}
