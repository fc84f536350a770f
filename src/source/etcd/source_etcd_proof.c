#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/parallel.h"
#include "base/thread.h"
#include "source/etcd/source_etcd_proof.h"

#define BEHIND_TRIES 20 /* A member may be behind the one we read; */
#define BEHIND_MS 250   /* it is asked again so much later. */

struct answer {
	struct etcd_client *client; /* NULL: it is not asked. */
	bool learner;
	uint64_t revision; /* Of which it speaks. */
	struct etcd_hashkv hash;
	struct err cause; /* Its code is 0 if it answered. */
};

struct source_etcd_proof {
	pthread_t thread;
	bool running;
	uint64_t revision, compact; /* Of the snapshot. */
	const char *from;           /* Its URL. */
	size_t picked, n;
	struct answer *answers;
};

static void
pause_ms(long ms)
{
	const struct timespec t = { .tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

/*
 * Ask for the hash at ${revision}, 0 for the newest; up to ${tries} times if
 * it is still to come.
 */
static enum etcd_revision
ask(struct answer *a, uint64_t revision, int tries)
{
	enum etcd_revision gone;
	int rc, tried = 0;

	do {
		if (tried > 0)
			pause_ms(BEHIND_MS);
		gone = ETCD_REVISION_READ;
		a->cause = (struct err)ERR_INIT;
		rc = etcd_client_hashkv(
		    a->client, revision, &a->hash, &gone, &a->cause);
	} while (rc < 0 && gone == ETCD_REVISION_FUTURE && ++tried < tries);
	return gone;
}

/* Does the answer speak of what the snapshot has? */
static bool
is_comparable(const struct source_etcd_proof *p, const struct etcd_hashkv *h)
{
	return h->compact_revision >= p->compact &&
	       (h->hash_revision == 0 || h->hash_revision == p->revision);
}

/*
 * Ask one member.  Right after a compaction to this very revision, 3.4 refuses
 * to hash there, and later versions answer with what they had hashed before the
 * compaction removed anything; asked for their newest revision, they hash anew.
 * A failure belongs to the answer: the other members are asked all the same.
 */
static int
ask_one(void *arg, size_t i, struct err *err)
{
	struct source_etcd_proof *p = arg;
	struct answer *a = &p->answers[i];
	enum etcd_revision gone;

	(void)err;
	if (a->client == NULL)
		return 0;
	gone = ask(a, p->revision, i == p->picked ? 1 : BEHIND_TRIES);
	/* It must have that revision: the snapshot that it sent does. */
	if (gone == ETCD_REVISION_FUTURE && i == p->picked)
		a->cause.code = -HF_ESOURCE;
	if (gone != ETCD_REVISION_COMPACTED &&
	    (a->cause.code != 0 || is_comparable(p, &a->hash)))
		return 0;
	(void)ask(a, 0, 1);
	if (a->cause.code == 0 && (a->hash.header.revision != p->revision ||
				      !is_comparable(p, &a->hash)))
		(void)err_set(&a->cause, HF_ENOTFOUND,
		    "it was compacted to that revision or a later one");
	return 0;
}

static void *
ask_all(void *arg)
{
	struct source_etcd_proof *p = arg;
	struct err ignore = ERR_INIT;

	(void)parallel_for(p->n, (unsigned)p->n, ask_one, p, &ignore);
	return NULL;
}

int
source_etcd_proof_ask(const struct source_etcd_survey *v, size_t picked,
    uint64_t revision, uint64_t compact, struct source_etcd_proof **ret,
    struct err *err)
{
	CLEANUP(freep_source_etcd_proof) struct source_etcd_proof *p = NULL;
	size_t i;
	int rc;

	if ((p = calloc(1, sizeof(*p))) == NULL ||
	    (p->answers = calloc(v->n, sizeof(*p->answers))) == NULL)
		return err_nomem(err);
	p->revision = revision;
	p->compact = compact;
	p->picked = picked;
	p->from = etcd_client_url(v->members[picked].client);
	p->n = v->n;
	for (i = 0; i < v->n; i++) {
		const struct source_etcd_member *m = &v->members[i];

		p->answers[i].learner = m->answered && m->status.learner;
		p->answers[i].revision = revision;
		if (m->answered && !m->status.learner)
			p->answers[i].client = m->client;
	}
	if ((rc = thread_start(ask_all, p, &p->thread, err)) < 0)
		return rc;
	p->running = true;
	*ret = TAKE(p);
	return 0;
}

static void
wait_for_answers(struct source_etcd_proof *p)
{
	if (p->running)
		(void)pthread_join(p->thread, NULL);
	p->running = false;
}

void
source_etcd_proof_free(struct source_etcd_proof *p)
{
	if (p == NULL)
		return;
	wait_for_answers(p);
	free(p->answers);
	free(p);
}

/*
 * The snapshot's revision has been compacted away.  But while the snapshot
 * came, its member was asked for the hash at a revision shortly before.
 */
static void
use_early(struct source_etcd_proof *p, struct source_etcd_early *early)
{
	struct answer *a = &p->answers[p->picked];
	struct etcd_hashkv h;

	if (a->cause.code != -HF_ENOTFOUND || early == NULL ||
	    !source_etcd_early_answer(early, &h) ||
	    h.compact_revision < p->compact)
		return;
	a->hash = h;
	a->revision = source_etcd_early_revision(early);
	a->cause = (struct err)ERR_INIT;
}

/* Has it answered with something that cannot be? */
static bool
contradicts(const struct answer *a)
{
	return a->client != NULL && a->cause.code == -HF_ESOURCE;
}

static int
cannot_say(
    const struct source_etcd_proof *p, const struct answer *a, struct err *err)
{
	*err = a->cause;
	(void)err_wrap(err, "'%s' gives no HashKV at revision %" PRIu64,
	    etcd_client_url(a->client), p->revision);
	if (err->code != -HF_ENOTFOUND)
		return err->code;
	err->code = -HF_EUNAVAIL;
	return err_hint(err,
	    "it was compacted meanwhile: run it again, or have the cluster "
	    "keep its history for longer than a snapshot takes");
}

static int
differs(
    const struct answer *a, const char *from, uint32_t ours, struct err *err)
{
	(void)err_set(err, HF_ESOURCE,
	    "at revision %" PRIu64 " '%s' has the HashKV %" PRIu32
	    ", and the snapshot of '%s' has %" PRIu32,
	    a->revision, etcd_client_url(a->client), a->hash.hash, from, ours);
	return err_hint(err,
	    "a member has lost or changed data: compare 'etcdctl endpoint "
	    "hashkv' of all members, and replace the one that differs");
}

/* The member that was read must have confirmed its hash, unless it cannot. */
static int
check_vouched(const struct source_etcd_proof *p,
    const struct source_etcd_verdict *v, struct err *err)
{
	const struct answer *a = &p->answers[p->picked];

	if (!a->learner)
		return a->cause.code == 0 ? 0 : cannot_say(p, a, err);
	if (v->agreed > 0)
		return 0;
	(void)err_set(err, HF_EUNAVAIL,
	    "'%s' is a learner, and no member with a vote has confirmed what "
	    "it has at revision %" PRIu64,
	    p->from, p->revision);
	return err_hint(err, "name a voting member among the endpoints, too");
}

int
source_etcd_proof_hear(struct source_etcd_proof *p,
    struct source_etcd_early *early, source_etcd_ours *ours, void *arg,
    struct source_etcd_verdict *ret, struct err *err)
{
	struct source_etcd_verdict v = { 0 };
	uint32_t hash;
	size_t i;
	int rc;

	wait_for_answers(p);
	use_early(p, early);
	for (i = 0; i < p->n; i++) {
		const struct answer *a = &p->answers[i];

		v.members += !a->learner;
		if (contradicts(a))
			return cannot_say(p, a, err);
		if (a->client == NULL || a->cause.code != 0)
			continue;
		rc = ours(
		    arg, a->revision, a->hash.compact_revision, &hash, err);
		if (rc < 0)
			return rc;
		if (hash != a->hash.hash)
			return differs(a, p->from, hash, err);
		v.agreed++;
	}
	if ((rc = check_vouched(p, &v, err)) < 0)
		return rc;
	v.revision = p->answers[p->picked].revision;
	*ret = v;
	return 0;
}
