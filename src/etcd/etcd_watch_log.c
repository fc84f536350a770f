#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "etcd/etcd_watch_log.h"

/* The size of a batch that is worth taking; see etcd_watch_log_full. */
#define WHOLE_MAX ((size_t)256 * 1024)
/* No revision is larger: this is some millions of keys, deleted at once. */
#define REVISION_MAX ((size_t)512 * 1024 * 1024)
/* So often a server may claim progress without sending what it claims. */
#define AHEAD_MAX 10

enum {
	PUT = 0,
	DELETE = 1
};

void
etcd_watch_log_init(struct etcd_watch_log *l, uint64_t start)
{
	/* A new store is at revision 1, and nothing has happened in it. */
	if (start < 2)
		start = 2;
	*l = (struct etcd_watch_log){ .first = start, .next = start };
}

void
etcd_watch_log_clear(struct etcd_watch_log *l)
{
	buf_free(&l->in);
	buf_free(&l->out);
}

static int
malformed(struct err *err)
{
	return etcd_malformed("Watch", err);
}

/*
 * Read an Event: type = 1, kv = 2.  The record of a put is its KeyValue, that
 * of a deletion a KeyValue with the key alone, which is where one begins.
 */
static bool
read_event(const struct pb *field, struct etcd_event *ev)
{
	uint64_t type = PUT;
	const uint8_t *kv = NULL;
	struct pb r;
	size_t n = 0;
	int k;

	pb_init(&r, field->ptr, field->len);
	while ((k = pb_next(&r)) == 1) {
		if (r.field == 1 && r.wire == PB_VARINT) {
			type = r.val;
		} else if (r.field == 2 && r.wire == PB_BYTES) {
			kv = r.ptr;
			n = r.len;
		}
	}
	if (k < 0 || type > DELETE || kv == NULL ||
	    !etcd_kv_read(kv, n, &ev->kv) || ev->kv.nkey == 0)
		return false;
	ev->deleted = type == DELETE;
	ev->record = kv;
	ev->nrecord = n;
	if (ev->deleted)
		ev->nrecord = (size_t)(ev->kv.key + ev->kv.nkey - kv);
	return true;
}

/* Are these the fields of a KeyValue, in their order? */
static bool
canonical(const struct etcd_event *ev)
{
	uint32_t last = 0;
	struct pb r;

	pb_init(&r, ev->record, ev->nrecord);
	while (pb_next(&r) == 1) {
		if (r.field <= last || r.field > (ev->deleted ? 1 : 6))
			return false;
		last = r.field;
	}
	return true;
}

/*
 * Check that the event belongs to the revision that is due, or begins the next.
 */
static int
check_order(
    struct etcd_watch_log *l, const struct etcd_event *ev, struct err *err)
{
	const uint64_t rev = ev->kv.mod_revision;

	if (rev == l->next)
		return 0;
	if (l->partial && rev == l->next + 1) {
		l->next++;
		l->whole = l->in.len;
		return 0;
	}
	if (rev < l->next)
		return err_set(err, HF_ESOURCE,
		    "the server went back to revision %" PRIu64 " when %" PRIu64
		    " was due",
		    rev, l->next);
	return err_set(err, HF_ESOURCE,
	    "the server left out revision %" PRIu64 " before %" PRIu64,
	    l->next + l->partial, rev);
}

static int
take_event(struct etcd_watch_log *l, const struct pb *field, struct err *err)
{
	struct etcd_event ev;
	int rc;

	if (!read_event(field, &ev) || !canonical(&ev))
		return malformed(err);
	if ((rc = check_order(l, &ev, err)) < 0)
		return rc;
	if (l->in.len - l->whole > REVISION_MAX)
		return err_set(err, HF_ESOURCE,
		    "revision %" PRIu64 " has more than %zu MiB of events",
		    l->next, REVISION_MAX >> 20);
	l->partial = true;
	return pb_add_bytes(&l->in, 11, field->ptr, field->len, err);
}

/* What a response says besides its events. */
struct response {
	struct etcd_header header;
	bool created, cancelled, fragment;
	uint64_t compacted;
	size_t events;
};

/*
 * WatchResponse: header = 1, created = 3, canceled = 4, compact_revision = 5,
 * cancel_reason = 6, fragment = 7, events = 11.
 */
static bool
read_response(
    struct etcd_watch_log *l, const uint8_t *p, size_t n, struct response *m)
{
	struct pb r;
	int k;

