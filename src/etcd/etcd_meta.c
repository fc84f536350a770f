#include <string.h>

#include "base/err.h"
#include "etcd/etcd_mvcc.h"

/* The length that the value of ${name} must have is 8. */
static bool
number(const struct etcd_bolt_item *item, uint64_t *ret)
{
	if (item->nvalue != 8)
		return false;
	*ret = __builtin_bswap64(le64_get(item->value));
	return true;
}

static bool
revision(const struct etcd_bolt_item *item, uint64_t *ret)
{
	struct etcd_record r;

	if (!etcd_mvcc_key_read(item->value, item->nvalue, &r))
		return false;
	*ret = r.main;
	return true;
}

static bool
text(const struct etcd_bolt_item *item, char *to, size_t size)
{
	if (item->nvalue >= size ||
	    memchr(item->value, '\0', item->nvalue) != NULL)
		return false;
	memcpy(to, item->value, item->nvalue);
	to[item->nvalue] = '\0';
	return true;
}

static bool
is(const struct etcd_bolt_item *item, const char *name)
{
	return item->nkey == strlen(name) &&
	       memcmp(item->key, name, item->nkey) == 0;
}

int
etcd_meta_take(
    struct etcd_meta *m, const struct etcd_bolt_item *item, struct err *err)
{
	bool ok = true;

	if (is(item, "scheduledCompactRev"))
		ok = revision(item, &m->scheduled_compact);
	else if (is(item, "finishedCompactRev"))
		ok = revision(item, &m->finished_compact);
	else if (is(item, "consistent_index"))
		ok = number(item, &m->consistent_index);
	else if (is(item, "term"))
		ok = number(item, &m->term);
	else if (is(item, "storageVersion"))
		ok = text(item, m->storage_version, sizeof(m->storage_version));
	else if (is(item, "confState"))
		return buf_add(&m->conf_state, item->value, item->nvalue, err);
	if (!ok)
		return err_set(err, HF_ECORRUPT,
		    "the bucket 'meta' has a '%.*s' that makes no sense",
		    (int)item->nkey, (const char *)item->key);
	return 0;
}

int
etcd_meta_read(const struct etcd_bolt *b, struct etcd_meta *m, struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	int rc;

	if ((rc = etcd_bolt_bucket(b, "meta", &c, err)) < 0)
		return rc;
	while ((rc = etcd_bolt_next(c, &item, err)) == 1)
		if ((rc = etcd_meta_take(m, &item, err)) < 0)
			return rc;
	return rc;
}

void
etcd_meta_clear(struct etcd_meta *m)
{
	buf_free(&m->conf_state);
}

uint64_t
etcd_meta_compact_revision(const struct etcd_meta *m)
{
	/* etcd resumes a compaction that was scheduled and not finished. */
	return m->scheduled_compact > m->finished_compact ? m->scheduled_compact
							  : m->finished_compact;
}
