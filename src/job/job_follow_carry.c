#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "job/job_follow_impl.h"
#include "repo/repo.h"
#include "store/store.h"

/*
 * While a new backup is taken, logs are still stored as logs of the older one.
 * What they hold from the new backup's revision on belongs to the new one, too.
 * So their manifests are kept, and committed a second time as logs of the new
 * backup: they name the same packs, and nothing is stored twice.  A log that
 * begins below that revision will do, because a change that comes twice counts
 * once.
 *
 * A manifest of a log takes about 1 KiB.
 */
#define CARRY_MAX 4096

/* A pack and a data key count as made at the beginning of their hour. */
#define HOUR_MS ((int64_t)3600 * 1000)

struct follow_carried {
	struct repo_manifest m;
	int64_t start_ms; /* Of the session that stored its packs. */
	uint64_t first, last;
	int64_t to_ms;
	struct repo_trail_past past; /* Its revision is 0: unchanged. */
};

void
job_follow_carry_clear(struct follow *f)
{
	struct follow_carry *c = &f->carry;
	size_t i;

	for (i = 0; i < c->n; i++)
		repo_manifest_clear(&c->v[i].m);
	free(c->v);
	*c = (struct follow_carry){ 0 };
}

void
job_follow_carry_add(struct follow *f, struct repo_manifest *m)
{
	struct follow_carry *c = &f->carry;
	const struct source_etcd_log *l = f->log;
	struct follow_carried *grown;

	/* It is empty, or there are too many: then the new backup's logs begin
	 * with what is read again. */
	if (l->last < l->first || c->n == CARRY_MAX)
		return;
	grown = reallocarray(c->v, c->n + 1, sizeof(*grown));
	if (grown == NULL)
		return;
	c->v = grown;
	grown[c->n++] = (struct follow_carried){
		.m = *m,
		.start_ms = m->start_ms,
		.first = l->first,
		.last = l->last,
		.to_ms = l->to_ms,
	};
	*m = (struct repo_manifest){ 0 };
	if (l->hashed)
		grown[c->n - 1].past = f->trail.past;
}

/* Say that it follows the manifest ${last}. */
static int
follow_on(
    struct repo_manifest *m, const uint8_t last[SHA256_LEN], struct err *err)
{
	char hex[2 * SHA256_LEN + 1], *copy;
	size_t i;
	int rc;

	for (i = 0; i < m->nevidence; i++) {
		if (strcmp(m->evidence[i].name, "etcd.log.previous") != 0)
			continue;
		rc = str_dup(str_hex(hex, last, SHA256_LEN), &copy, err);
		if (rc < 0)
			return rc;
		free(m->evidence[i].value);
		m->evidence[i].value = copy;
	}
	return 0;
}

/*
 * Rule W1 of doc/design/format.md: a session names what was there before it
 * only while that is young enough.  A log's packs are no older than its
 * session, and its key is older by an hour at most.
 */
static bool
is_young(const struct follow *f, const struct follow_carried *c, int64_t now_ms)
{
	const int64_t reuse_ms = 1000 * (int64_t)repo_head(f->repo)->reuse_s;

	return now_ms - c->start_ms + 2 * HOUR_MS < reuse_ms;
}

static int
commit(
    struct follow *f, struct follow_carried *c, int64_t now_ms, struct err *err)
{
	char id[REPO_BACKUP_ID_LEN + 1];
	struct repo_trail *t = &f->next;
	int rc;

	if ((rc = follow_on(&c->m, t->last, err)) < 0)
		return rc;
	c->m.start_ms = now_ms;
	memcpy(c->m.base, t->base, SHA256_LEN);
	c->m.stored_bytes = 0;
	if ((rc = repo_commit(f->repo, &c->m, id, err)) < 0)
		return rc;
	memcpy(t->last, c->m.sha256, SHA256_LEN);
	t->revision = c->last;
	t->to_ms = c->to_ms;
	if (c->past.revision != 0)
		t->past = c->past;
	return 0;
}

/* Find the next of them that reaches further and leaves no gap. */
static struct follow_carried *
find_next(struct follow *f)
{
	struct follow_carry *c = &f->carry;

	while (c->at < c->n && c->v[c->at].last <= f->next.revision)
		c->at++;
	if (c->at == c->n || c->v[c->at].first > f->next.revision + 1)
		return NULL;
	return &c->v[c->at];
}

int
job_follow_carry_next(struct follow *f, bool *done, struct err *err)
{
	struct follow_carried *c = find_next(f);
	struct err e = ERR_INIT;
	int64_t now_ms;

	*done = c == NULL;
	if (c == NULL || time_mono_ms() < f->carry.after)
		return 0;
	if (store_now(repo_store(f->repo), &now_ms, &e) == 0) {
		*done = !is_young(f, c, now_ms);
		if (*done || commit(f, c, now_ms, &e) == 0)
			return 0;
	}
	if (!job_follow_may_pass(&e)) {
		*err = e;
		return err->code;
	}
	job_follow_warn(f,
	    "a log could not be stored for the new backup, it is tried again: "
	    "%s",
	    e.msg);
	f->carry.after = time_mono_ms() + FOLLOW_RETRY_MAX_MS;
	return 0;
}
