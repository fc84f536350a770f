#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "etcd/etcd_bolt_flusher.h"
#include "etcd/etcd_bolt_impl.h"
#include "etcd/etcd_bolt_pages.h"

#define BUF_LEN (2u << 20)

/* Of the older of the two metas; the other has one more, and counts. */
#define TXID 1

int
etcd_bolt_pages_init(struct etcd_bolt_pages *p, int fd, const char *path,
    size_t page_size, struct err *err)
{
	int rc;

	*p = (struct etcd_bolt_pages){ .fd = fd, .page_size = page_size };
	if ((rc = str_dup(path, &p->path, err)) < 0 ||
	    (rc = etcd_bolt_flusher_new(fd, BUF_LEN, &p->flusher, err)) < 0) {
		etcd_bolt_pages_clear(p);
		return rc;
	}
	p->buf = etcd_bolt_flusher_buf(p->flusher);
	memset(p->buf, 0, 2 * page_size);
	p->len = 2 * page_size;
	return 0;
}

void
etcd_bolt_pages_clear(struct etcd_bolt_pages *p)
{
	etcd_bolt_flusher_free(p->flusher);
	free(p->path);
	*p = (struct etcd_bolt_pages){ .fd = -1 };
}

/* A write has failed: say where, and what to do. */
static int
failed(const struct etcd_bolt_pages *p, struct err *err)
{
	if (err->code == -HF_ENOSPC)
		(void)err_hint(err, "make room there, or choose another place");
	return err_wrap(err, "'%s'", p->path);
}

static int
flush(struct etcd_bolt_pages *p, struct err *err)
{
	if (etcd_bolt_flusher_put(p->flusher, p->len, p->off, err) < 0)
		return failed(p, err);
	p->buf = etcd_bolt_flusher_buf(p->flusher);
	p->off += p->len;
	p->len = 0;
	return 0;
}

int
etcd_bolt_pages_begin(struct etcd_bolt_pages *p, unsigned int type,
    size_t count, uint64_t n, uint64_t *id, struct err *err)
{
	const struct bolt_header h = {
		.id = (p->off + p->len) / p->page_size,
		.type = type,
		.count = (unsigned int)count,
		.overflow = (uint32_t)((BOLT_HEADER + n - 1) / p->page_size),
	};
	uint8_t header[BOLT_HEADER];

	bolt_header_put(header, &h);
	*id = h.id;
	return etcd_bolt_pages_add(p, header, sizeof(header), err);
}

int
etcd_bolt_pages_add(
    struct etcd_bolt_pages *p, const void *src, size_t n, struct err *err)
{
	const uint8_t *b = src;
	size_t k;
	int rc;

	while (n > 0) {
		if (p->len == BUF_LEN && (rc = flush(p, err)) < 0)
			return rc;
		k = n < BUF_LEN - p->len ? n : BUF_LEN - p->len;
		memcpy(p->buf + p->len, b, k);
		p->len += k;
		b += k;
		n -= k;
	}
	return 0;
}

void
etcd_bolt_pages_end(struct etcd_bolt_pages *p)
{
	/* There is room: the buffer holds a whole number of pages. */
	size_t used = p->len % p->page_size;

	if (used > 0) {
		memset(p->buf + p->len, 0, p->page_size - used);
		p->len += p->page_size - used;
	}
}

static int
write_meta(struct etcd_bolt_pages *p, uint64_t root, uint64_t pages,
    uint64_t txid, struct err *err)
{
	const struct bolt_header h = { .id = txid % 2, .type = BOLT_META };
	uint8_t page[BOLT_HEADER + BOLT_META_LEN] = { 0 };
	uint8_t *m = page + BOLT_HEADER;

	bolt_header_put(page, &h);
	le32_put(m, BOLT_MAGIC);
	le32_put(m + 4, BOLT_VERSION);
	le32_put(m + 8, (uint32_t)p->page_size);
	le64_put(m + 16, root);
	le64_put(m + 32, ETCD_BOLT_NO_FREELIST);
	le64_put(m + 40, pages);
	le64_put(m + 48, txid);
	le64_put(m + BOLT_META_SUMMED, bolt_meta_sum(m));
	if (file_write_at(p->fd, page, sizeof(page), h.id * p->page_size, err) <
	    0)
		return failed(p, err);
	return 0;
}

int
etcd_bolt_pages_finish(
    struct etcd_bolt_pages *p, uint64_t root, uint64_t *size, struct err *err)
{
	uint64_t pages = (p->off + p->len) / p->page_size;
	int rc;

	if ((rc = flush(p, err)) < 0)
		return rc;
	if (etcd_bolt_flusher_drain(p->flusher, pages * p->page_size, err) < 0)
		return failed(p, err);
	if ((rc = write_meta(p, root, pages, TXID, err)) < 0 ||
	    (rc = write_meta(p, root, pages, TXID + 1, err)) < 0)
		return rc;
	*size = pages * p->page_size;
	return 0;
}
