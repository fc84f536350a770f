#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "etcd/etcd_audit.h"
#include "etcd/etcd_keys.h"
#include "etcd/etcd_mvcc.h"

/* The newest version of a key so far. */
struct version {
	uint64_t main, lease;
};

/* What the pairs of the bucket at hand are. */
enum bucket {
	OTHER,
	LEASES,
	MEMBERS,
	META,
};

struct etcd_audit {
	struct etcd_keys *keys; /* Number: its version, counted from 1. */
	struct version *versions;
	size_t nversions, cap;
	uint64_t *leases; /* Ascending, as their bucket is. */
	size_t nleases;
	struct etcd_meta meta;
	enum bucket bucket;
};

int
etcd_audit_new(struct etcd_audit **ret, struct err *err)
{
	CLEANUP(freep_etcd_audit) struct etcd_audit *a = NULL;
	int rc;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return err_nomem(err);
	a->meta = (struct etcd_meta)ETCD_META_INIT;
	if ((rc = etcd_keys_new(&a->keys, err)) < 0)
		return rc;
	*ret = TAKE(a);
	return 0;
}

void
etcd_audit_free(struct etcd_audit *a)
{
	if (a == NULL)
		return;
	etcd_keys_free(a->keys);
	etcd_meta_clear(&a->meta);
	free(a->versions);
	free(a->leases);
	free(a);
}

/* Give the version of the key of ${kv}; its main is 0 if the key is new. */
static int
version_of(struct etcd_audit *a, const struct etcd_kv *kv, struct version **ret,
    struct err *err)
{
	size_t cap = a->cap > 0 ? 2 * a->cap : 1024;
	struct version *grown;
	uint64_t *number;
	int rc;

	rc = etcd_keys_get(a->keys, kv->key, kv->nkey, &number, err);
	if (rc < 0)
		return rc;
	if (*number == 0) {
		if (a->nversions == a->cap) {
			grown = reallocarray(a->versions, cap, sizeof(*grown));
			if (grown == NULL)
				return err_nomem(err);
			a->versions = grown;
			a->cap = cap;
		}
		a->versions[a->nversions] = (struct version){ 0 };
		*number = ++a->nversions;
	}
	*ret = &a->versions[*number - 1];
	return 0;
}

int
etcd_audit_record(void *audit, const struct etcd_record *r, struct err *err)
{
	struct etcd_audit *a = audit;
	struct version *v;
	struct etcd_kv kv;
	int rc;

	if ((rc = etcd_mvcc_record(r, &kv, err)) < 0 ||
	    (rc = version_of(a, &kv, &v, err)) < 0)
		return rc;
	if (v->main >= r->main)
		return err_set(err, HF_ECORRUPT,
		    "revision %" PRIu64 " has a key twice", r->main);
	*v = (struct version){ .main = r->main, .lease = kv.lease };
	return 0;
}

static int
begin_bucket(
    void *arg, const uint8_t *name, size_t n, uint64_t seq, struct err *err)
{
	static const struct {
		const char *name;
		enum bucket bucket;
	} known[] = {
		{ "lease", LEASES },
		{ "members", MEMBERS },
		{ "meta", META },
	};
	struct etcd_audit *a = arg;
	size_t i;

	(void)seq, (void)err;
	a->bucket = OTHER;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == n &&
		    memcmp(known[i].name, name, n) == 0)
			a->bucket = known[i].bucket;
	return 0;
}

/* The key of a lease is its number, big endian. */
static int
take_lease(
    struct etcd_audit *a, const uint8_t *key, size_t nkey, struct err *err)
{
	uint64_t *grown = a->leases;

	if (nkey != sizeof(*grown))
		return err_set(err, HF_ECORRUPT,
		    "the bucket 'lease' has a key that is no number");
	/*
	 * There is room for 1, 2, 4, ...: it is full when the count is a power
	 * of 2.
	 */
	if ((a->nleases & (a->nleases - 1)) == 0)
		grown = reallocarray(a->leases,
		    a->nleases > 0 ? 2 * a->nleases : 1, sizeof(*grown));
	if (grown == NULL)
		return err_nomem(err);
	a->leases = grown;
	grown[a->nleases++] = __builtin_bswap64(le64_get(key));
	return 0;
}

static int
check_member(const uint8_t *value, size_t n, struct err *err)
{
	json_auto_t *doc = NULL;
	json_error_t why;

	/* Members' numbers have 64 bits, jansson's have 63. */
	doc = json_loadb((const char *)value, n, JSON_DECODE_INT_AS_REAL, &why);
	if (doc == NULL && json_error_code(&why) == json_error_out_of_memory)
		return err_nomem(err);
	if (json_is_object(doc) &&
	    json_is_array(json_object_get(doc, "peerURLs")))
		return 0;
	return err_set(
	    err, HF_ECORRUPT, "the bucket 'members' has a malformed member");
}

static int
take_pair(void *arg, const uint8_t *key, size_t nkey, const uint8_t *value,
    size_t nvalue, struct err *err)
{
	const struct etcd_bolt_item item = { key, value, nkey, nvalue, 0 };
	struct etcd_audit *a = arg;

	switch (a->bucket) {
	case LEASES:
		return take_lease(a, key, nkey, err);
	case MEMBERS:
		return check_member(value, nvalue, err);
	case META:
		return etcd_meta_take(&a->meta, &item, err);
	case OTHER:
		break;
	}
	return 0;
}

struct etcd_bucket_sink
etcd_audit_buckets(struct etcd_audit *a)
{
	return (struct etcd_bucket_sink){ begin_bucket, take_pair, a };
}

static int
compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * Check that the lease of a key exists: etcd removes both in one transaction.
 */
static int
check_lease(
    const struct etcd_audit *a, const struct version *v, struct err *err)
{
	if (v->lease == 0 ||
	    (a->nleases > 0 && bsearch(&v->lease, a->leases, a->nleases,
				   sizeof(v->lease), compare) != NULL))
		return 0;
	return err_set(err, HF_ECORRUPT,
	    "the key of revision %" PRIu64 " has the lease %016" PRIx64
	    ", which does not exist",
	    v->main, v->lease);
}

int
etcd_audit_end(struct etcd_audit *a, struct err *err)
{
	size_t i;
	int rc;

	/*
	 * The last record may be older, if all that came after it was deleted
	 * and compacted away.
	 */
	if (a->meta.finished_compact > a->meta.scheduled_compact)
		return err_set(err, HF_ECORRUPT,
		    "the compaction to revision %" PRIu64
		    " has finished, and only %" PRIu64 " was scheduled",
		    a->meta.finished_compact, a->meta.scheduled_compact);
	for (i = 0; i < a->nversions; i++)
		if ((rc = check_lease(a, &a->versions[i], err)) < 0)
			return rc;
	return 0;
}
