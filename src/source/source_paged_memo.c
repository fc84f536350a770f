#include <string.h>

#include "base/buf.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "source/source_paged_map.h"
#include "source/source_paged_memo.h"

#define AT_ALIVE 12 /* In a row. */

int
source_paged_id(const struct secret *key, const void *p, size_t n,
    uint8_t id[SOURCE_PAGED_ID_LEN], struct err *err)
{
	return kdf_derive(
	    key, "holdfast page", p, n, id, SOURCE_PAGED_ID_LEN, err);
}

int
source_paged_memo_begin(struct buf *b, uint32_t page_size,
    const struct secret *key, struct err *err)
{
	int rc;

	b->len = 0;
	if ((rc = buf_add_u32(b, page_size, err)) < 0)
		return rc;
	return buf_add(b, secret_p(key), SOURCE_PAGED_KEY_LEN, err);
}

int
source_paged_memo_add(
    struct buf *b, const struct source_paged_memo *m, struct err *err)
{
	uint8_t p[SOURCE_PAGED_MEMO_ROW];

	le64_put(p, m->number);
	le32_put(p + 8, m->len);
	p[AT_ALIVE] = m->alive;
	memcpy(p + AT_ALIVE + 1, m->id, sizeof(m->id));
	return buf_add(b, p, sizeof(p), err);
}

bool
source_paged_memo_ok(const uint8_t *p, size_t n, uint32_t page_size)
{
	return n > SOURCE_PAGED_MEMO_HEAD &&
	       (n - SOURCE_PAGED_MEMO_HEAD) % SOURCE_PAGED_MEMO_ROW == 0 &&
	       n - SOURCE_PAGED_MEMO_HEAD <= SOURCE_PAGED_GROUP_MAX /
						 SOURCE_PAGED_GROUP_ROW *
						 SOURCE_PAGED_MEMO_ROW &&
	       le32_get(p) == page_size;
}

size_t
source_paged_memo_count(const struct buf *b)
{
	return (b->len - SOURCE_PAGED_MEMO_HEAD) / SOURCE_PAGED_MEMO_ROW;
}

const uint8_t *
source_paged_memo_key(const struct buf *b)
{
	return b->p + 4;
}

void
source_paged_memo_get(
    const struct buf *b, size_t i, struct source_paged_memo *m)
{
	const uint8_t *p =
	    b->p + SOURCE_PAGED_MEMO_HEAD + i * SOURCE_PAGED_MEMO_ROW;

	m->number = le64_get(p);
	m->len = le32_get(p + 8);
	m->alive = p[AT_ALIVE] == 1;
	memcpy(m->id, p + AT_ALIVE + 1, sizeof(m->id));
}

void
source_paged_memo_kill(struct buf *b, size_t i)
{
	b->p[SOURCE_PAGED_MEMO_HEAD + i * SOURCE_PAGED_MEMO_ROW + AT_ALIVE] = 0;
}
