#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"
#include "source/source_paged_map.h"
#include "source/source_paged_memo.h"

/*
 * The files of the pages form, and what a host remembers of them.  The first
 * byte says which; of a group the second says how many pages the map has.
 */
struct seen {
	const uint8_t *p;
	size_t n;
	uint32_t pages;
	uint64_t last, bytes;
};

static int
see_page(void *arg, const struct source_paged_page *page, struct err *err)
{
	struct seen *s = arg;

	(void)err;
	MUST(page->i == s->pages && (page->i == 0 || page->number > s->last));
	MUST(page->len > 0 && page->len <= SOURCE_PAGED_MIN);
	MUST(page->p >= s->p && page->len <= s->p + s->n - page->p);
	s->last = page->number;
	s->bytes += page->len;
	s->pages++;
	return 0;
}

static void
group(const uint8_t *p, size_t n, uint32_t pages)
{
	struct seen s = { .p = p, .n = n };
	struct err e = ERR_INIT;

	if (source_paged_group_read(
		p, n, SOURCE_PAGED_MIN, pages, see_page, &s, &e) < 0) {
		MUST(s.pages == 0);
		return;
	}
	MUST(s.pages == pages);
	MUST(s.bytes + SOURCE_PAGED_GROUP_HEAD +
		 (uint64_t)pages * SOURCE_PAGED_GROUP_ROW ==
	     n);
}

/* What decodes encodes to the same bytes. */
static void
map(const uint8_t *p, size_t n)
{
	struct source_paged_map m = { 0 };
	struct buf again = BUF_INIT;
	struct err e = ERR_INIT;

	if (source_paged_map_decode(p, n, &m, &e) < 0)
		return;
	MUST(source_paged_map_encode(&m, &again, &e) == 0 && again.len == n);
	MUST(memcmp(again.p, p, n) == 0);
	buf_free(&again);
	source_paged_map_clear(&m);
}

static void
memo(const uint8_t *p, size_t n)
{
	struct source_paged_memo m;
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i;

	if (!source_paged_memo_ok(p, n, SOURCE_PAGED_MIN))
		return;
	MUST(buf_add(&b, p, n, &e) == 0);
	for (i = 0; i < source_paged_memo_count(&b); i++) {
		source_paged_memo_kill(&b, i);
		source_paged_memo_get(&b, i, &m);
		MUST(!m.alive);
	}
	MUST(i > 0 && b.len == n);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n < 2)
		return 0;
	if (p[0] % 3 == 0)
		group(p + 2, n - 2, p[1]);
	else if (p[0] % 3 == 1)
		map(p + 2, n - 2);
	else
		memo(p + 2, n - 2);
	return 0;
}
