#include <string.h>

#include "base/err.h"
#include "etcd/etcd_bolt_writer.h"
#include "etcd/etcd_bucket.h"
#include "etcd/etcd_bump.h"
#include "etcd/etcd_hashkv.h"
#include "etcd/etcd_lease_file.h"
#include "etcd/etcd_membership.h"
#include "etcd/etcd_mvcc.h"
#include "job/job_etcd_db.h"
#include "job/job_etcd_leases.h"
#include "job/job_etcd_rebuild.h"

/* What happens to the bucket whose pairs come. */
enum fate {
	COPY, /* Written as it is. */
	HOLD, /* Changed, and written later. */
	DROP, /* Others take their place, or none. */
};

struct held {
	bool is; /* There is one. */
	uint64_t sequence;
	struct etcd_bucket b;
};

struct rebuild {
	const struct job_etcd_rebuild_opts *opts;
	struct etcd_bolt_writer *w;  /* NULL: nothing is written. */
	struct etcd_hashkv_sum *sum; /* NULL: the hash is known. */
	struct job_etcd_digest digest;
	uint8_t bump_key[ETCD_REVISION_LEN];

	/* The bucket at hand, and those that are held. */
	enum fate fate;
	bool is_auth;
	struct held *at;
	struct held meta, cluster;

	/*
	 * At a revision that is past, keys may have leases that were gone
	 * when the backup was made.  Etcd would start, say so in its log, and
	 * keep such a key for ever: a lock would never be free again.
	 */
	bool past;
	struct held lease;
	struct etcd_lease_file had;
};

static bool
is(const uint8_t *p, size_t n, const char *word)
{
	return n == strlen(word) && memcmp(p, word, n) == 0;
}

static int
begin(struct rebuild *x, const void *name, size_t n, uint64_t sequence,
    struct err *err)
{
	if (x->w == NULL)
		return 0;
	return etcd_bolt_writer_bucket(x->w, name, n, sequence, err);
}

static int
put(struct rebuild *x, const void *key, size_t nkey, const void *value,
    size_t nvalue, struct err *err)
{
	if (x->w == NULL)
		return 0;
	return etcd_bolt_writer_put(x->w, key, nkey, value, nvalue, err);
}

/* Where a bucket is held, or NULL. */
static struct held *
holder(struct rebuild *x, const uint8_t *name, size_t n)
{
	if (is(name, n, "meta"))
		return &x->meta;
	if (is(name, n, "cluster"))
		return &x->cluster;
	return x->past && is(name, n, "lease") ? &x->lease : NULL;
}

static int
on_bucket(void *arg, const uint8_t *name, size_t n, uint64_t sequence,
    struct err *err)
{
	struct rebuild *x = arg;

	x->is_auth = is(name, n, "auth");
	if ((x->at = holder(x, name, n)) != NULL) {
		x->fate = HOLD;
		x->at->is = true;
		x->at->sequence = sequence;
		return 0;
	}
	x->fate = COPY;
	if (x->opts->members != NULL &&
	    (is(name, n, "members") || is(name, n, "members_removed"))) {
		x->fate = DROP;
		return 0;
	}
	/* They are of members that are gone, and one of NOSPACE would forbid
	 * every write to a database that has room again. */
	if (x->opts->members != NULL && is(name, n, "alarm"))
		x->fate = DROP;
	return begin(x, name, n, sequence, err);
}

static int
on_pair(void *arg, const uint8_t *key, size_t nkey, const uint8_t *value,
    size_t nvalue, struct err *err)
{
	static const uint8_t off[1] = { 0 };
	struct rebuild *x = arg;

	switch (x->fate) {
	case HOLD:
		return etcd_bucket_put(
		    &x->at->b, key, nkey, value, nvalue, err);
	case DROP:
		return 0;
	case COPY:
		break;
	}
	if (x->opts->no_auth && x->is_auth && is(key, nkey, "authEnabled"))
		return put(x, key, nkey, off, sizeof(off), err);
	return put(x, key, nkey, value, nvalue, err);
}

static int
put_bucket(struct rebuild *x, const char *name, uint64_t sequence,
    const struct etcd_bucket *b, struct err *err)
{
	size_t i;
	int rc;

	if ((rc = begin(x, name, strlen(name), sequence, err)) < 0)
		return rc;
	for (i = 0; i < b->n; i++)
		if ((rc = put(x, b->v[i].key, b->v[i].nkey, b->v[i].val,
			 b->v[i].nval, err)) < 0)
			return rc;
	return 0;
}

