#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/entry.h"
#include "base/err.h"
#include "crypto/secret.h"
#include "source/etcd/source_etcd_memo.h"
#include "source/etcd/source_etcd_segments.h"

#define FOLDER "records/"

/* The segment of the last backup that the records have reached. */
struct kept {
	bool open;
	char path[ETCD_INDEX_PATH_LEN];
	struct buf memo;
	struct source_etcd_memo first, last;
	size_t n, at; /* Records in it; the next to be met. */
	uint32_t alive;
	uint64_t bytes, alive_bytes;
	struct buf held; /* The living, should it be written again. */
};

struct source_etcd_segments {
	struct source_etcd_out *out;
	struct etcd_index index;

	/* The segment that is being written. */
	bool open;
	char path[ETCD_INDEX_PATH_LEN];
	struct etcd_index_segment seg;
	size_t bytes;
	struct buf memo;

	struct kept kept;
	bool forgotten;     /* There is no more of the last backup to keep. */
	struct secret *key; /* Of the ids; NULL until one is known. */
};

int
source_etcd_segments_new(struct source_etcd_out *out,
    struct source_etcd_segments **ret, struct err *err)
{
	struct source_etcd_segments *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	s->out = out;
	*ret = s;
	return 0;
}

void
source_etcd_segments_free(struct source_etcd_segments *s)
{
	if (s == NULL)
		return;
	etcd_index_clear(&s->index);
	secret_free(s->key);
	buf_free(&s->memo);
	buf_free(&s->kept.memo);
	buf_free(&s->kept.held);
	free(s);
}

static int
close_segment(struct source_etcd_segments *s, struct err *err)
{
	int rc;

	if (!s->open)
		return 0;
	s->open = false;
	s->seg.alive = s->seg.records;
	if ((rc = sink_remember(s->out->sink, s->memo.p, s->memo.len, err)) <
		0 ||
	    (rc = source_etcd_out_end(s->out, s->path, err)) < 0)
		return rc;
	return etcd_index_add(&s->index, &s->seg, err);
}

static int
open_segment(struct source_etcd_segments *s, const struct etcd_record *r,
    struct err *err)
{
	uint8_t magic[ETCD_MAGIC_LEN];
	int rc;

	s->seg = (struct etcd_index_segment){ .main = r->main, .sub = r->sub };
	s->bytes = 0;
	etcd_index_path(r->main, r->sub, s->path);
	if ((rc = source_etcd_memo_begin(&s->memo, s->key, err)) < 0 ||
	    (rc = source_etcd_out_begin(
		 s->out, s->path, SOURCE_ETCD_SEGMENT_BYTES, err)) < 0)
		return rc;
	s->open = true;
	etcd_segment_head(magic);
	return source_etcd_out_write(s->out, magic, sizeof(magic), err);
}

static int
write_record(struct source_etcd_segments *s, const struct etcd_record *r,
    const struct source_etcd_memo *m, struct err *err)
{
	uint8_t head[ETCD_RECORD_HEAD];
	int rc;

	if (!s->open && (rc = open_segment(s, r, err)) < 0)
		return rc;
	etcd_record_head(r, head);
	if ((rc = source_etcd_out_write(s->out, head, sizeof(head), err)) < 0 ||
	    (rc = source_etcd_out_write(s->out, r->value, r->len, err)) < 0 ||
	    (rc = source_etcd_memo_add(&s->memo, m, err)) < 0)
		return rc;
	s->seg.last_main = r->main;
	s->seg.last_sub = r->sub;
	s->seg.records++;
	s->bytes += sizeof(head) + r->len;
	if (s->bytes < SOURCE_ETCD_SEGMENT_BYTES &&
	    s->seg.records < SOURCE_ETCD_SEGMENT_RECORDS)
		return 0;
	return close_segment(s, err);
}

/*
 * Is what was recalled a segment with ids that can be compared?  The last
 * backup may have been of another form, or its memos of an older one.  The
 * first segment brings the key; under another one, ids that agree say nothing.
 */
