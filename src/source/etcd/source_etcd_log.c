#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "etcd/etcd_index.h"
#include "etcd/etcd_record.h"
#include "etcd/etcd_watch.h"
#include "source/etcd/source_etcd_facts.h"
#include "source/etcd/source_etcd_log.h"
#include "source/etcd/source_etcd_out.h"
#include "source/etcd/source_etcd_segments.h"

/* A run of the records that will be one file. */
struct source_etcd_log_segment {
	uint64_t main, sub; /* Of its first record. */
	size_t from;        /* Where that begins. */
};

/* The room that one very large revision needed is not kept. */
#define RECORDS_KEPT ((size_t)64 << 20)

static void
log_free(struct source *base)
{
	struct source_etcd_log *l = (struct source_etcd_log *)base;

	etcd_clock_clear(&l->clock);
	etcd_lease_file_clear(&l->leases);
	buf_free(&l->records);
	free(l->segments);
	free(l);
}

static int
add_segment(
    struct source_etcd_log *l, uint64_t main, uint64_t sub, struct err *err)
{
	size_t cap = l->cap > 0 ? 2 * l->cap : 16;
	struct source_etcd_log_segment *grown;

	if (l->nsegments == l->cap) {
		grown = reallocarray(l->segments, cap, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		l->segments = grown;
		l->cap = cap;
	}
	l->segments[l->nsegments++] = (struct source_etcd_log_segment){
		.main = main, .sub = sub, .from = l->records.len
	};
	return 0;
}

void
source_etcd_log_begin(struct source_etcd_log *l, uint64_t first, int64_t ms)
{
	l->first = first;
	l->last = first - 1;
	l->from_ms = l->to_ms = ms;
	l->hashed = false;
	l->has_leases = false;
	l->leases.n = 0;
	l->clock.n = 0;
	l->events = 0;
	l->nsegments = 0;
	l->records.len = 0;
	if (l->records.cap > RECORDS_KEPT)
		buf_free(&l->records);
}

size_t
source_etcd_log_bytes(const struct source_etcd_log *l)
{
	return l->records.len;
}

static bool
is_full(const struct source_etcd_log *l)
{
	return l->nsegments == 0 ||
	       l->records.len - l->segments[l->nsegments - 1].from >=
		   SOURCE_ETCD_SEGMENT_BYTES;
}

int
source_etcd_log_add(
    struct source_etcd_log *l, const struct etcd_event *ev, struct err *err)
{
	const struct etcd_record r = {
		.main = ev->kv.mod_revision,
		.sub = ev->sub,
		.tombstone = ev->deleted,
		.value = ev->record,
		.len = ev->nrecord,
	};
	const struct etcd_lease_row seen = { .id = ev->kv.lease };
	uint8_t head[ETCD_RECORD_HEAD];
	int rc;

	/* What the lease was granted for is asked when the log is stored. */
	if (seen.id != 0 && etcd_lease_file_find(&l->leases, seen.id) == NULL &&
	    (rc = etcd_lease_file_add(&l->leases, &seen, err)) < 0)
		return rc;
	if (is_full(l) && (rc = add_segment(l, r.main, r.sub, err)) < 0)
		return rc;
	etcd_record_head(&r, head);
	if ((rc = buf_reserve(&l->records, sizeof(head) + r.len, err)) < 0 ||
	    (rc = buf_add(&l->records, head, sizeof(head), err)) < 0 ||
	    (rc = buf_add(&l->records, r.value, r.len, err)) < 0)
		return rc;
	l->events++;
	return 0;
}

int
source_etcd_log_complete(
    struct source_etcd_log *l, uint64_t revision, int64_t ms, struct err *err)
{
	int rc;

	/* Else its times would be those of a clock that was wrong, until the
	 * right one has come so far. */
	if (l->clock.n == 0 && ms < l->from_ms)
		l->from_ms = l->to_ms = ms;
	if ((rc = etcd_clock_add(&l->clock, revision, ms, err)) < 0)
		return rc;
	l->last = revision;
	if (ms > l->to_ms)
		l->to_ms = ms;
	return 0;
}

static int
write_file(struct source_etcd_out *o, const char *path, const struct buf *b,
    struct err *err)
{
	int rc;

