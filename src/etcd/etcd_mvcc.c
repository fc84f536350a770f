#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_mvcc.h"

#define TOMBSTONE 't'

bool
etcd_mvcc_key_read(const uint8_t *p, size_t n, struct etcd_record *r)
{
	if ((n != ETCD_MVCC_KEY && n != ETCD_MVCC_KEY_MAX) || p[8] != '_')
		return false;
	r->main = be64_get(p);
	r->sub = be64_get(p + 9);
	r->tombstone = n == ETCD_MVCC_KEY_MAX;
	/* The first revision of a store is 1; no transaction has more records
	 * than a backup can number. */
	return r->main > 0 && r->main <= INT64_MAX && r->sub <= UINT32_MAX &&
	       (!r->tombstone || p[ETCD_MVCC_KEY] == TOMBSTONE);
}

size_t
etcd_mvcc_key(const struct etcd_record *r, uint8_t to[ETCD_MVCC_KEY_MAX])
{
	be64_put(to, r->main);
	to[8] = '_';
	be64_put(to + 9, r->sub);
	if (!r->tombstone)
		return ETCD_MVCC_KEY;
	to[ETCD_MVCC_KEY] = TOMBSTONE;
	return ETCD_MVCC_KEY_MAX;
}

/* Return what is wrong with the message of a record, or NULL. */
static const char *
check_message(const struct etcd_record *r, struct etcd_kv *kv)
{
	if (!etcd_kv_read(r->value, r->len, kv))
		return "is no KeyValue message";
	if (r->len == 0)
		return NULL; /* --bump-revision */
	if (r->tombstone)
		return kv->nvalue > 0 || kv->mod_revision != 0 ||
			       kv->create_revision != 0 || kv->version != 0 ||
			       kv->lease != 0
			   ? "is a deletion and has more than a key"
			   : NULL;
	if (kv->mod_revision != r->main)
		return "has another mod_revision";
	if (kv->create_revision == 0 || kv->create_revision > r->main)
		return "has an impossible create_revision";
	if (kv->version == 0 || kv->version > r->main)
		return "has an impossible version";
	return NULL;
}

int
etcd_mvcc_record(
    const struct etcd_record *r, struct etcd_kv *kv, struct err *err)
{
	const char *bad = check_message(r, kv);

	if (bad == NULL)
		return 0;
	return err_set(err, HF_ECORRUPT,
	    "the record of revision %" PRIu64 ".%" PRIu64 " %s", r->main,
	    r->sub, bad);
}

int
etcd_mvcc_read(const struct etcd_bolt_item *item, struct etcd_record *r,
    struct etcd_kv *kv, struct err *err)
{
	if (item->flags != 0 || !etcd_mvcc_key_read(item->key, item->nkey, r))
		return err_set(err, HF_ECORRUPT,
		    "the bucket 'key' has an element that is no revision");
	r->value = item->value;
	r->len = item->nvalue;
	return etcd_mvcc_record(r, kv, err);
}

bool
etcd_mvcc_bucket_known(const uint8_t *name, size_t n)
{
	static const char *const known[] = { "alarm", "auth", "authRoles",
		"authUsers", "cluster", "key", "lease", "members",
		"members_removed", "meta" };
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i]) == n && memcmp(known[i], name, n) == 0)
			return true;
	return false;
}

int
etcd_mvcc_revision(const struct etcd_bolt *b, uint64_t compact_revision,
    uint64_t *ret, struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_record r = { .main = 1 };
	struct etcd_bolt_item item;
	struct etcd_kv kv;
	int rc;

	if ((rc = etcd_bolt_bucket(b, "key", &c, err)) < 0 ||
	    (rc = etcd_bolt_last(c, &item, err)) < 0 ||
	    (rc == 1 && (rc = etcd_mvcc_read(&item, &r, &kv, err)) < 0))
		return rc;
	*ret = r.main > compact_revision ? r.main : compact_revision;
	return 0;
}
