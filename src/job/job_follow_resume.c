#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "job/job_etcd_chain.h"
#include "job/job_follow_impl.h"
#include "repo/repo.h"
#include "store/store.h"

/* Fill in the trail from what the manifests say of the chain ${c}. */
static void
trail_of(const struct job_etcd_chain *c, struct repo_trail *t)
{
	const struct repo_backup *last =
	    c->n > 0 ? c->logs[c->n - 1].backup : c->base;
	const char *state = job_etcd_fact(last, "etcd.state");

	*t = (struct repo_trail){ .base_ms = c->base->m.start_ms,
		.revision = c->last,
		.to_ms =
		    c->n > 0 ? c->logs[c->n - 1].to_ms : c->base->m.commit_ms };
	memcpy(t->base, c->base->m.sha256, SHA256_LEN);
	memcpy(t->last, last->m.sha256, SHA256_LEN);
	if (!job_etcd_number(last, "etcd.cluster_id", 16, &t->cluster_id))
		t->cluster_id = 0;
	if (state != NULL && strlen(state) < sizeof(t->state))
		(void)snprintf(t->state, sizeof(t->state), "%s", state);
}

/* Find the newest log that has a hash of the cluster. */
static void
past_of(const struct job_etcd_chain *c, struct repo_trail_past *p)
{
	const struct job_etcd_log *l;
	uint64_t hash;
	size_t i;

	for (i = c->n; i-- > 0;) {
		l = &c->logs[i];
		if (!l->hashed)
			continue;
		*p = (struct repo_trail_past){ l->last, l->hash_compact,
			l->hash };
		return;
	}
	if (job_etcd_number(c->base, "etcd.hashkv", 10, &hash) &&
	    hash <= UINT32_MAX)
		*p = (struct repo_trail_past){ c->revision, c->compact,
			(uint32_t)hash };
}

static void
take_up(const struct job_etcd_chain *c, struct repo_trail *t)
{
	trail_of(c, t);
	past_of(c, &t->past);
}

/*
 * A follower that was killed before it went over to the newest backup goes on
 * from the one whose logs it wrote until then.  If these reach the revision of
 * the newest, no time and no revision between the two is lost.  If they cannot,
 * because the cluster was compacted or set back meanwhile, the watch tells, and
 * it goes over at once.
 */
static int
from_catalogue(struct follow *f, struct err *err)
{
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	CLEANUP(freep_job_etcd_chain) struct job_etcd_chain c = { 0 };
	CLEANUP(freep_job_etcd_chain) struct job_etcd_chain older = { 0 };
	const struct repo_backup *base;
	int rc;

	if ((rc = repo_catalogue_load(f->repo, &cat, err)) < 0)
		return rc;
	base = job_etcd_chain_newest(&cat, f->opts->source);
	if (base == NULL)
		return 0;
	if ((rc = job_etcd_chain_furthest(&cat, base, &c, err)) < 0)
		return rc;
	if (c.n == 0 &&
	    (rc = job_etcd_chain_followed(&cat, c.base, &older, err)) < 0)
		return rc;
	f->known = true;
	f->have_next = older.base != NULL;
	take_up(f->have_next ? &older : &c, &f->trail);
	if (f->have_next)
		take_up(&c, &f->next);
	return 0;
}

/*
 * The catalogue knows best; only a host that must not read it uses its own
 * memory.  So a host that may read is not misled by a memory that came back
 * with a copy of its disk.
 */
int
job_follow_resume(struct follow *f, struct err *err)
{
	struct err e = ERR_INIT;

	if ((repo_store(f->repo)->ops->caps & STORE_CAP_WRITE_ONLY) == 0 &&
	    from_catalogue(f, &e) == 0)
		return 0;
	if (e.code != 0 && e.code != -HF_EDENIED) {
		*err = e;
		return err->code;
	}
	return repo_trail_load(
	    f->repo, f->opts->source, &f->trail, &f->known, err);
}

void
job_follow_remember(const struct follow *f)
{
	struct err e = ERR_INIT;

	if (repo_trail_save(f->repo, f->opts->source, &f->trail, &e) < 0)
		job_follow_warn(
		    f, "where to go on could not be noted: %s", e.msg);
}
