#include <stdio.h>
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
/* After so long it is no election, and nobody would know otherwise. */
#define STATE_SILENT_MS 60000
#define RETRY_FIRST_MS 1000

/* Of the job inside this one, what is wrong is passed on, and no more. */
static void
on_event(void *arg, const struct job_event *ev)
{
	const struct follow *f = arg;

	if (ev->kind == JOB_WARNING || ev->kind == JOB_NOTE ||
	    ev->kind == JOB_FOUND)
		job_tell(f->job, ev);
}

/* What only the cluster itself can say; all of it may fail. */
static void
ask_hash(struct follow *f, int64_t now)
{
	struct source_etcd_log *l = f->log;
	struct etcd_hashkv h;
	enum etcd_revision gone;
	struct err ignore = ERR_INIT;

	if (now < f->hash_after || l->last == f->trail.past.revision)
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

/*
 * Say it once that nobody tells the state: at once if nothing is known of it,
 * and after a while if it was known before, for then users may have changed, or
 * our own password has.
 */
static void
state_unknown(struct follow *f, int64_t now, const struct err *e)
{
	if (f->state_since == 0)
		f->state_since = now;
	if (f->told_blind || (f->trail.state[0] != '\0' &&
				 now - f->state_since < STATE_SILENT_MS))
		return;
	f->told_blind = true;
	job_follow_warn(f,
	    "the cluster does not tell its users, members and alarms, it is "
	    "asked again: until then, what changes of them is in the next "
	    "backup and not in the logs: %s",
	    e->msg);
}

/*
 * What changed between a backup that could not tell its state and the first
 * answer is unknown, and who restores would not hear of it: then, too, another
 * backup is taken.  That one has the answer for its state (job_follow_base.c),
 * so it is one more and not one after the other.
 */
static void
ask_state(struct follow *f, int64_t now)
{
	struct err e = ERR_INIT;

	/* What has changed by now is in the newer backup, or seen after it. */
	if (now < f->state_after || f->base != NULL || f->have_next)
		return;
	f->state_after = now + STATE_EVERY_MS;
	if (source_etcd_state_ask(
		source_etcd_follow_client(f->cluster), f->state, &e) < 0) {
		state_unknown(f, now, &e);
		return;
	}
	f->state_since = 0;
	f->told_blind = false;
	if (f->why == NULL)
		f->why = source_etcd_state_changed(f->trail.state, f->state);
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

/* As the others, but beside a backup it is content with little memory. */
static struct job
log_job(struct follow *f)
{
	struct job j = *f->job;

	j.on_event = on_event;
	j.arg = f;
	j.cancel = NULL; /* It is short, and the last one is wanted. */
	if (f->base != NULL && job_memory(&j) > JOB_MEMORY_SMALL)
		j.memory = JOB_MEMORY_SMALL;
	return j;
}

/*
 * Lay the log down, again and again until it is there: what is gathered is
 * nowhere else.  Once the operator has asked to stop, one failure is enough.
 */
static int
store_log(struct follow *f, struct repo_manifest *m,
    struct job_backup_report *rep, struct err *err)
{
	const struct job_backup_opts opts = {
		.source = f->opts->source,
		.type = f->opts->type,
		.label = f->opts->label,
		.log_of = f->trail.base,
		.keys = &f->keys,
		.manifest = m,
	};
	const struct job j = log_job(f);
	int64_t wait = RETRY_FIRST_MS;
	struct err e;

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
		wait = job_follow_longer(wait);
	}
}

static uint64_t
behind(const struct follow *f)
{
	const struct etcd_watch *w = source_etcd_follow_watch(f->cluster);
	uint64_t newest = w == NULL ? 0 : etcd_watch_header(w)->revision;

	return newest > f->log->last ? newest - f->log->last : 0;
}

/* What was just stored is where the next log goes on. */
static void
go_on_behind(struct follow *f, const uint8_t sha256[SHA256_LEN])
{
	const struct source_etcd_log *l = f->log;

	memcpy(f->trail.last, sha256, SHA256_LEN);
	f->trail.revision = l->last;
	f->trail.to_ms = l->to_ms;
	if (l->hashed)
		f->trail.past = (struct repo_trail_past){ l->last,
			l->hash_compact, l->hash };
	job_follow_remember(f);
}

int
job_follow_commit(struct follow *f, struct err *err)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
	struct source_etcd_log *l = f->log;
	struct job_backup_report rep;
	struct job_follow_commit c;
	int rc;

	ask(f);
	l->cluster_id = f->trail.cluster_id;
	(void)snprintf(l->state, sizeof(l->state), "%s", f->trail.state);
	(void)str_hex(l->previous, f->trail.last, SHA256_LEN);
	if ((rc = store_log(f, &m, &rep, err)) < 0)
		return rc;
	go_on_behind(f, rep.sha256);
	if (f->base != NULL || f->have_next)
		job_follow_carry_add(f, &m);
	c = (struct job_follow_commit){ .report = &rep,
		.first = l->first,
		.last = l->last,
		.events = l->events,
		.from_ms = l->from_ms,
		.to_ms = l->to_ms,
		.behind = behind(f) };
	source_etcd_log_begin(l, l->last + 1, l->to_ms);
	return job_follow_report(f, &c, err);
}