static int
is_segment(struct source_etcd_segments *s, const struct sink_kept *from,
    bool *ret, struct err *err)
{
	const char *path = from->entry->path;
	struct buf *memo = &s->kept.memo;
	int rc;

	*ret = false;
	if (strncmp(path, FOLDER, strlen(FOLDER)) != 0 ||
	    strlen(path) >= ETCD_INDEX_PATH_LEN ||
	    !source_etcd_memo_ok(from->memo, from->memo_len))
		return 0;
	memo->len = 0;
	if ((rc = buf_add(memo, from->memo, from->memo_len, err)) < 0)
		return rc;
	if (s->key == NULL && (rc = secret_copy(source_etcd_memo_key(memo),
				   SIPHASH_KEY_LEN, &s->key, err)) < 0)
		return rc;
	*ret = memcmp(secret_p(s->key), source_etcd_memo_key(memo),
		   SIPHASH_KEY_LEN) == 0;
	return 0;
}

static void
open_kept(struct kept *k, const char *path)
{
	(void)snprintf(k->path, sizeof(k->path), "%s", path);
	k->n = source_etcd_memo_count(&k->memo);
	source_etcd_memo_get(&k->memo, 0, &k->first);
	source_etcd_memo_get(&k->memo, k->n - 1, &k->last);
	k->at = 0;
	k->alive = 0;
	k->bytes = k->alive_bytes = 0;
	k->held.len = 0;
	k->open = true;
}

/*
 * Come to the next segment of the last backup, if there is one.  After the
 * first call there is a key.
 */
static int
recall(struct source_etcd_segments *s, struct err *err)
{
	struct sink_kept from;
	bool found = false;
	int rc;

	while (!s->forgotten && !found) {
		if ((rc = sink_recall(s->out->sink, &from, err)) < 0)
			return rc;
		s->forgotten = rc == 0;
		if (rc == 1 && (rc = is_segment(s, &from, &found, err)) < 0)
			return rc;
	}
	if (found)
		open_kept(&s->kept, from.entry->path);
	else if (s->key == NULL)
		return secret_random(SIPHASH_KEY_LEN, &s->key, err);
	return 0;
}

/*
 * Go on to the record with the revision of ${m}; those before it are no longer
 * there.
 */
static void
advance(struct kept *k, const struct source_etcd_memo *m)
{
	struct source_etcd_memo old;

	for (; k->at < k->n; k->at++) {
		source_etcd_memo_get(&k->memo, k->at, &old);
		if (m != NULL && source_etcd_memo_cmp(&old, m) >= 0)
			return;
		source_etcd_memo_kill(&k->memo, k->at);
		k->bytes += old.len;
	}
}

static int
hold(struct kept *k, const struct etcd_record *r, struct err *err)
{
	uint8_t head[ETCD_RECORD_HEAD];
	int rc;

	etcd_record_head(r, head);
	if ((rc = buf_add(&k->held, head, sizeof(head), err)) < 0)
		return rc;
	return buf_add(&k->held, r->value, r->len, err);
}

/* Is this record, whose revision is one of the segment's, in it? */
static bool
has(struct kept *k, const struct source_etcd_memo *m)
{
	struct source_etcd_memo old = { 0 };

	advance(k, m);
	if (k->at < k->n)
		source_etcd_memo_get(&k->memo, k->at, &old);
	return old.alive && source_etcd_memo_same(&old, m);
}

static int
meet(struct kept *k, const struct etcd_record *r, struct err *err)
{
	k->at++;
	k->alive++;
	k->bytes += r->len;
	k->alive_bytes += r->len;
	return hold(k, r, err);
}

