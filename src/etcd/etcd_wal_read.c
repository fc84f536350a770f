#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_wal.h"

#define HEAD 8 /* The length field. */
#define SECTOR 512

void
etcd_wal_init(struct etcd_wal_in *w, const void *p, size_t n)
{
	*w = (struct etcd_wal_in){ .p = p, .size = n };
}

static bool
is_zero(const uint8_t *p, size_t n)
{
	while (n > 0 && *p == 0) {
		p++;
		n--;
	}
	return n == 0;
}

/* Is there a sector that was not written?  Disks write whole sectors. */
static bool
is_torn(const struct etcd_wal_in *w, size_t n)
{
	size_t at = w->at + HEAD, end = at + n, piece;

	for (; at < end; at += piece) {
		piece = SECTOR - at % SECTOR;
		if (piece > end - at)
			piece = end - at;
		if (is_zero(w->p + at, piece))
			return true;
	}
	return false;
}

/* Find type, crc and data of the record of ${n} bytes. */
static int
decode(struct etcd_wal_in *w, size_t n, uint64_t *type, uint64_t *crc)
{
	struct pb r;
	int k;

	pb_init(&r, w->p + w->at + HEAD, n);
	w->data = NULL;
	w->len = 0;
	*type = *crc = 0;
	while ((k = pb_next(&r)) == 1) {
		if (r.field == 1 && r.wire == PB_VARINT) {
			*type = r.val;
		} else if (r.field == 2 && r.wire == PB_VARINT) {
			*crc = r.val;
		} else if (r.field == 3 && r.wire == PB_BYTES) {
			w->data = r.ptr;
			w->len = r.len;
		}
	}
	return k;
}

static int
corrupt(const struct etcd_wal_in *w, const char *what, struct err *err)
{
	return err_set(
	    err, HF_ECORRUPT, "the log's record at byte %zu %s", w->at, what);
}

/* The log ends here if a crash explains the damage in the next ${n} bytes. */
static int
damaged(struct etcd_wal_in *w, size_t n, const char *what, struct err *err)
{
	if (!is_torn(w, n))
		return corrupt(w, what, err);
	w->torn = true;
	return 0;
}

/* Take a record, whose ${n} bytes and padding are all there. */
static int
take(struct etcd_wal_in *w, size_t n, size_t pad, struct err *err)
{
	uint64_t type, crc;
	uint32_t sum = w->crc;

	if (decode(w, n, &type, &crc) < 0)
		return damaged(w, n + pad, "is malformed", err);
	if (type == ETCD_WAL_CRC) {
		/* The sum of the files before this one, if there are any. */
		if (crc > UINT32_MAX || (sum != 0 && crc != sum))
			return corrupt(w, "contradicts the checksum", err);
		sum = (uint32_t)crc;
	} else {
		if (w->len > 0)
			sum = crc32c(sum, w->data, w->len);
		if (crc != sum)
			return damaged(w, n + pad, "has a wrong checksum", err);
	}
	if (type < ETCD_WAL_METADATA || type > ETCD_WAL_SNAPSHOT)
		return corrupt(w, "has an unknown type", err);
	w->type = (enum etcd_wal_type)type;
	w->crc = sum;
	w->at += HEAD + n + pad;
	return 1;
}

int
etcd_wal_next(struct etcd_wal_in *w, struct err *err)
{
	const size_t left = w->size - w->at;
	uint64_t head, n;
	size_t pad;

	if (left < HEAD) {
		w->torn = left > 0;
		return 0;
	}
	head = le64_get(w->p + w->at);
	if (head == 0)
		return 0;
	n = head & UINT64_C(0x00ffffffffffffff);
	pad = (head >> 63) != 0 ? (head >> 56) & 7 : 0;
	if (n > left - HEAD || pad > left - HEAD - n) {
		w->torn = true;
		return 0;
	}
	return take(w, (size_t)n, pad, err);
}

/* The varints of a message: fields 1 to 3, where those of others are 0. */
struct numbers {
	uint64_t v[4];
	const uint8_t *ptr; /* Field 3 as bytes; or NULL. */
	size_t len;
};

