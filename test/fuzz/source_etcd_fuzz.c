#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "fuzz.h"
#include "source/etcd/source_etcd_records.h"
#include "source/source_pages.h"

/*
 * The database of a snapshot, without its digest, on its way into a backup:
 * what is stored of a hostile one is what it holds, and nothing else ends the
 * program.
 */
struct swallow {
	struct sink sink;
	uint8_t lent[1 << 16];
	uint64_t bytes; /* Of the file at hand. */
};

static int
swallow_begin(struct sink *sink, const char *path, uint64_t size,
    enum sink_hash hash, struct err *err)
{
	(void)path, (void)size, (void)hash, (void)err;
	((struct swallow *)sink)->bytes = 0;
	return 0;
}

static int
swallow_space(struct sink *sink, uint8_t **p, size_t *n, struct err *err)
{
	(void)err;
	*p = ((struct swallow *)sink)->lent;
	*n = sizeof(((struct swallow *)sink)->lent);
	return 0;
}

static int
swallow_wrote(struct sink *sink, size_t n, struct err *err)
{
	struct swallow *s = (struct swallow *)sink;

	(void)err;
	MUST(n <= sizeof(s->lent));
	s->bytes += n;
	return 0;
}

static int
swallow_add(struct sink *sink, const struct entry *e, struct err *err)
{
	(void)err;
	MUST(e->type != ENTRY_FILE ||
	     e->size == ((struct swallow *)sink)->bytes);
	return 0;
}

static int
swallow_check(struct sink *sink, struct err *err)
{
	(void)sink, (void)err;
	return 0;
}

static const struct sink_ops swallow_ops = {
	.begin = swallow_begin,
	.space = swallow_space,
	.wrote = swallow_wrote,
	.add = swallow_add,
	.check = swallow_check,
};

static uint64_t
sum(const struct etcd_index *x)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < x->nsegments; i++)
		n += x->segments[i].alive;
	return n;
}

static void
store(struct source_pages *pages)
{
	CLEANUP(freep_source_etcd_db) struct source_etcd_db db = { 0 };
	CLEANUP(freep_etcd_index) struct etcd_index x = { 0 };
	static struct swallow s = { .sink = { .ops = &swallow_ops } };
	struct err e = ERR_INIT;
	uint32_t hash;

	if (source_etcd_db_open(pages, 0, &db, &e) < 0 ||
	    db.unknown[0] != '\0' ||
	    source_etcd_db_write(&db, &s.sink, 0, &x, &e) < 0) {
		MUST(e.code == 0 || e.hint[0] != '\0');
		return;
	}
	MUST(x.revision == db.revision && x.compact_revision == db.compact);
	MUST(sum(&x) == x.records);
	MUST(source_etcd_db_hash(&db, x.revision, x.hash_compact, &hash, &e) ==
	     0);
	MUST(hash == x.hash);
	MUST(source_etcd_db_write_index(&x, &s.sink, 0, &e) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct source_pages_opts opts = { .memory = 1 << 20 };
	CLEANUP(freep_source_pages) struct source_pages *pages = NULL;
	struct err e = ERR_INIT;

	MUST(source_pages_new(&opts, &pages, &e) == 0);
	MUST(source_pages_put(pages, p, n, &e) == 0);
	MUST(source_pages_end(pages, &e) == 0);
	store(pages);
	return 0;
}