	if ((rc = source_etcd_out_begin(o, path, b->len, err)) < 0 ||
	    (rc = source_etcd_out_write(o, b->p, b->len, err)) < 0)
		return rc;
	return source_etcd_out_end(o, path, err);
}

static int
write_small(
    struct source_etcd_log *l, struct source_etcd_out *o, struct err *err)
{
	CLEANUP(freep_buf) struct buf clock = BUF_INIT;
	CLEANUP(freep_buf) struct buf leases = BUF_INIT;
	int rc;

	if ((rc = source_etcd_out_folder(o, ".", err)) < 0 ||
	    (rc = etcd_clock_encode(&l->clock, &clock, err)) < 0 ||
	    (rc = write_file(o, "clock", &clock, err)) < 0)
		return rc;
	if (l->has_leases &&
	    ((rc = etcd_lease_file_encode(&l->leases, &leases, err)) < 0 ||
		(rc = write_file(o, "leases", &leases, err)) < 0))
		return rc;
	return source_etcd_out_folder(o, "records", err);
}

static int
write_segment(struct source_etcd_log *l, size_t i, struct source_etcd_out *o,
    struct err *err)
{
	const struct source_etcd_log_segment *s = &l->segments[i];
	size_t end = i + 1 < l->nsegments ? s[1].from : l->records.len;
	char path[ETCD_INDEX_PATH_LEN];
	uint8_t magic[ETCD_MAGIC_LEN];
	int rc;

	etcd_segment_head(magic);
	etcd_index_path(s->main, s->sub, path);
	if ((rc = source_etcd_out_begin(o, path, end - s->from, err)) < 0 ||
	    (rc = source_etcd_out_write(o, magic, sizeof(magic), err)) < 0 ||
	    (rc = source_etcd_out_write(
		 o, l->records.p + s->from, end - s->from, err)) < 0)
		return rc;
	return source_etcd_out_end(o, path, err);
}

static int
tell_hash(const struct source_etcd_log *l, struct sink *sink, struct err *err)
{
	int rc;

	if (!l->hashed)
		return 0;
	rc = source_etcd_fact(sink, err, "etcd.hashkv", "%" PRIu32, l->hash);
	if (rc < 0)
		return rc;
	return source_etcd_fact(
	    sink, err, "etcd.hashkv.compact", "%" PRIu64, l->hash_compact);
}

static int
tell_word(
    struct sink *sink, const char *name, const char *value, struct err *err)
{
	if (value[0] == '\0')
		return 0;
	return sink_evidence(sink, name, value, err);
}

static int
tell(const struct source_etcd_log *l, struct sink *sink, struct err *err)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "etcd.log.first", l->first },
		{ "etcd.log.last", l->last },
		{ "etcd.log.from_ms", (uint64_t)l->from_ms },
		{ "etcd.log.to_ms", (uint64_t)l->to_ms },
		{ "etcd.log.events", l->events },
	};
	size_t i;
	int rc;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if ((rc = source_etcd_fact(sink, err, numbers[i].name,
			 "%" PRIu64, numbers[i].value)) < 0)
			return rc;
	if (l->has_leases && (rc = source_etcd_fact(sink, err,
				  "etcd.log.leases", "%zu", l->leases.n)) < 0)
		return rc;
	if ((rc = source_etcd_fact(sink, err, "etcd.cluster_id", "%" PRIx64,
		 l->cluster_id)) < 0 ||
	    (rc = tell_word(sink, "etcd.log.previous", l->previous, err)) < 0 ||
	    (rc = tell_word(sink, "etcd.state", l->state, err)) < 0)
		return rc;
	return tell_hash(l, sink, err);
}

static int
log_read(struct source *base, struct sink *sink, struct err *err)
{
	struct source_etcd_log *l = (struct source_etcd_log *)base;
	struct source_etcd_out o = {
		.sink = sink,
		.time_ns = 1000000 * l->to_ms,
	};
	size_t i;
	int rc;

	if ((rc = write_small(l, &o, err)) < 0)
		return rc;
	for (i = 0; i < l->nsegments; i++)
		if ((rc = write_segment(l, i, &o, err)) < 0)
			return rc;
	return tell(l, sink, err);
}

static const struct source_ops log_ops = {
	.name = "etcd-log",
	.read = log_read,
	.free = log_free,
};

int
source_etcd_log_new(struct source_etcd_log **ret, struct err *err)
{
	struct source_etcd_log *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return err_nomem(err);
	l->base.ops = &log_ops;
	(void)snprintf(l->base.label, sizeof(l->base.label), "etcd log");
	source_etcd_log_begin(l, 2, 0);
	*ret = l;
	return 0;
}
