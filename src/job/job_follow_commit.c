#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_watch.h"
#include "job/job_follow_impl.h"
#include "source/etcd/source_etcd_leases.h"
#include "source/etcd/source_etcd_state.h"
#include "source/source.h"

/* HashKV reads the whole store: of all time it may take a hundredth. */
#define HASH_SHARE 100
#define STATE_EVERY_MS 5000
#define RETRY_FIRST_MS 1000
#define RETRY_MAX_MS 30000

/* Of the jobs inside this one, what is wrong is passed on, and no more. */
static void
on_event(void *arg, const struct job_event *ev)
{
	const struct follow *f = arg;

	if (ev->kind == JOB_WARNING || ev->kind == JOB_NOTE ||
	    ev->kind == JOB_FOUND)
		job_tell(f->job, ev);
}

static struct job
inner_job(struct follow *f)
{
	struct job j = *f->job;

	j.on_event = on_event;
	j.arg = f;
	return j;
}

static int
report(struct follow *f, const struct job_follow_commit *c, struct err *err)
{
	if (f->opts->committed == NULL)
		return 0;
	return f->opts->committed(f->opts->arg, c, err);
}

/* The state is in the store; the host's memory of it is a convenience. */
static void
remember(struct follow *f)
{
	struct err e = ERR_INIT;

	if (repo_trail_save(f->repo, f->opts->source, &f->trail, &e) < 0)
		job_follow_warn(
		    f, "where to go on could not be noted: %s", e.msg);
}

/* What only the cluster itself can say; all of it may fail. */
static void
ask_hash(struct follow *f, int64_t now)
{
	struct source_etcd_log *l = f->log;
	struct etcd_hashkv h;
	enum etcd_revision gone;
	struct err ignore = ERR_INIT;

	if (now < f->hash_after || l->last == f->past.revision)
		return;
	if (etcd_client_hashkv(source_etcd_follow_client(f->cluster), l->last,
		&h, &gone, &ignore) < 0)
		return;
	l->hashed = true;
	l->hash = h.hash;
	l->hash_compact = h.compact_revision;
	f->hash_after = time_mono_ms();
	f->hash_after += HASH_SHARE * (f->hash_after - now);
}

static void
ask_state(struct follow *f, int64_t now)
{
	char is[SOURCE_ETCD_STATE_LEN];
	struct err ignore = ERR_INIT;

	if (now < f->state_after || f->have_next || f->trail.state[0] == 0)
		return;
	f->state_after = now + STATE_EVERY_MS;
	if (source_etcd_state_ask(
		source_etcd_follow_client(f->cluster), is, &ignore) < 0)
		return;
	if (f->why == NULL &&
	    source_etcd_state_changed(f->trail.state, is) != NULL)
		f->why = source_etcd_state_changed(f->trail.state, is);
}

static void
ask(struct follow *f)
{
	struct err ignore = ERR_INIT;
	int64_t now = time_mono_ms();

	if (source_etcd_follow_watch(f->cluster) == NULL)
		return;
	ask_hash(f, now);
	ask_state(f, now);
	(void)source_etcd_leases_ask(
	    &f->leases, source_etcd_follow_client(f->cluster), f->log, &ignore);
}

/*
 * Lay the log down, again and again until it is there: what is gathered is
 * nowhere else.  Once the operator has asked to stop, one failure is enough.
 */
static int
store_log(struct follow *f, struct job_backup_report *rep, struct err *err)
{
	const struct job_backup_opts opts = {
		.source = f->opts->source,
		.type = f->opts->type,
		.label = f->opts->label,
		.log_of = f->trail.base,
		.keys = &f->keys,
	};
	struct job j = inner_job(f);
	int64_t wait = RETRY_FIRST_MS;
	struct err e;

	j.cancel = NULL; /* It is short, and the last one is wanted. */
	for (;;) {
		e = (struct err)ERR_INIT;
		if (job_backup(&j, f->repo, &f->log->base, &opts, rep, &e) == 0)
			return 0;
		if (!job_follow_may_pass(&e) || job_check(f->job, err) < 0) {
			*err = e;
			return err->code;
		}
		job_follow_warn(f,
		    "a log could not be stored, it is tried again: %s", e.msg);
		job_follow_wait(f, wait);
		wait = 2 * wait < RETRY_MAX_MS ? 2 * wait : RETRY_MAX_MS;
	}
}

static uint64_t
behind(const struct follow *f)
{
	const struct etcd_watch *w = source_etcd_follow_watch(f->cluster);
	uint64_t newest = w == NULL ? 0 : etcd_watch_header(w)->revision;

	return newest > f->log->last ? newest - f->log->last : 0;
}

