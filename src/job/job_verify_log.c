#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "job/job_etcd_chain.h"
#include "job/job_etcd_db.h"
#include "job/job_etcd_replay.h"
#include "job/job_verify_log.h"
#include "repo/repo.h"

/* A chain, and how far it could be replayed. */
struct chain {
	struct job_etcd_chain c;
	struct job_etcd_replayed rep;
	struct err err; /* Why no further; its code is 0: to its end. */
	size_t at;      /* The log that was judged last: the next is near. */
};

struct job_verify_logs {
	const struct repo_catalogue *cat;
	bool alone;
	pthread_mutex_t lock; /* What is below. */
	struct chain **chains;
	size_t n;
};

int
job_verify_logs_new(const struct repo_catalogue *cat, bool alone,
    struct job_verify_logs **ret, struct err *err)
{
	struct job_verify_logs *v;

	if ((v = calloc(1, sizeof(*v))) == NULL)
		return err_nomem(err);
	(void)pthread_mutex_init(&v->lock, NULL);
	v->cat = cat;
	v->alone = alone;
	*ret = v;
	return 0;
}

static void
chain_free(struct chain *c)
{
	if (c == NULL)
		return;
	job_etcd_chain_clear(&c->c);
	free(c);
}
CLEANUP_DEFINE(chain);

void
job_verify_logs_free(struct job_verify_logs *v)
{
	size_t i;

	if (v == NULL)
		return;
	for (i = 0; i < v->n; i++)
		chain_free(v->chains[i]);
	free(v->chains);
	(void)pthread_mutex_destroy(&v->lock);
	free(v);
}

static int
replay(const struct job *j, struct repo *r, struct chain *c, struct err *err)
{
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *base = NULL;
	struct job_etcd_replay_opts opts = {
		.chain = &c->c,
		.revision = c->c.last,
	};
	struct err e = ERR_INIT;
	int rc;

	if ((rc = job_etcd_db_open(j, r, c->c.base, &base, &e)) == 0) {
		opts.base = base;
		rc = job_etcd_replay(j, r, &opts, &c->rep, &e);
	}
	if (rc == 0 || rc == -HF_ECORRUPT || rc == -HF_ENOTFOUND) {
		c->err = e;
		return 0;
	}
	*err = e;
	return rc;
}

static int
add_chain(struct job_verify_logs *v, const struct job *j, struct repo *r,
    const struct repo_backup *base, struct chain **ret, struct err *err)
{
	CLEANUP(freep_chain) struct chain *c = NULL;
	struct chain **grown;
	int rc;

	grown = reallocarray(v->chains, v->n + 1, sizeof(struct chain *));
	if (grown == NULL)
		return err_nomem(err);
	v->chains = grown;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_nomem(err);
	if ((rc = job_etcd_chain_find(v->cat, base, &c->c, err)) < 0 ||
	    (rc = replay(j, r, c, err)) < 0)
		return rc;
	*ret = c;
	v->chains[v->n++] = TAKE(c);
	return 0;
}

/* Find the chain of the backup that the log continues, or none. */
static int
find_chain(struct job_verify_logs *v, const struct job *j, struct repo *r,
    const struct repo_backup *log, struct chain **ret, struct err *err)
{
	const struct repo_backup *base;
	struct err e = ERR_INIT;
	size_t i;
	int rc;

	for (i = v->n; i-- > 0;)
		if (repo_backup_continues(log, v->chains[i]->c.base)) {
			*ret = v->chains[i];
			return 0;
		}
	if ((base = job_etcd_chain_base(v->cat, log)) == NULL ||
	    (rc = add_chain(v, j, r, base, ret, &e)) == 0 ||
	    rc == -HF_EUSAGE) /* It is none that a log can continue. */
		return 0;
	*err = e;
	return rc;
}

/* The first log that did not hold is told of: not thousands behind it. */
static struct job_verify_log
judge(const struct job_verify_logs *v, const struct chain *c, size_t i)
{
	struct job_verify_log ret = { 0 };

	if (c->err.code == 0 || i < c->rep.logs)
		ret.replayed = true;
	else if (i == c->rep.logs || v->alone)
		ret.what = c->err.msg;
	return ret;
}

int
job_verify_logs_replay(struct job_verify_logs *v, const struct job *j,
    struct repo *r, const struct repo_backup *log, struct err *err)
{
	struct chain *c = NULL;
	int rc;

	(void)pthread_mutex_lock(&v->lock);
	rc = find_chain(v, j, r, log, &c, err);
	(void)pthread_mutex_unlock(&v->lock);
	return rc;
}

/* With the lock. */
static int
find_and_judge(struct job_verify_logs *v, const struct job *j, struct repo *r,
    const struct repo_backup *log, struct job_verify_log *ret, struct err *err)
{
	struct chain *c = NULL;
	size_t i, k;
	int rc;

	if ((rc = find_chain(v, j, r, log, &c, err)) < 0)
		return rc;
	*ret = (struct job_verify_log){ 0 };
	for (k = 0; c != NULL && k < c->c.n; k++) {
		i = (c->at + k) % c->c.n;
		if (c->c.logs[i].backup != log)
			continue;
		c->at = i;
		*ret = judge(v, c, i);
		break;
	}
	return 0;
}

int
job_verify_logs_judge(struct job_verify_logs *v, const struct job *j,
    struct repo *r, const struct repo_backup *log, struct job_verify_log *ret,
    struct err *err)
{
	int rc;

	(void)pthread_mutex_lock(&v->lock);
	rc = find_and_judge(v, j, r, log, ret, err);
	(void)pthread_mutex_unlock(&v->lock);
	return rc;
}
