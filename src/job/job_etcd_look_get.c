#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/escape.h"
#include "etcd/etcd_mvcc.h"
#include "job/job_etcd_db.h"
#include "job/job_etcd_look.h"

/* The search for one key. */
struct get {
	const void *key;
	size_t n;
	bool found;
	uint64_t deleted; /* The revision at which it was; 0: never. */
	struct job_etcd_item item;
	struct buf *value;
};

static int
take_record(void *arg, const struct etcd_record *r, struct err *err)
{
	struct get *g = arg;
	struct etcd_kv kv;
	int rc;

	if ((rc = etcd_mvcc_record(r, &kv, err)) < 0)
		return rc;
	if (kv.nkey != g->n || memcmp(kv.key, g->key, g->n) != 0)
		return 0;
	g->found = !r->tombstone;
	g->value->len = 0;
	if (r->tombstone) {
		g->deleted = r->main;
		return 0;
	}
	g->item = (struct job_etcd_item){
		.create_revision = kv.create_revision,
		.mod_revision = kv.mod_revision,
		.version = kv.version,
		.lease = kv.lease,
		.size = kv.nvalue,
	};
	return buf_add(g->value, kv.value, kv.nvalue, err);
}

/*
 * Count the bytes that the key and ${item} have in common at their beginning.
 */
static size_t
common(const struct get *g, const struct job_etcd_item *item)
{
	const uint8_t *key = g->key;
	size_t n = 0;

	while (n < g->n && n < item->nkey && key[n] == item->key[n])
		n++;
	return n;
}

/* Return the first of those keys that share the longest beginning with it. */
static const struct job_etcd_item *
nearest(const struct get *g, const struct job_etcd_look *l)
{
	const struct job_etcd_item *best = NULL, *item;
	size_t i, n, most = 0;

	for (i = 0; (item = job_etcd_look_at(l, i)) != NULL; i++)
		if (best == NULL || (n = common(g, item)) > most) {
			most = common(g, item);
			best = item;
		}
	return best;
}

static int
hint_nearest(struct job_etcd_db *db, uint64_t revision, const struct get *g,
    struct err *err)
{
	const struct job_etcd_look_opts opts = { .revision = revision };
	CLEANUP(freep_job_etcd_look) struct job_etcd_look *l = NULL;
	CLEANUP(freep_buf) struct buf text = BUF_INIT;
	const struct job_etcd_item *item;
	struct err e = ERR_INIT;

	/* The answer is that there is no such key; the hint is an extra. */
	if (job_etcd_look_new(db, &opts, &l, &e) < 0)
		return err->code;
	if ((item = nearest(g, l)) == NULL)
		return err_hint(err, "there is no key at all");
	if (escape_add(&text, item->key, item->nkey, &e) < 0)
		return err->code;
	return err_hint(
	    err, "the nearest is '%.*s'", (int)text.len, (char *)text.p);
}

static int
not_found(struct job_etcd_db *db, uint64_t revision, const struct get *g,
    struct err *err)
{
	CLEANUP(freep_buf) struct buf text = BUF_INIT;
	int rc;

	if ((rc = escape_add(&text, g->key, g->n, err)) < 0)
		return rc;
	(void)err_set(err, HF_ENOTFOUND,
	    "there is no key '%.*s' at revision %" PRIu64, (int)text.len,
	    text.p != NULL ? (char *)text.p : "", revision);
	if (g->deleted > 0)
		return err_hint(
		    err, "it was deleted at revision %" PRIu64, g->deleted);
	return hint_nearest(db, revision, g, err);
}

int
job_etcd_look_get(struct job_etcd_db *db, uint64_t revision, const void *key,
    size_t n, struct job_etcd_item *ret, struct buf *value, struct err *err)
{
	struct get g = { .key = key, .n = n, .value = value };
	int rc;

	rc = job_etcd_db_records(db, revision, take_record, &g, err);
	if (rc < 0)
		return rc;
	if (revision == 0)
		revision = job_etcd_db_facts(db)->revision;
	if (!g.found)
		return not_found(db, revision, &g, err);
	*ret = g.item;
	return 0;
}