/* Give the bitmap of the records that are still there, or NULL if all are. */
static int
bitmap(const struct kept *k, uint8_t **ret, struct err *err)
{
	struct source_etcd_memo m;
	uint8_t *bits;
	size_t i;

	*ret = NULL;
	if (k->alive == k->n)
		return 0;
	if ((bits = calloc(1, (k->n + 7) / 8)) == NULL)
		return err_nomem(err);
	for (i = 0; i < k->n; i++) {
		source_etcd_memo_get(&k->memo, i, &m);
		if (m.alive)
			bits[i / 8] |= (uint8_t)(1 << i % 8);
	}
	*ret = bits;
	return 0;
}

static int
keep(struct source_etcd_segments *s, struct err *err)
{
	struct kept *k = &s->kept;
	struct etcd_index_segment seg = { .main = k->first.main,
		.sub = k->first.sub,
		.last_main = k->last.main,
		.last_sub = k->last.sub,
		.records = (uint32_t)k->n,
		.alive = k->alive };
	int rc;

	if ((rc = close_segment(s, err)) < 0 ||
	    (rc = sink_keep(
		 s->out->sink, k->path, k->memo.p, k->memo.len, err)) < 0 ||
	    (rc = bitmap(k, &seg.live, err)) < 0)
		return rc;
	return etcd_index_add(&s->index, &seg, err);
}

static int
write_held(struct source_etcd_segments *s, struct err *err)
{
	const uint8_t *p = s->kept.held.p, *end = p + s->kept.held.len;
	struct source_etcd_memo m;
	struct etcd_record r;
	int rc;

	for (; p < end; p += r.len) {
		r = (struct etcd_record){ .main = le64_get(p),
			.sub = le64_get(p + 8),
			.tombstone = p[16] == 1,
			.len = le32_get(p + 17) };
		p += ETCD_RECORD_HEAD;
		r.value = p;
		source_etcd_memo_of(s->key, &r, &m);
		if ((rc = write_record(s, &r, &m, err)) < 0)
			return rc;
	}
	return 0;
}

static int
drop(struct source_etcd_segments *s, struct err *err)
{
	s->kept.open = false;
	return s->kept.held.len > 0 ? write_held(s, err) : 0;
}

/*
 * The records have passed the end of the segment of the last backup: keep it;
 * or, if less than half of it is still there, write that again.
 */
static int
leave(struct source_etcd_segments *s, struct err *err)
{
	struct kept *k = &s->kept;

	advance(k, NULL);
	if (k->alive == 0 || 2 * k->alive_bytes < k->bytes)
		return drop(s, err);
	k->open = false;
	return keep(s, err);
}

/*
 * A record is not what it was in the last backup: this is another database, and
 * no later segment is believed either.
 */
static int
distrust(struct source_etcd_segments *s, struct err *err)
{
	s->forgotten = true;
	return drop(s, err);
}

int
source_etcd_segments_take(struct source_etcd_segments *s,
    const struct etcd_record *r, struct err *err)
{
	struct kept *k = &s->kept;
	struct source_etcd_memo m;
	int rc;

	s->index.records++;
	s->index.bytes += r->len;
	if (!k->open && (rc = recall(s, err)) < 0)
		return rc;
	source_etcd_memo_of(s->key, r, &m);
	while (k->open && source_etcd_memo_cmp(&m, &k->last) > 0)
		if ((rc = leave(s, err)) < 0 || (rc = recall(s, err)) < 0)
			return rc;
	if (k->open && source_etcd_memo_cmp(&m, &k->first) >= 0) {
		if (has(k, &m))
			return meet(k, r, err);
		if ((rc = distrust(s, err)) < 0)
			return rc;
	}
	return write_record(s, r, &m, err);
}

int
source_etcd_segments_end(
    struct source_etcd_segments *s, struct etcd_index *x, struct err *err)
{
	int rc;

	if ((s->kept.open && (rc = leave(s, err)) < 0) ||
	    (rc = close_segment(s, err)) < 0)
		return rc;
	x->segments = TAKE(s->index.segments);
	x->nsegments = s->index.nsegments;
	x->records = s->index.records;
	x->bytes = s->index.bytes;
	s->index.nsegments = 0;
	return 0;
}
