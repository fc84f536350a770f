#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/err.h"
#include "etcd/etcd_keys.h"
#include "etcd/etcd_mvcc.h"

/* Every record; ${newest} is then, of each key, the last one's revision. */
static int
check_records(const struct etcd_bolt *b, struct etcd_keys *newest, bool *leases,
    struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	struct etcd_record r;
	struct etcd_kv kv;
	uint64_t *main;
	int rc;

	if ((rc = etcd_bolt_bucket(b, "key", &c, err)) < 0)
		return rc;
	while ((rc = etcd_bolt_next(c, &item, err)) == 1) {
		if ((rc = etcd_mvcc_read(&item, &r, &kv, err)) < 0)
			return rc;
		rc = etcd_keys_get(newest, kv.key, kv.nkey, &main, err);
		if (rc < 0)
			return rc;
		if (*main >= r.main)
			return err_set(err, HF_ECORRUPT,
			    "revision %" PRIu64 " has a key twice", r.main);
		*main = r.main;
		*leases = *leases || kv.lease != 0;
	}
	return rc;
}

static int
check_lease(struct etcd_bolt_cursor *leases, const struct etcd_record *r,
    uint64_t id, struct err *err)
{
	uint64_t name = __builtin_bswap64(id);
	struct etcd_bolt_item item;
	uint8_t key[8];
	int rc;

	le64_put(key, name);
	if ((rc = etcd_bolt_seek(leases, key, 8, &item, err)) < 0)
		return rc;
	if (rc == 1 && item.nkey == 8 && memcmp(item.key, key, 8) == 0)
		return 0;
	return err_set(err, HF_ECORRUPT,
	    "the key of revision %" PRIu64 " has the lease %016" PRIx64
	    ", which does not exist",
	    r->main, id);
}

/* A key and its lease go in one transaction, so none outlives the other. */
static int
check_leases(
    const struct etcd_bolt *b, struct etcd_keys *newest, struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *keys = NULL;
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *leases = NULL;
	struct etcd_bolt_item item;
	struct etcd_record r;
	struct etcd_kv kv;
	uint64_t *main;
	int rc;

	if ((rc = etcd_bolt_bucket(b, "key", &keys, err)) < 0 ||
	    (rc = etcd_bolt_bucket(b, "lease", &leases, err)) < 0)
		return rc;
	while ((rc = etcd_bolt_next(keys, &item, err)) == 1) {
		if ((rc = etcd_mvcc_read(&item, &r, &kv, err)) < 0)
			return rc;
		if (kv.lease == 0)
			continue;
		rc = etcd_keys_get(newest, kv.key, kv.nkey, &main, err);
		if (rc < 0)
			return rc;
		if (*main == r.main &&
		    (rc = check_lease(leases, &r, kv.lease, err)) < 0)
			return rc;
	}
	return rc;
}

static int
check_meta(const struct etcd_bolt *b, struct err *err)
{
	CLEANUP(etcd_meta_clear) struct etcd_meta m = ETCD_META_INIT;
	int rc;

	if ((rc = etcd_meta_read(b, &m, err)) < 0)
		return rc;
	/*
	 * The last record may well be older: what was compacted may all have
	 * been deleted before.
	 */
	if (m.finished_compact > m.scheduled_compact)
		return err_set(err, HF_ECORRUPT,
		    "the compaction to revision %" PRIu64
		    " has finished, and only %" PRIu64 " was scheduled",
		    m.finished_compact, m.scheduled_compact);
	return 0;
}

static int
check_members(const struct etcd_bolt *b, struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	json_t *doc;
	bool good;
	int rc;

	if ((rc = etcd_bolt_bucket(b, "members", &c, err)) < 0)
		return rc;
	while ((rc = etcd_bolt_next(c, &item, err)) == 1) {
		/* Members' numbers have 64 bits, jansson's have 63. */
		doc = json_loadb((const char *)item.value, item.nvalue,
		    JSON_DECODE_INT_AS_REAL, NULL);
		good = json_is_object(doc) &&
		       json_is_array(json_object_get(doc, "peerURLs"));
		json_decref(doc);
		if (!good)
			return err_set(err, HF_ECORRUPT,
			    "the bucket 'members' has one that is none");
	}
	return rc;
}

int
etcd_mvcc_check(const struct etcd_bolt *b, struct err *err)
{
	CLEANUP(freep_etcd_keys) struct etcd_keys *newest = NULL;
	bool leases = false;
	int rc;

	if ((rc = check_meta(b, err)) < 0 || (rc = check_members(b, err)) < 0 ||
	    (rc = etcd_keys_new(&newest, err)) < 0 ||
	    (rc = check_records(b, newest, &leases, err)) < 0)
		return rc;
	return leases ? check_leases(b, newest, err) : 0;
}
