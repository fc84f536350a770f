#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/parallel.h"
#include "source/etcd/source_etcd_proof.h"

#define BEHIND_TRIES 20 /* A member may be behind the one we read; */
#define BEHIND_MS 250   /* it is asked again so much later. */

struct answer {
	struct etcd_client *client; /* NULL: it is not asked. */
	struct etcd_hashkv hash;
	struct err cause; /* Its code is 0 if it answered. */
};

struct source_etcd_proof {
	pthread_t thread;
	bool running;
	uint64_t revision, compact; /* Of the snapshot. */
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

/* Ask for the hash at ${revision}, 0 for the newest. */
static enum etcd_revision
ask(struct answer *a, uint64_t revision)
{
	enum etcd_revision gone;
	int rc, tries = 0;

	do {
		if (tries > 0)
			pause_ms(BEHIND_MS);
		gone = ETCD_REVISION_READ;
		a->cause = (struct err)ERR_INIT;
		rc = etcd_client_hashkv(
		    a->client, revision, &a->hash, &gone, &a->cause);
	} while (
	    rc < 0 && gone == ETCD_REVISION_FUTURE && ++tries < BEHIND_TRIES);
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
 * Right after a compaction to this very revision, 3.4 refuses to hash there,
 * and later servers answer with what they had hashed before the compaction
 * removed anything.  Asked for their newest, they hash anew.  What goes wrong
 * belongs to the answer: the others are asked all the same.
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
	gone = ask(a, p->revision);
	if (gone != ETCD_REVISION_COMPACTED &&
	    (a->cause.code != 0 || is_comparable(p, &a->hash)))
		return 0;
	(void)ask(a, 0);
	if (a->cause.code == 0 && (a->hash.header.revision != p->revision ||
				      !is_comparable(p, &a->hash)))
		(void)err_set(&a->cause, HF_EUNAVAIL,
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

/* Signals belong to the thread that asks sink_check. */
static int
start(struct source_etcd_proof *p, struct err *err)
{
	sigset_t all, old;
	int rc;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&p->thread, NULL, ask_all, p);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0)
		return err_errno(err, rc, "start a thread");
	p->running = true;
	return 0;
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
	p->n = v->n;
	for (i = 0; i < v->n; i++)
		if (v->members[i].answered)
			p->answers[i].client = v->members[i].client;
	if ((rc = start(p, err)) < 0)
		return rc;
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

/* The one that was read has to vouch; of the others, who can. */
static int
check_answered(const struct source_etcd_proof *p, struct err *err)
{
	const struct answer *a = &p->answers[p->picked];

	if (a->cause.code == 0)
		return 0;
	*err = a->cause;
	(void)err_wrap(err,
	    "'%s' cannot say what its store amounts to at revision %" PRIu64,
	    etcd_client_url(a->client), p->revision);
	(void)err_hint(err, "if it was compacted meanwhile, run it again");
	err->code = -HF_EUNAVAIL;
	return err->code;
}

static int
differs(const struct source_etcd_proof *p, const struct answer *a,
    uint32_t ours, struct err *err)
{
	const struct answer *from = &p->answers[p->picked];

	(void)err_set(err, HF_ESOURCE,
	    "at revision %" PRIu64 " '%s' has the HashKV %" PRIu32
	    ", and the snapshot of '%s' has %" PRIu32,
	    p->revision, etcd_client_url(a->client), a->hash.hash,
	    etcd_client_url(from->client), ours);
	return err_hint(err,
	    "a member has lost or changed data: compare 'etcdctl endpoint "
	    "hashkv' of all members, and replace the one that differs");
}

int
source_etcd_proof_hear(struct source_etcd_proof *p,
    int (*ours)(void *, uint64_t, uint32_t *, struct err *), void *arg,
    size_t *agreed, size_t *asked, struct err *err)
{
	uint32_t hash;
	size_t i;
	int rc;

	wait_for_answers(p);
	if ((rc = check_answered(p, err)) < 0)
		return rc;
	*agreed = *asked = 0;
	for (i = 0; i < p->n; i++) {
		const struct answer *a = &p->answers[i];

		*asked += a->client != NULL;
		if (a->client == NULL || a->cause.code != 0)
			continue;
		rc = ours(arg, a->hash.compact_revision, &hash, err);
		if (rc < 0)
			return rc;
		if (hash != a->hash.hash)
			return differs(p, a, hash, err);
		++*agreed;
	}
	return 0;
}
