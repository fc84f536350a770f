#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/thread.h"
#include "base/time.h"
#include "job/job_follow_impl.h"

#define TOLD_MAX 100 /* As many warnings as a manifest keeps. */

/* What the backup's thread has to tell, until the follower's passes it on. */
struct told {
	enum job_event_kind kind;
	char *subject, *text;
};

/*
 * A backup that is taken in a thread of its own, beside the one that follows.
 * Both use the repository and the source, which allow any number of threads; of
 * struct follow, this thread reads only what never changes.
 */
struct follow_base {
	const struct follow *f;
	const char *why;
	struct job job;
	pthread_t thread;
	volatile sig_atomic_t stop; /* Atomic, as is: */
	bool ended;
	int rc;
	struct err err;
	struct job_backup_report report;
	struct repo_trail trail; /* What is known of it once it is there. */

	pthread_mutex_t lock;
	struct told told[TOLD_MAX];
	size_t ntold;
};

/* Pass on what the job inside this one warns of, notes and finds; no more. */
static void
on_event(void *arg, const struct job_event *ev)
{
	struct follow_base *b = arg;
	struct told t = { .kind = ev->kind };
	struct err ignore = ERR_INIT;

	if (ev->kind != JOB_WARNING && ev->kind != JOB_NOTE &&
	    ev->kind != JOB_FOUND)
		return;
	(void)str_dup(ev->subject, &t.subject, &ignore);
	(void)str_dup(ev->text, &t.text, &ignore);
	(void)pthread_mutex_lock(&b->lock);
	if (b->ntold < TOLD_MAX) {
		b->told[b->ntold++] = t;
		t = (struct told){ 0 };
	}
	(void)pthread_mutex_unlock(&b->lock);
	free(t.subject);
	free(t.text);
}

/* Pass on what was told: a listener hears from one thread alone. */
static void
pass_on(struct follow_base *b)
{
	struct told told[TOLD_MAX];
	size_t i, n;

	(void)pthread_mutex_lock(&b->lock);
	n = b->ntold;
	memcpy(told, b->told, n * sizeof(told[0]));
	b->ntold = 0;
	(void)pthread_mutex_unlock(&b->lock);
	for (i = 0; i < n; i++) {
		job_say(b->f->job, "backup", told[i].kind, told[i].subject,
		    told[i].text);
		free(told[i].subject);
		free(told[i].text);
	}
}

/* Hears the facts of the new backup. */
static void
on_fact(void *arg, const char *name, const char *value)
{
	struct repo_trail *t = arg;

	if (strcmp(name, "etcd.revision") == 0)
		t->revision = strtoull(value, NULL, 10);
	else if (strcmp(name, "etcd.cluster_id") == 0)
		t->cluster_id = strtoull(value, NULL, 16);
	else if (strcmp(name, "etcd.compact_revision") == 0)
		t->past.compact = strtoull(value, NULL, 10);
	else if (strcmp(name, "etcd.hashkv") == 0)
		t->past.hash = (uint32_t)strtoul(value, NULL, 10);
	else if (strcmp(name, "etcd.state") == 0 && t->state[0] == '\0' &&
		 strlen(value) < sizeof(t->state))
		(void)snprintf(t->state, sizeof(t->state), "%s", value);
}

static int
take(struct follow_base *b, struct err *err)
{
	const struct follow *f = b->f;
	struct repo_trail *t = &b->trail;
	const struct job_backup_opts opts = {
		.source = f->opts->source,
		.type = f->opts->type,
		.label = f->opts->label,
		.fact = on_fact,
		.arg = t,
	};
	int rc;

	t->base_ms = time_now_ms();
	rc = job_backup(&b->job, f->repo, f->source, &opts, &b->report, err);
	if (rc < 0)
		return rc;
	if (t->revision == 0) {
		(void)err_set(err, HF_ESOURCE,
		    "logs can continue a backup in the form of records alone, "
		    "and '%s' is a snapshot",
		    b->report.id);
		return err_hint(err, "leave out the option 'form'");
	}
	t->past.revision = t->revision;
	memcpy(t->base, b->report.sha256, SHA256_LEN);
	memcpy(t->last, b->report.sha256, SHA256_LEN);
	t->to_ms = time_now_ms();
	return 0;
}