static int
put_members(struct rebuild *x, struct err *err)
{
	static const struct etcd_bucket none = ETCD_BUCKET_INIT;
	CLEANUP(etcd_bucket_clear) struct etcd_bucket b = ETCD_BUCKET_INIT;
	int rc;

	if ((rc = etcd_membership_fill_members(x->opts->members, &b, err)) <
		0 ||
	    (rc = put_bucket(x, "members", 0, &b, err)) < 0)
		return rc;
	return put_bucket(x, "members_removed", 0, &none, err);
}

static int
raise_revision(struct rebuild *x, struct err *err)
{
	int rc;

	if (x->opts->bump == 0)
		return 0;
	rc = etcd_bump_revision(
	    x->digest.revision, x->opts->bump, x->bump_key, &x->meta.b, err);
	if (rc < 0)
		return rc;
	x->digest.revision += x->opts->bump;
	x->digest.compact_revision = x->digest.revision;
	return 0;
}

static int
put_held(
    struct rebuild *x, const char *name, const struct held *h, struct err *err)
{
	return put_bucket(x, name, h->sequence, &h->b, err);
}

static int
end_downgrade(struct rebuild *x, struct err *err)
{
	struct etcd_downgrade *d = &x->digest.downgrade;
	int rc;

	if (!x->cluster.is)
		return 0;
	if ((rc = etcd_downgrade_read(&x->cluster.b, &x->meta.b, d, err)) < 0 ||
	    (rc = etcd_downgrade_end(d, &x->cluster.b, err)) < 0)
		return rc;
	return put_held(x, "cluster", &x->cluster, err);
}

static int
buckets(struct rebuild *x, struct job_etcd_db *db, struct err *err)
{
	const struct etcd_bucket_sink sink = { on_bucket, on_pair, x };
	const struct etcd_membership *members = x->opts->members;
	int rc;

	if ((rc = job_etcd_db_buckets(db, &sink, err)) < 0 ||
	    (rc = end_downgrade(x, err)) < 0)
		return rc;
	if (members != NULL &&
	    ((rc = etcd_membership_fill_meta(members, &x->meta.b, err)) < 0 ||
		(rc = put_members(x, err)) < 0))
		return rc;
	if ((rc = raise_revision(x, err)) < 0)
		return rc;
	return put_held(x, "meta", &x->meta, err);
}

static int
put_leases(struct rebuild *x, struct err *err)
{
	CLEANUP(freep_etcd_lease_file) struct etcd_lease_file gone = { 0 };
	struct job_etcd_digest *d = &x->digest;
	int rc;

	if ((rc = job_etcd_leases_gone(&x->had, &x->lease.b, &gone, err)) < 0)
		return rc;
	if (gone.n > 0 && x->opts->recall != NULL &&
	    (rc = x->opts->recall(x->opts->arg, &gone, err)) < 0)
		return rc;
	rc = job_etcd_leases_grant(&gone, &x->lease.b, &d->leases_known, err);
	if (rc < 0)
		return rc;
	d->leases_again = gone.n;
	return put_held(x, "lease", &x->lease, err);
}

static int
take(struct rebuild *x, const struct etcd_record *r, const uint8_t *key,
    size_t nkey, struct err *err)
{
	int rc;

	if (x->sum != NULL && (rc = etcd_hashkv_sum_add(x->sum, r, err)) < 0)
		return rc;
	x->digest.records++;
	return put(x, key, nkey, r->value, r->len, err);
}

static int
on_record(void *arg, const struct etcd_record *r, struct err *err)
{
	struct rebuild *x = arg;
	uint8_t key[ETCD_MVCC_KEY_MAX];
	size_t nkey = etcd_mvcc_key(r, key);
	int rc;

	if (x->opts->look != NULL &&
	    (rc = x->opts->look(x->opts->arg, r, err)) < 0)
		return rc;
	if (x->past && (rc = job_etcd_leases_note(&x->had, r, err)) < 0)
		return rc;
	return take(x, r, key, nkey, err);
}

/*
 * The hash that the live member had says everything where the restored one
 * will hash the same; where it will not, it is computed on the way.
 */
