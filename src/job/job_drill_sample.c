#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "crypto/hash.h"
#include "etcd/etcd_keys.h"
#include "etcd/etcd_range.h"
#include "etcd/etcd_record.h"
#include "job/job_drill_sample.h"

/* What a key holds, by its last record so far. */
struct held {
	bool there;
	uint64_t create, mod, version, lease, value; /* A keyed hash. */
};

struct picked {
	uint64_t lot;
	uint8_t *key;
	size_t nkey;
	struct held held;
};

struct job_drill_sample {
	uint8_t secret[SIPHASH_KEY_LEN];
	struct etcd_keys *keys; /* 1: it is there. */
	uint64_t there;
	struct picked v[JOB_DRILL_SAMPLE + 1]; /* Ascending by lot. */
	size_t n;
};

int
job_drill_sample_new(struct job_drill_sample **ret, struct err *err)
{
	CLEANUP(freep_job_drill_sample) struct job_drill_sample *s = NULL;
	int rc;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	siphash_key(s->secret);
	if ((rc = etcd_keys_new(&s->keys, err)) < 0)
		return rc;
	*ret = TAKE(s);
	return 0;
}

void
job_drill_sample_free(struct job_drill_sample *s)
{
	if (s == NULL)
		return;
	while (s->n > 0)
		free(s->v[--s->n].key);
	etcd_keys_free(s->keys);
	free(s);
}

static struct held
hold(const struct job_drill_sample *s, const struct etcd_kv *kv, bool there)
{
	if (!there)
		return (struct held){ .there = false };
	return (struct held){
		.there = true,
		.create = kv->create_revision,
		.mod = kv->mod_revision,
		.version = kv->version,
		.lease = kv->lease,
		.value = siphash_of(s->secret, kv->value, kv->nvalue),
	};
}

static bool
is_same(const struct held *a, const struct held *b)
{
	return a->there == b->there && a->create == b->create &&
	       a->mod == b->mod && a->version == b->version &&
	       a->lease == b->lease && a->value == b->value;
}

/* Insert at ${at} a key whose lot is low enough. */
static int
insert(struct job_drill_sample *s, size_t at, uint64_t lot,
    const struct etcd_kv *kv, struct err *err)
{
	uint8_t *key = malloc(kv->nkey);

	if (key == NULL)
		return err_nomem(err);
	memcpy(key, kv->key, kv->nkey);
	memmove(&s->v[at + 1], &s->v[at], (s->n - at) * sizeof(s->v[0]));
	s->v[at] = (struct picked){ .lot = lot, .key = key, .nkey = kv->nkey };
	if (s->n < JOB_DRILL_SAMPLE)
		s->n++;
	else
		free(s->v[JOB_DRILL_SAMPLE].key);
	return 0;
}

static int
draw(struct job_drill_sample *s, const struct etcd_kv *kv, bool there,
    struct err *err)
{
	const uint64_t lot = siphash_of(s->secret, kv->key, kv->nkey);
	size_t lo = 0, hi = s->n, mid;
	int rc;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (s->v[mid].lot < lot)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == JOB_DRILL_SAMPLE)
		return 0;
	if ((lo == s->n || s->v[lo].lot != lot) &&
	    (rc = insert(s, lo, lot, kv, err)) < 0)
		return rc;
	s->v[lo].held = hold(s, kv, there);
	return 0;
}

int
job_drill_sample_add(void *arg, const struct etcd_record *r, struct err *err)
{
	struct job_drill_sample *s = arg;
	const bool there = !r->tombstone;
	struct etcd_kv kv;
	uint64_t *was;
	int rc;

	if (!etcd_kv_read(r->value, r->len, &kv))
		return err_set(
		    err, HF_ECORRUPT, "a record of etcd holds no message");
	/*
	 * What --bump-revision leaves behind: it has no key that could be asked
	 * for.
	 */
	if (kv.nkey == 0)
		return 0;
	if ((rc = etcd_keys_get(s->keys, kv.key, kv.nkey, &was, err)) < 0)
		return rc;
	s->there += (uint64_t)there - *was;
	*was = there;
	return draw(s, &kv, there, err);
}

uint64_t
job_drill_sample_keys(const struct job_drill_sample *s)
{
	return s->there;
}

/* One key, and what etcd said when it was asked for it. */
struct asked {
	const struct job_drill_sample *sample;
	struct held held;
};

static int
on_kv(void *arg, const struct etcd_kv *kv, struct err *err)
{
	struct asked *a = arg;

	(void)err;
	a->held = hold(a->sample, kv, true);
	return 0;
}

int
job_drill_sample_compare(const struct job_drill_sample *s,
    struct etcd_client *c, uint64_t revision, uint64_t *compared,
    uint64_t *wrong, struct err *err)
{
	enum etcd_revision gone;
	struct etcd_range_end end;
	size_t i;
	int rc;

	*compared = *wrong = 0;
	for (i = 0; i < s->n; i++) {
		struct asked a = { .sample = s };
		const struct etcd_range range = {
			.key = s->v[i].key,
			.nkey = s->v[i].nkey,
			.revision = revision,
			.fn = on_kv,
			.arg = &a,
		};

		if ((rc = etcd_range_get(c, &range, &end, &gone, err)) < 0)
			return rc;
		*compared += 1;
		*wrong += !is_same(&a.held, &s->v[i].held);
	}
	return 0;
}
