#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_bolt_impl.h"

#define FIRST_PAGE 2 /* That is no meta page. */

struct meta {
	uint32_t page_size;
	uint64_t root, freelist, pages, txid;
};

int
bolt_file_read(const struct etcd_bolt_file *f, uint64_t off, void *to, size_t n,
    struct err *err)
{
	if (n > f->size || off > f->size - n)
		return err_set(err, HF_ECORRUPT,
		    "the file ends before byte %" PRIu64, off + n);
	if (f->base == NULL)
		return f->read(f->arg, off, to, n, err);
	memcpy(to, f->base + off, n);
	return 0;
}

uint64_t
bolt_meta_sum(const uint8_t *p)
{
	uint64_t h = 0xcbf29ce484222325;
	size_t i;

	for (i = 0; i < BOLT_META_SUMMED; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h;
}

/* Return what is wrong with it, or NULL. */
static const char *
meta_parse(const uint8_t *p, struct meta *m)
{
	if (le32_get(p) != BOLT_MAGIC)
		return "it is no bbolt database";
	if (le32_get(p + 4) != BOLT_VERSION)
		return "it has an unknown version";
	if (bolt_meta_sum(p) != le64_get(p + BOLT_META_SUMMED))
		return "its checksum is wrong";
	m->page_size = le32_get(p + 8);
	if (m->page_size < ETCD_BOLT_PAGE_MIN ||
	    m->page_size > ETCD_BOLT_PAGE_MAX ||
	    (m->page_size & (m->page_size - 1)) != 0)
		return "its page size is impossible";
	m->root = le64_get(p + 16);
	m->freelist = le64_get(p + 32);
	m->pages = le64_get(p + 40);
	m->txid = le64_get(p + 48);
	return NULL;
}

/* Read the meta page at ${off}; ${*bad} is then what is wrong, or NULL. */
static int
meta_read(const struct etcd_bolt_file *f, uint64_t off, struct meta *m,
    const char **bad, struct err *err)
{
	uint8_t p[BOLT_HEADER + BOLT_META_LEN];
	int rc;

	if (f->size < sizeof(p) || off > f->size - sizeof(p)) {
		*bad = "the file ends before it";
		return 0;
	}
	if ((rc = bolt_file_read(f, off, p, sizeof(p), err)) < 0)
		return rc;
	*bad = meta_parse(p + BOLT_HEADER, m);
	return 0;
}

/*
 * If the first page is damaged, the size of a page is not known, and so not
 * where the second meta page begins.  Try every size, and believe the page that
 * names that same size.
 */
static int
meta_second(const struct etcd_bolt_file *f, struct meta *m, const char **bad,
    struct err *err)
{
	uint32_t size;
	int rc;

	for (size = ETCD_BOLT_PAGE_MIN; size <= ETCD_BOLT_PAGE_MAX; size *= 2) {
		if ((rc = meta_read(f, size, m, bad, err)) < 0)
			return rc;
		if (*bad == NULL && m->page_size == size)
			return 0;
	}
	*bad = "there is none";
	return 0;
}

static int
meta_pick(const struct etcd_bolt_file *f, struct meta *ret, struct err *err)
{
	const char *bad[2] = { NULL, NULL };
	struct meta m[2];
	int rc;

	if ((rc = meta_read(f, 0, &m[0], &bad[0], err)) < 0)
		return rc;
	if (bad[0] == NULL)
		rc = meta_read(f, m[0].page_size, &m[1], &bad[1], err);
	else
		rc = meta_second(f, &m[1], &bad[1], err);
	if (rc < 0)
		return rc;
	if (bad[0] != NULL && bad[1] != NULL)
		return err_set(
		    err, HF_ECORRUPT, "page 0 is no meta page: %s", bad[0]);
	if (bad[1] != NULL || (bad[0] == NULL && m[0].txid > m[1].txid))
		*ret = m[0];
	else
		*ret = m[1];
	return 0;
}

/* Do the page numbers of the meta page lie in the file? */
static int
meta_check(
    const struct etcd_bolt_file *f, const struct meta *m, struct err *err)
{
	if (m->pages > f->size / m->page_size)
		return err_set(err, HF_ECORRUPT,
		    "the file has %" PRIu64 " bytes, and its meta page speaks "
		    "of %" PRIu64 " pages of %" PRIu32,
		    f->size, m->pages, m->page_size);
	if (m->root < FIRST_PAGE || m->root >= m->pages)
		return err_set(err, HF_ECORRUPT,
		    "the root page %" PRIu64 " is not one of the %" PRIu64
		    " pages",
		    m->root, m->pages);
	if (m->freelist != ETCD_BOLT_NO_FREELIST &&
	    (m->freelist < FIRST_PAGE || m->freelist >= m->pages))
		return err_set(err, HF_ECORRUPT,
		    "the list of free pages, %" PRIu64
		    ", is not one of the %" PRIu64 " pages",
		    m->freelist, m->pages);
	return 0;
}

int
etcd_bolt_open(
    struct etcd_bolt *b, const struct etcd_bolt_file *f, struct err *err)
{
	struct meta m;
	int rc;

	if ((rc = meta_pick(f, &m, err)) < 0 ||
	    (rc = meta_check(f, &m, err)) < 0)
		return rc;
	*b = (struct etcd_bolt){
		.file = f,
		.page_size = m.page_size,
		.pages = m.pages,
		.root = m.root,
		.freelist = m.freelist,
		.txid = m.txid,
	};
	return 0;
}
