#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/time.h"
#include "repo/repo.h"
#include "repo/repo_retention.h"

#define WHY_MAX sizeof(((struct retention_verdict *)NULL)->why)
#define LABEL_MAX 24

/* The rules that keep the newest of each hour, day, ... */
static const struct bucket {
	const char *word;
	const char *label; /* For strftime: what names the bucket. */
	size_t count;      /* Where struct retention says how many. */
} buckets[] = {
	{ "hourly", "%Y-%m-%dT%H", offsetof(struct retention, hourly) },
	{ "daily", "%Y-%m-%d", offsetof(struct retention, daily) },
	{ "weekly", "%G-W%V", offsetof(struct retention, weekly) },
	{ "monthly", "%Y-%m", offsetof(struct retention, monthly) },
	{ "yearly", "%Y", offsetof(struct retention, yearly) },
};
#define NBUCKETS (sizeof(buckets) / sizeof(buckets[0]))

/*
 * The backups of one source, newest first.  Those that were stored again form
 * a group of their own: their time rests on their writer's word, and one who
 * lies must not push out what the store itself saw come in.
 */
struct group {
	const struct retention *rule;
	const struct repo_catalogue *cat;
	int64_t now_ms;
	const bool *good;
	struct retention_verdict *verdicts;
	const size_t *v; /* Indices into the catalogue. */
	size_t n;
};

static uint32_t
count_of(const struct retention *rule, const struct bucket *b)
{
	uint32_t n;

	memcpy(&n, (const char *)rule + b->count, sizeof(n));
	return n;
}

static bool
is_empty(const struct retention *rule)
{
	size_t i;

	for (i = 0; i < NBUCKETS; i++)
		if (count_of(rule, &buckets[i]) > 0)
			return false;
	return rule->last == 0 && rule->max_age_ms <= 0;
}

/* The first reason is the one that is told. */
static void
keep(struct group *g, size_t i, const char *word, const char *what)
{
	struct retention_verdict *v = &g->verdicts[i];

	if (v->keep)
		return;
	v->keep = true;
	(void)snprintf(
	    v->why, WHY_MAX, "%s%s%s", word, what[0] != '\0' ? " " : "", what);
}

static void
keep_last(struct group *g)
{
	char what[LABEL_MAX];
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < g->n && n < g->rule->last; i++) {
		if (!g->good[g->v[i]])
			continue;
		(void)snprintf(what, sizeof(what), "%u", ++n);
		keep(g, g->v[i], "last", what);
	}
}

static void
label_of(const struct bucket *b, int64_t ms, char label[LABEL_MAX])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(label, LABEL_MAX, b->label, &tm) == 0)
		label[0] = '\0';
}

static void
keep_bucket(struct group *g, const struct bucket *b)
{
	char label[LABEL_MAX], last[LABEL_MAX] = "";
	uint32_t n = 0, want = count_of(g->rule, b);
	size_t i;

	for (i = 0; i < g->n && n < want; i++) {
		if (!g->good[g->v[i]])
			continue;
		label_of(b, g->cat->backups[g->v[i]].stored_ms, label);
		if (strcmp(label, last) == 0)
			continue;
		memcpy(last, label, sizeof(last));
		keep(g, g->v[i], b->word, label);
		n++;
	}
}

static void
keep_young(struct group *g)
{
	char age[TIME_TEXT_MAX];
	size_t i;

	if (g->rule->max_age_ms <= 0)
		return;
	(void)duration_format(g->rule->max_age_ms, age);
	for (i = 0; i < g->n; i++)
		if (g->now_ms - g->cat->backups[g->v[i]].stored_ms <=
		    g->rule->max_age_ms)
			keep(g, g->v[i], "younger than", age);
}

/* Keep the newest good backup, whatever the rules say, and all since then. */
static void
keep_newest_good(struct group *g)
{
	size_t i, newest = 0, ngood = 0;

	for (i = g->n; i-- > 0;)
		if (g->good[g->v[i]]) {
			newest = i;
			ngood++;
		}
	if (ngood == 0) {
		for (i = 0; i < g->n; i++)
			keep(g, g->v[i], "no good one is known", "");
		return;
	}
	for (i = 0; i < newest; i++)
		keep(g, g->v[i], "newer than the last good one", "");
	keep(g, g->v[newest],
	    ngood == 1 ? "the only good one" : "the newest good one", "");
}

static void
keep_minimum(struct group *g)
{
	char what[LABEL_MAX];
	size_t i, kept = 0;

	for (i = 0; i < g->n; i++)
		kept += g->good[g->v[i]] && g->verdicts[g->v[i]].keep;
	(void)snprintf(what, sizeof(what), "%u", g->rule->min_count);
	for (i = 0; i < g->n && kept < g->rule->min_count; i++) {
		if (!g->good[g->v[i]] || g->verdicts[g->v[i]].keep)
			continue;
		keep(g, g->v[i], "at least", what);
		kept++;
	}
}