	pb_init(&r, p, n);
	while ((k = pb_next(&r)) == 1) {
		if (r.field == 1 && !etcd_header_read(&r, &m->header))
			return false;
		if (r.field == 6 && r.wire == PB_BYTES)
			pb_text(&r, l->reason, sizeof(l->reason));
		m->events += r.field == 11 && r.wire == PB_BYTES;
		if (r.wire != PB_VARINT)
			continue;
		if (r.field == 3)
			m->created = r.val != 0;
		else if (r.field == 4)
			m->cancelled = r.val != 0;
		else if (r.field == 5)
			m->compacted = r.val;
		else if (r.field == 7)
			m->fragment = r.val != 0;
	}
	return k == 0;
}

/* A response without events says that nothing up to its revision is missing. */
static int
take_progress(struct etcd_watch_log *l, struct err *err)
{
	if (!l->partial && l->header.revision < l->next) {
		l->progress = true;
		l->ahead = 0;
	} else if (++l->ahead == AHEAD_MAX) {
		return err_set(err, HF_ESOURCE,
		    "the server is at revision %" PRIu64
		    " and does not send revision %" PRIu64,
		    l->header.revision, l->next);
	}
	return 0;
}

static int
take_events(struct etcd_watch_log *l, const uint8_t *p, size_t n, bool fragment,
    struct err *err)
{
	struct pb r;
	int rc;

	pb_init(&r, p, n);
	while (pb_next(&r) == 1)
		if (r.field == 11 && r.wire == PB_BYTES &&
		    (rc = take_event(l, &r, err)) < 0)
			return rc;
	l->ahead = 0;
	l->progress = false;
	if (fragment)
		return 0;
	l->next++;
	l->partial = false;
	l->whole = l->in.len;
	return 0;
}

int
etcd_watch_log_feed(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct etcd_watch_log *l = arg;
	struct response m = { 0 };

	/* An answer to etcd_watch_ask may still come. */
	if (l->cancelled)
		return 0;
	if (!read_response(l, p, n, &m) || m.header.member_id == 0)
		return malformed(err);
	l->header = m.header;
	l->created = l->created || m.created;
	l->cancelled = m.cancelled || m.compacted > 0;
	l->compacted = m.compacted;
	if (l->cancelled || (m.created && m.events == 0))
		return 0;
	if (m.events == 0)
		return m.fragment ? malformed(err) : take_progress(l, err);
	return take_events(l, p, n, m.fragment, err);
}

bool
etcd_watch_log_full(void *arg)
{
	const struct etcd_watch_log *l = arg;

	return l->whole >= WHOLE_MAX;
}

/*
 * Give out the revisions that are whole; what is not stays, in a buffer of its
 * own.
 */
static int
take_whole(struct etcd_watch_log *l, struct etcd_batch *ret, struct err *err)
{
	struct buf out = l->in;
	int rc;

	/* The room that one very large revision needed is not kept. */
	if (l->out.cap > 16 * WHOLE_MAX)
		buf_free(&l->out);
	l->out.len = 0;
	if ((rc = buf_add(
		 &l->out, l->in.p + l->whole, l->in.len - l->whole, err)) < 0)
		return rc;
	l->in = l->out;
	l->out = out;
	*ret = (struct etcd_batch){ .what = ETCD_WATCH_EVENTS,
		.first = l->first,
		.complete = l->next - 1 };
	pb_init(&ret->rest, l->out.p, l->whole);
	l->first = l->next;
	l->whole = 0;
	return 1;
}

int
etcd_watch_log_take(
    struct etcd_watch_log *l, struct etcd_batch *ret, struct err *err)
{
	if (l->whole > 0)
		return take_whole(l, ret, err);
	*ret =
	    (struct etcd_batch){ .first = l->first, .complete = l->first - 1 };
	if (l->compacted > 0) {
		ret->what = ETCD_WATCH_COMPACTED;
		ret->compacted = l->compacted;
		return 1;
	}
	if (l->progress) {
		l->progress = false;
		ret->what = ETCD_WATCH_PROGRESS;
		return 1;
	}
	return 0;
}

bool
etcd_batch_next(struct etcd_batch *b, struct etcd_event *ret)
{
	if (pb_next(&b->rest) != 1 || !read_event(&b->rest, ret))
		return false;
	if (ret->kv.mod_revision != b->main) {
		b->main = ret->kv.mod_revision;
		b->sub = 0;
	}
	ret->sub = b->sub++;
	return true;
}
