#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "base/time.h"
#include "source/etcd/source_etcd_survey.h"

#define ASK_THREADS 16
#define ELECTION_MS 5000    /* A leader may take so long to be elected; */
#define ELECTION_NAP_MS 250 /* they are asked again so much later. */

void
source_etcd_survey_clear(struct source_etcd_survey *v)
{
	size_t i;

	for (i = 0; i < v->n; i++)
		etcd_client_free(v->members[i].client);
	free(v->members);
	*v = (struct source_etcd_survey){ 0 };
}

/* Is it a failure of ours, that asking other members would not mend? */
static bool
is_ours(int code)
{
	return code == -HF_ENOMEM || code == -HF_ECONFIG || code == -HF_EBUG;
}

int
source_etcd_connect(const struct source_etcd *s, const char *url,
    struct etcd_client **ret, struct err *err)
{
	const struct etcd_conn_opts opts = {
		.ca = s->ca,
		.cert = s->cert,
		.key = s->key,
		.connect_ms = s->connect_ms,
		.stall_ms = s->stall_ms,
	};

	return etcd_client_new(url, &opts, s->user, s->password, ret, err);
}

struct question {
	const struct source_etcd *source;
	struct source_etcd_member *members;
};

static int
ask_status(struct source_etcd_member *m, struct err *err)
{
	int rc = etcd_client_status(m->client, &m->status, &m->cause);

	m->answered = rc == 0;
	if (is_ours(rc)) {
		*err = m->cause;
		return rc;
	}
	return 0;
}

static int
ask(void *arg, size_t i, struct err *err)
{
	const struct question *q = arg;
	struct source_etcd_member *m = &q->members[i];
	int rc;

	if ((rc = source_etcd_connect(
		 q->source, q->source->urls[i], &m->client, err)) < 0)
		return rc;
	return ask_status(m, err);
}

static int
ask_again(void *arg, size_t i, struct err *err)
{
	struct source_etcd_member *m =
	    &((const struct question *)arg)->members[i];

	return m->answered ? ask_status(m, err) : 0;
}

/* Somebody answered, and nobody knows of a leader? */
static bool
lacks_leader(const struct source_etcd_survey *v)
{
	bool answered = false;
	size_t i;

	for (i = 0; i < v->n; i++) {
		if (!v->members[i].answered)
			continue;
		if (v->members[i].status.leader != 0)
			return false;
		answered = true;
	}
	return answered;
}

/*
 * An election takes a second or two, longer on a machine that is busy: a
 * backup that comes just then has to wait, not to fail.
 */
static int
await_leader(
    struct question *q, const struct source_etcd_survey *v, struct err *err)
{
	const int64_t end = time_mono_ms() + ELECTION_MS;
	int rc;

	while (lacks_leader(v) && time_mono_ms() < end) {
		(void)poll(NULL, 0, ELECTION_NAP_MS);
		rc = parallel_for(v->n, ASK_THREADS, ask_again, q, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int
nobody_answered(const struct source_etcd_survey *v, struct err *err)
{
	const struct err *first = &v->members[0].cause;
	char all[sizeof(err->msg)] = "";
	int code = first->code;
	size_t i, used = 0;

	for (i = 0; i < v->n && used < sizeof(all); i++) {
		const struct err *e = &v->members[i].cause;

		if (e->code != code)
			code = -HF_EUNAVAIL;
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
		    i > 0 ? "; " : "", e->msg);
	}
	(void)err_set(err, (enum hf_code) - code, "%s%s",
	    v->n > 1 ? "no endpoint can be used: " : "", all);
	for (i = 0; i < v->n; i++)
		if (v->members[i].cause.hint[0] != '\0')
			(void)err_hint(err, "%s", v->members[i].cause.hint);
	return err->code;
}

/*
 * With endpoints of two clusters in the list, a backup would be of now the one,
 * now the other.
 */
static int
check_same_cluster(const struct source_etcd_survey *v, struct err *err)
{
	const struct source_etcd_member *m, *first = NULL;

	for (m = v->members; m < v->members + v->n; m++) {
		if (!m->answered)
			continue;
		if (first == NULL)
			first = m;
		if (m->status.cluster_id != first->status.cluster_id)
			return err_set(err, HF_ECONFIG,
			    "'%s' and '%s' belong to different clusters",
			    etcd_client_url(first->client),
			    etcd_client_url(m->client));
	}
	return first == NULL ? nobody_answered(v, err) : 0;
}

/*
 * Without a leader nobody knows the alarms, and no member will be picked.  A
 * question that was passed on to a leader who has just died is never answered:
 * so all are asked again, when they have elected another.
 */
static int
ask_alarms(struct source_etcd_survey *v, struct err *err)
{
	struct err cause = ERR_INIT;
	size_t i;

	for (i = 0; i < 2 * v->n; i++) {
		const struct source_etcd_member *m = &v->members[i % v->n];

		if (!m->answered || m->status.leader == 0 || m->status.learner)
			continue;
		if (etcd_client_alarms(m->client, &v->alarms, &cause) == 0)
			return 0;
	}
	if (cause.code == 0)
		return 0;
	*err = cause;
	return err_wrap(err, "ask for alarms");
}

static int
check_corrupt(
    const struct source_etcd *s, struct source_etcd_survey *v, struct err *err)
{
	uint64_t bad;
	size_t i, k;

	for (i = 0; i < v->alarms.n; i++) {
		if (v->alarms.at[i].type != ETCD_ALARM_CORRUPT)
			continue;
		bad = v->alarms.at[i].member_id;
		if (!s->allow_corrupt) {
			(void)err_set(err, HF_ESOURCE,
			    "the cluster has raised the alarm CORRUPT for "
			    "the member %" PRIx64,
			    bad);
			return err_hint(err,
			    "replace that member (etcdctl alarm list); the "
			    "option 'allow_corrupt' takes a backup all the "
			    "same");
		}
		for (k = 0; k < v->n; k++)
			if (v->members[k].status.member_id == bad)
				v->members[k].corrupt = true;
	}
	return 0;
}

static int
survey(
    const struct source_etcd *s, struct source_etcd_survey *v, struct err *err)
{
	struct question q = { .source = s };
	int rc;

	v->members = calloc(s->nurls, sizeof(*v->members));
	if (v->members == NULL)
		return err_nomem(err);
	v->n = s->nurls;
	q.members = v->members;
	/*
	 * All are asked at once, so that many that hang take no longer than
	 * one.
	 */
	if ((rc = parallel_for(v->n, ASK_THREADS, ask, &q, err)) < 0 ||
	    (rc = await_leader(&q, v, err)) < 0 ||
	    (rc = check_same_cluster(v, err)) < 0 ||
	    (rc = ask_alarms(v, err)) < 0)
		return rc;
	return check_corrupt(s, v, err);
}

int
source_etcd_survey_make(const struct source_etcd *s,
    struct source_etcd_survey *ret, struct err *err)
{
	CLEANUP(source_etcd_survey_clear) struct source_etcd_survey v = { 0 };
	int rc;

	if ((rc = survey(s, &v, err)) < 0)
		return rc;
	*ret = v;
	v = (struct source_etcd_survey){ 0 };
	return 0;
}