static int
expect(struct rebuild *x, const struct job_etcd_facts *f, struct err *err)
{
	const struct job_etcd_digest *d = &x->digest;

	if (f->has_hash && d->revision == f->revision &&
	    d->compact_revision == f->hash_compact) {
		x->digest.hash = f->hash;
		return 0;
	}
	return etcd_hashkv_sum_new(
	    d->revision, d->compact_revision, &x->sum, err);
}

static int
records(struct rebuild *x, struct job_etcd_db *db, struct err *err)
{
	struct etcd_record bump = { .main = x->digest.revision };
	int rc;

	if ((rc = begin(x, "key", 3, 0, err)) < 0 ||
	    (rc = job_etcd_db_records(
		 db, x->opts->revision, on_record, x, err)) < 0)
		return rc;
	if (x->opts->bump > 0 &&
	    (rc = take(x, &bump, x->bump_key, sizeof(x->bump_key), err)) < 0)
		return rc;
	if (x->sum != NULL)
		x->digest.hash = etcd_hashkv_sum_end(x->sum);
	return 0;
}

static int
run(struct rebuild *x, struct job_etcd_db *db, struct err *err)
{
	int rc;

	if ((rc = buckets(x, db, err)) < 0 ||
	    (rc = expect(x, job_etcd_db_facts(db), err)) < 0 ||
	    (rc = records(x, db, err)) < 0 ||
	    (x->past && (rc = put_leases(x, err)) < 0))
		return rc;
	if (x->w == NULL)
		return 0;
	return etcd_bolt_writer_finish(x->w, &x->digest.size, err);
}

static struct rebuild
prepare(
    const struct job_etcd_rebuild_opts *opts, const struct job_etcd_facts *f)
{
	return (struct rebuild){
		.opts = opts,
		.digest.revision =
		    opts->revision > 0 ? opts->revision : f->revision,
		.digest.compact_revision = f->compact_revision,
	};
}

static void
clear(struct rebuild *x)
{
	etcd_bolt_writer_free(x->w);
	etcd_hashkv_sum_free(x->sum);
	etcd_bucket_clear(&x->meta.b);
	etcd_bucket_clear(&x->cluster.b);
	etcd_bucket_clear(&x->lease.b);
	etcd_lease_file_clear(&x->had);
}

int
job_etcd_rebuild(struct job_etcd_db *db,
    const struct job_etcd_rebuild_opts *opts, int fd, const char *path,
    struct job_etcd_digest *ret, struct err *err)
{
	const struct job_etcd_facts *f = job_etcd_db_facts(db);
	CLEANUP(clear) struct rebuild x = prepare(opts, f);
	int rc;

	x.past = x.digest.revision < f->others_revision;
	x.digest.at = x.digest.revision;
	x.digest.others_revision = f->others_revision;
	if (fd >= 0 &&
	    (rc = etcd_bolt_writer_new(fd, path, f->page_size, &x.w, err)) < 0)
		return rc;
	if ((rc = run(&x, db, err)) == 0)
		*ret = x.digest;
	return rc;
}

int
job_etcd_digest(struct job_etcd_db *db,
    const struct job_etcd_rebuild_opts *opts, uint64_t compact_revision,
    struct job_etcd_digest *ret, struct err *err)
{
	CLEANUP(clear)
	struct rebuild x = prepare(opts, job_etcd_db_facts(db));
	int rc;

	if ((rc = raise_revision(&x, err)) < 0)
		return rc;
	if (compact_revision > x.digest.compact_revision)
		x.digest.compact_revision = compact_revision;
	if ((rc = expect(&x, job_etcd_db_facts(db), err)) < 0 ||
	    (x.sum != NULL && (rc = records(&x, db, err)) < 0))
		return rc;
	*ret = x.digest;
	return 0;
}

int
job_etcd_downgrade(
    struct job_etcd_db *db, struct etcd_downgrade *ret, struct err *err)
{
	static const struct job_etcd_rebuild_opts none = { 0 };
	CLEANUP(clear)
	struct rebuild x = prepare(&none, job_etcd_db_facts(db));
	const struct etcd_bucket_sink sink = { on_bucket, on_pair, &x };
	int rc;

	if ((rc = job_etcd_db_buckets(db, &sink, err)) < 0)
		return rc;
	return etcd_downgrade_read(&x.cluster.b, &x.meta.b, ret, err);
}