static int
read_numbers(const struct etcd_wal_in *w, struct numbers *ret, struct err *err)
{
	struct pb r;
	int k;

	*ret = (struct numbers){ .ptr = NULL };
	pb_init(&r, w->data, w->len);
	while ((k = pb_next(&r)) == 1) {
		if (r.wire == PB_VARINT && r.field <= 3) {
			ret->v[r.field] = r.val;
		} else if (r.wire == PB_BYTES && r.field == 3) {
			ret->ptr = r.ptr;
			ret->len = r.len;
		}
	}
	if (k == 0)
		return 0;
	return err_set(err, HF_ECORRUPT,
	    "the log's record before byte %zu has malformed data", w->at);
}

struct reading {
	struct etcd_wal_facts facts;
	bool met; /* Metadata was seen. */
};

static int
on_metadata(struct reading *g, const struct numbers *m, struct err *err)
{
	struct etcd_wal_facts *f = &g->facts;

	if (g->met && (m->v[1] != f->node_id || m->v[2] != f->cluster_id))
		return err_set(err, HF_ECORRUPT,
		    "the log belongs to two members: %" PRIx64 " and %" PRIx64,
		    f->node_id, m->v[1]);
	g->met = true;
	f->node_id = m->v[1];
	f->cluster_id = m->v[2];
	return 0;
}

/* A later entry of an index replaces an earlier one. */
static int
on_entry(struct reading *g, const struct numbers *m, struct err *err)
{
	struct etcd_wal_facts *f = &g->facts;

	if (m->v[3] == 0 || m->v[3] - 1 > f->last_index)
		return err_set(err, HF_ECORRUPT,
		    "the log goes from entry %" PRIu64 " to %" PRIu64,
		    f->last_index, m->v[3]);
	f->last_index = m->v[3];
	return 0;
}

static int
on_record(struct reading *g, const struct etcd_wal_in *w, struct err *err)
{
	struct etcd_wal_facts *f = &g->facts;
	struct numbers m;
	int rc;

	if (w->type == ETCD_WAL_CRC)
		return 0;
	if ((rc = read_numbers(w, &m, err)) < 0)
		return rc;
	switch (w->type) {
	case ETCD_WAL_METADATA:
		return on_metadata(g, &m, err);
	case ETCD_WAL_ENTRY:
		return on_entry(g, &m, err);
	case ETCD_WAL_STATE:
		f->term = m.v[1];
		f->vote = m.v[2];
		f->commit = m.v[3];
		return 0;
	default:
		return 0;
	}
}

/* Now the commit is known: find the newest snapshot that it covers. */
static int
find_snapshot(struct etcd_wal_facts *f, const void *p, struct err *err)
{
	struct etcd_wal_in w;
	struct numbers m;
	int k;

	etcd_wal_init(&w, p, f->end);
	while ((k = etcd_wal_next(&w, err)) == 1) {
		if (w.type != ETCD_WAL_SNAPSHOT)
			continue;
		if ((k = read_numbers(&w, &m, err)) < 0)
			return k;
		if (m.v[1] > f->commit)
			continue;
		f->snap_index = m.v[1];
		f->snap_term = m.v[2];
		f->conf_state = m.ptr;
		f->conf_state_len = m.len;
	}
	return k;
}

int
etcd_wal_check(
    const void *p, size_t n, struct etcd_wal_facts *ret, struct err *err)
{
	struct reading g = { .met = false };
	struct etcd_wal_in w;
	int rc;

	etcd_wal_init(&w, p, n);
	while ((rc = etcd_wal_next(&w, err)) == 1)
		if ((rc = on_record(&g, &w, err)) < 0)
			return rc;
	if (rc < 0)
		return rc;
	if (!g.met)
		return err_set(err, HF_ECORRUPT,
		    "the log does not say which member it belongs to");
	g.facts.end = w.at;
	g.facts.torn = w.torn;
	if ((rc = find_snapshot(&g.facts, p, err)) < 0)
		return rc;
	*ret = g.facts;
	return 0;
}
