#include <stdlib.h>

#include "base/err.h"
#include "base/parallel.h"
#include "base/str.h"
#include "job/job.h"
#include "job/job_verify.h"
#include "job/job_verify_log.h"
#include "job/job_verify_shared.h"
#include "repo/repo.h"

/*
 * A log of some seconds costs some requests, one behind the other, and there
 * are thousands of logs: with a store that is far away, several are verified
 * at once.  What is told of each is kept until its turn has come.
 */

#define SMALL_MAX (1u << 20) /* Stored bytes of a log. */
#define ROOM (2u << 20)      /* Memory for a log while it is verified. */

/* An event that is told later. */
struct told {
	struct job_event ev;
	char *subject, *text;
};

/* One that is verified. */
struct turn {
	struct job_verify_report rep;
	struct told *told;
	size_t ntold;
	struct err err;
};

struct each {
	const struct job *job;
	struct repo *repo;
	const struct repo_backup *const *v;
	const struct job_verify_opts *opts;
	struct turn *turns; /* As many as are verified at once. */
	size_t nturns;
	job_verify_fn *fn;
	void *arg;
};

static void
turn_clear(struct turn *t)
{
	size_t i;

	for (i = 0; i < t->ntold; i++) {
		free(t->told[i].subject);
		free(t->told[i].text);
	}
	free(t->told);
	*t = (struct turn){ 0 };
}

static void
each_clear(struct each *e)
{
	size_t i;

	for (i = 0; e->turns != NULL && i < e->nturns; i++)
		turn_clear(&e->turns[i]);
	free(e->turns);
}

static int
keep(struct turn *t, const struct job_event *ev, struct err *err)
{
	struct told *grown, *to;

	grown = reallocarray(t->told, t->ntold + 1, sizeof(*grown));
	if (grown == NULL)
		return err_nomem(err);
	t->told = grown;
	to = &grown[t->ntold];
	*to = (struct told){ .ev = *ev };
	if ((ev->subject != NULL &&
		str_dup(ev->subject, &to->subject, err) < 0) ||
	    (ev->text != NULL && str_dup(ev->text, &to->text, err) < 0)) {
		free(to->subject);
		return err->code;
	}
	to->ev.subject = to->subject;
	to->ev.text = to->text;
	t->ntold++;
	return 0;
}

static void
on_event(void *arg, const struct job_event *ev)
{
	struct turn *t = arg;

	/* What is so small is done before its progress could be shown. */
	if (ev->kind != JOB_PROGRESS && t->err.code == 0)
		(void)keep(t, ev, &t->err);
}

/* Failures are told in turn, as the reports are. */
static int
verify_one(void *arg, size_t i, struct err *err)
{
	const struct each *e = arg;
	struct turn *t = &e->turns[i];
	struct err own = ERR_INIT;
	struct job j = *e->job;

	(void)err;
	j.on_event = on_event;
	j.arg = t;
	j.memory = ROOM;
	if (job_verify(&j, e->repo, e->v[i], e->opts, &t->rep, &own) < 0)
		t->err = own;
	return 0;
}

static int
give(struct each *e, size_t i, struct err *err)
{
	struct turn *t = &e->turns[i];
	size_t k;

	for (k = 0; k < t->ntold; k++)
		job_tell(e->job, &t->told[k].ev);
	if (t->err.code < 0)
		*err = t->err;
	return e->fn(e->arg, e->v[i], t->err.code < 0 ? NULL : &t->rep, err);
}

/* A chain takes all of the job's memory, so it is replayed before. */
static int
replay_chains(struct each *e, size_t n, struct err *err)
{
	size_t i;
	int rc;

	if (e->opts->level < VERIFY_CONTENT || e->opts->logs == NULL)
		return 0;
	for (i = 0; i < n; i++) {
		rc = job_verify_logs_replay(
		    e->opts->logs, e->job, e->repo, e->v[i], err);
		if (rc < 0)
			return e->fn(e->arg, e->v[i], NULL, err);
	}
	return 0;
}

/* The first ${n} of those that are left, at once. */
static int
verify_some(struct each *e, size_t n, struct err *err)
{
	size_t i;
	int rc;

	if ((rc = replay_chains(e, n, err)) < 0 ||
	    (rc = parallel_for(n, (unsigned)n, verify_one, e, err)) < 0)
		return rc;
	for (i = 0; i < n && rc == 0; i++)
		rc = give(e, i, err);
	for (i = 0; i < n; i++)
		turn_clear(&e->turns[i]);
	return rc;
}

static int
verify_alone(struct each *e, struct err *err)
{
	struct job_verify_report rep;
	int rc;

	rc = job_verify(e->job, e->repo, e->v[0], e->opts, &rep, err);
	return e->fn(e->arg, e->v[0], rc < 0 ? NULL : &rep, err);
}

static bool
is_small(const struct repo_backup *b)
{
	return b->m.kind == REPO_LOG && b->m.stored_bytes <= SMALL_MAX;
}

int
job_verify_each(const struct job *j, struct repo *r,
    const struct repo_backup *const *v, size_t n,
    const struct job_verify_opts *opts, job_verify_fn *fn, void *arg,
    struct err *err)
{
	CLEANUP(freep_job_verify_shared)
	struct job_verify_shared *shared = NULL;
	struct job_verify_opts own = *opts;
	CLEANUP(each_clear)
	struct each e = { j, r, v, &own, NULL, 0, fn, arg };
	size_t some;
	int rc;

	if (n > 1 && (rc = job_verify_shared_new(r, &shared, err)) < 0)
		return rc;
	own.shared = shared;
	e.nturns = job_memory(j) / ROOM;
	if (e.nturns > repo_threads(r))
		e.nturns = repo_threads(r);
	if ((e.turns = calloc(e.nturns + 1, sizeof(*e.turns))) == NULL)
		return err_nomem(err);
	for (; n > 0; e.v += some, n -= some) {
		for (some = 0; some < n && some < e.nturns; some++)
			if (!is_small(e.v[some]))
				break;
		rc = some > 1 ? verify_some(&e, some, err)
			      : verify_alone(&e, err);
		if (rc < 0)
			return rc;
		some += some == 0;
	}
	return 0;
}