static void
explain_rest(struct group *g)
{
	char age[TIME_TEXT_MAX];
	size_t i;

	(void)duration_format(g->rule->max_age_ms, age);
	for (i = 0; i < g->n; i++) {
		struct retention_verdict *v = &g->verdicts[g->v[i]];

		if (v->keep)
			continue;
		if (g->rule->max_age_ms > 0)
			(void)snprintf(v->why, WHY_MAX, "older than %s", age);
		else
			(void)snprintf(v->why, WHY_MAX, "no rule keeps it");
	}
}

static void
plan_group(struct group *g)
{
	size_t i;

	keep_last(g);
	for (i = 0; i < NBUCKETS; i++)
		keep_bucket(g, &buckets[i]);
	keep_young(g);
	keep_newest_good(g);
	keep_minimum(g);
	explain_rest(g);
}

static bool
is_one_group(const struct repo_backup *a, const struct repo_backup *b)
{
	return a->again == b->again && strcmp(a->m.source, b->m.source) == 0;
}

static int
newest_first(const void *a, const void *b, void *arg)
{
	const struct repo_catalogue *cat = *(const struct repo_catalogue **)arg;
	size_t i = *(const size_t *)a, j = *(const size_t *)b;
	const struct repo_backup *x = &cat->backups[i], *y = &cat->backups[j];
	int c = strcmp(x->m.source, y->m.source);

	if (c != 0)
		return c;
	if (x->again != y->again)
		return x->again ? 1 : -1;
	if (x->stored_ms != y->stored_ms)
		return x->stored_ms > y->stored_ms ? -1 : 1;
	return i > j ? -1 : i < j; /* The catalogue has put them in order. */
}

/*
 * Give the indices of all that are backups and not removed, grouped by source.
 */
static size_t *
sort(const struct repo_catalogue *cat, struct retention_verdict *verdicts,
    size_t *ret)
{
	size_t *v, i, n = 0;

	if ((v = calloc(cat->n + 1, sizeof(*v))) == NULL)
		return NULL;
	for (i = 0; i < cat->n; i++) {
		verdicts[i] = (struct retention_verdict){ .why = "removed" };
		if (!cat->backups[i].removed &&
		    cat->backups[i].m.kind != REPO_LOG)
			v[n++] = i;
	}
	if (n > 0)
		qsort_r(v, n, sizeof(*v), newest_first, &cat);
	*ret = n;
	return v;
}

static void
plan_logs(const struct repo_catalogue *cat, struct retention_verdict *verdicts)
{
	const struct repo_backup *b, *base;
	struct retention_verdict *v;
	size_t i;

	for (i = 0; i < cat->n; i++) {
		b = &cat->backups[i];
		if (b->removed || b->m.kind != REPO_LOG)
			continue;
		base = repo_catalogue_at(cat, b->m.base);
		v = &verdicts[i];
		v->keep =
		    base == NULL ||
		    (!base->removed && verdicts[base - cat->backups].keep);
		if (base == NULL)
			(void)snprintf(v->why, WHY_MAX, "its base is unknown");
		else
			(void)snprintf(v->why, WHY_MAX, "its base %s %s",
			    base->id, v->keep ? "stays" : "goes");
	}
}

int
retention_plan(const struct retention *rule, const struct repo_catalogue *cat,
    int64_t now_ms, const bool *good, struct retention_verdict *verdicts,
    struct err *err)
{
	CLEANUP(freep_mem) size_t *v = NULL;
	struct group g = {
		.rule = rule,
		.cat = cat,
		.now_ms = now_ms,
		.good = good,
		.verdicts = verdicts,
	};
	size_t n, at, end;

	if (is_empty(rule)) {
		(void)err_set(
		    err, HF_EUSAGE, "nothing says which backups to keep");
		return err_hint(err, "give at least one of --keep-last, "
				     "--keep-hourly, --keep-daily, "
				     "--keep-weekly, --keep-monthly, "
				     "--keep-yearly, --max-age");
	}
	if ((v = sort(cat, verdicts, &n)) == NULL)
		return err_nomem(err);
	for (at = 0; at < n; at = end) {
		for (end = at + 1; end < n; end++)
			if (!is_one_group(
				&cat->backups[v[at]], &cat->backups[v[end]]))
				break;
		g.v = v + at;
		g.n = end - at;
		plan_group(&g);
	}
	plan_logs(cat, verdicts);
	return 0;
}