static void *
run(void *arg)
{
	struct follow_base *b = arg;

	b->rc = take(b, &b->err);
	__atomic_store_n(&b->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

static int
begin(struct follow *f, struct err *err)
{
	CLEANUP(freep_mem) struct follow_base *b = NULL;
	int rc;

	if ((b = calloc(1, sizeof(*b))) == NULL)
		return err_nomem(err);
	b->f = f;
	b->why = f->why;
	b->job = *f->job;
	b->job.on_event = on_event;
	b->job.arg = b;
	b->job.cancel = &b->stop;
	/*
	 * What the member that is watched has told before counts more than
	 * what the backup is told: it may ask another, and where the two never
	 * say the same (a 3.4 among 3.5) one backup would follow the other.
	 */
	(void)snprintf(b->trail.state, sizeof(b->trail.state), "%s", f->state);
	if (pthread_mutex_init(&b->lock, NULL) != 0)
		return err_nomem(err);
	if ((rc = thread_start(run, b, &b->thread, err)) < 0) {
		(void)pthread_mutex_destroy(&b->lock);
		return rc;
	}
	job_follow_carry_clear(f);
	f->unbroken = source_etcd_follow_watch(f->cluster) != NULL;
	f->base = TAKE(b);
	return 0;
}

void
job_follow_base_stop(struct follow *f)
{
	if (f->base != NULL)
		__atomic_store_n(&f->base->stop, 1, __ATOMIC_RELAXED);
}

/* Wait for its end, and hand it over as the next one if it is there. */
static int
finish(struct follow *f, struct err *err)
{
	CLEANUP(freep_mem) struct follow_base *b = TAKE(f->base);
	struct job_follow_commit c;

	(void)pthread_join(b->thread, NULL);
	pass_on(b);
	(void)pthread_mutex_destroy(&b->lock);
	if (b->rc < 0) {
		*err = b->err;
		return b->rc;
	}
	f->why = NULL;
	f->have_next = true;
	f->compared = false;
	f->next = b->trail;
	c = (struct job_follow_commit){ .report = &b->report,
		.base = true,
		.first = b->trail.revision,
		.last = b->trail.revision,
		.from_ms = b->trail.base_ms,
		.to_ms = b->trail.to_ms };
	return job_follow_report(f, &c, err);
}

void
job_follow_base_end(struct follow *f)
{
	struct err ignore = ERR_INIT;

	job_follow_base_stop(f);
	if (f->base != NULL)
		(void)finish(f, &ignore);
}

/* Pass on what the backup has told, and see whether it has ended. */
static int
hear(struct follow *f, struct err *err)
{
	const char *why = f->base->why;
	struct err e = ERR_INIT;

	pass_on(f->base);
	if (!__atomic_load_n(&f->base->ended, __ATOMIC_ACQUIRE) ||
	    finish(f, &e) == 0)
		return 0;
	/* As for the watch: a user or a password may be about to change. */
	if (f->have_next || !f->known ||
	    (!job_follow_may_pass(&e) && e.code != -HF_EDENIED)) {
		*err = e;
		return err->code;
	}
	f->base_after = time_mono_ms() + FOLLOW_RETRY_MAX_MS;
	job_follow_warn(f,
	    "a new backup is wanted (%s) and cannot be taken, it is tried "
	    "again: %s",
	    why, e.msg);
	return 0;
}

/*
 * Times of one chain do not go back: where the clock was wrong, and too far
 * ahead, all that comes would have the same time until it is caught up with.
 * So logs go on to continue another backup.
 */
static void
note_clock(struct follow *f)
{
	if (f->why != NULL || !job_follow_clock_is_back(f))
		return;
	f->why = "this host's clock was set back";
	job_follow_warn(f,
	    "this host's clock was set back: the times in the logs until now "
	    "are not right; a new backup is taken");
}

int
job_follow_renew(struct follow *f, struct err *err)
{
	int rc;

	if (f->base != NULL)
		return hear(f, err);
	/* The newer backup is complete, but logs do not continue it yet. */
	if (f->have_next || time_mono_ms() < f->base_after)
		return 0;
	note_clock(f);
	if (f->known && f->why == NULL &&
	    time_now_ms() - f->trail.base_ms >= f->opts->base_every_ms)
		f->why = "the backup is old";
	if (f->why == NULL)
		return 0;
	/*
	 * What was gathered is stored first.  If the cluster has been set back,
	 * it is void, and a log that was begun after the new backup would show
	 * that it is not (job_etcd_chain_furthest).
	 */
	if (f->known && f->log->last >= f->log->first &&
	    (rc = job_follow_commit(f, err)) < 0)
		return rc;
	return begin(f, err);
}