int
job_follow_commit(struct follow *f, struct err *err)
{
	struct source_etcd_log *l = f->log;
	struct job_backup_report rep;
	struct job_follow_commit c;
	int rc;

	ask(f);
	l->cluster_id = f->trail.cluster_id;
	(void)strcpy(l->state, f->trail.state);
	(void)str_hex(l->previous, f->trail.last, SHA256_LEN);
	if ((rc = store_log(f, &rep, err)) < 0)
		return rc;
	memcpy(f->trail.last, rep.sha256, SHA256_LEN);
	f->trail.revision = l->last;
	f->trail.to_ms = l->to_ms;
	if (l->hashed)
		f->past =
		    (struct follow_past){ l->last, l->hash_compact, l->hash };
	remember(f);
	c = (struct job_follow_commit){ .report = &rep,
		.first = l->first,
		.last = l->last,
		.events = l->events,
		.from_ms = l->from_ms,
		.to_ms = l->to_ms,
		.behind = behind(f) };
	source_etcd_log_begin(l, l->last + 1, l->to_ms);
	return report(f, &c, err);
}

/* Hears the facts of a new backup. */
static void
on_fact(void *arg, const char *name, const char *value)
{
	struct repo_trail *t = arg;

	if (strcmp(name, "etcd.revision") == 0)
		t->revision = strtoull(value, NULL, 10);
	else if (strcmp(name, "etcd.cluster_id") == 0)
		t->cluster_id = strtoull(value, NULL, 16);
	else if (strcmp(name, "etcd.state") == 0 &&
		 strlen(value) < sizeof(t->state))
		strcpy(t->state, value);
}

/* The same, and what the backup amounts to. */
struct facts {
	struct repo_trail trail;
	struct follow_past past;
};

static void
on_base_fact(void *arg, const char *name, const char *value)
{
	struct facts *facts = arg;

	if (strcmp(name, "etcd.compact_revision") == 0)
		facts->past.compact = strtoull(value, NULL, 10);
	else if (strcmp(name, "etcd.hashkv") == 0)
		facts->past.hash = (uint32_t)strtoul(value, NULL, 10);
	on_fact(&facts->trail, name, value);
}

static void
tell_gap(struct follow *f)
{
	uint64_t gap = f->gap, compact = f->next_past.compact;

	f->gap = 0;
	if (gap == 0 || compact <= gap)
		return;
	job_follow_warn(f,
	    "the revisions %" PRIu64 " to %" PRIu64
	    " are lost: the cluster had compacted them before they were read",
	    gap, compact - 1);
}

static int
take_base(struct follow *f, struct facts *facts, struct job_backup_report *rep,
    struct err *err)
{
	const struct job_backup_opts opts = {
		.source = f->opts->source,
		.type = f->opts->type,
		.label = f->opts->label,
		.fact = on_base_fact,
		.arg = facts,
	};
	const struct job j = inner_job(f);
	int rc;

	*facts = (struct facts){ .trail = { .base_ms = time_now_ms() } };
	if ((rc = job_backup(&j, f->repo, f->source, &opts, rep, err)) < 0)
		return rc;
	if (facts->trail.revision == 0) {
		(void)err_set(err, HF_ESOURCE,
		    "logs can continue a backup in the form of records alone, "
		    "and '%s' is a snapshot",
		    rep->id);
		return err_hint(err, "leave out the option 'form'");
	}
	facts->past.revision = facts->trail.revision;
	memcpy(facts->trail.base, rep->sha256, SHA256_LEN);
	memcpy(facts->trail.last, rep->sha256, SHA256_LEN);
	facts->trail.to_ms = time_now_ms();
	return 0;
}

int
job_follow_base(struct follow *f, struct err *err)
{
	struct job_backup_report rep;
	struct job_follow_commit c;
	struct facts facts;
	int rc;

	if ((rc = take_base(f, &facts, &rep, err)) < 0)
		return rc;
	f->why = NULL;
	f->have_next = true;
	f->next = facts.trail;
	f->next_past = facts.past;
	c = (struct job_follow_commit){ .report = &rep,
		.base = true,
		.first = facts.trail.revision,
		.last = facts.trail.revision,
		.from_ms = facts.trail.base_ms,
		.to_ms = facts.trail.to_ms };
	if ((rc = report(f, &c, err)) < 0)
		return rc;
	/* There is nothing to wait for, or the watch is ahead already. */
	if (source_etcd_follow_watch(f->cluster) == NULL ||
	    f->log->last >= f->next.revision)
		return job_follow_switch(f, err);
	return 0;
}

int
job_follow_switch(struct follow *f, struct err *err)
{
	bool ahead = f->log->last != f->next.revision;
	int rc;

	tell_gap(f);
	if (f->known && f->log->last >= f->log->first &&
	    (rc = job_follow_commit(f, err)) < 0)
		return rc;
	f->trail = f->next;
	f->past = f->next_past;
	f->known = true;
	f->have_next = f->broken = false;
	etcd_lease_file_clear(&f->leases);
	remember(f);
	source_etcd_log_begin(f->log, f->trail.revision + 1, f->trail.to_ms);
	/* A watch that is ahead, or behind, is begun anew behind the backup. */
	if (ahead)
		source_etcd_follow_close(f->cluster);
	return 0;
}
