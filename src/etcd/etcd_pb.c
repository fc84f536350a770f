#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_pb.h"

#define VARINT_MAX 10 /* Bytes of 64 bits, 7 at a time. */

void
pb_init(struct pb *r, const void *p, size_t n)
{
	*r = (struct pb){ .p = p, .left = n };
}

/* Return false if the varint is cut short or has more than 64 bits. */
static bool
varint(struct pb *r, uint64_t *ret)
{
	uint64_t v = 0;
	unsigned int i;
	uint8_t byte;

	for (i = 0; i < VARINT_MAX && r->left > 0; i++) {
		byte = *r->p++;
		r->left--;
		/* The tenth byte holds bit 63 alone. */
		if (i == VARINT_MAX - 1 && byte > 1)
			return false;
		v |= (uint64_t)(byte & 0x7f) << (7 * i);
		if ((byte & 0x80) == 0) {
			*ret = v;
			return true;
		}
	}
	return false;
}

/* Give the field the next ${n} bytes. */
static int
bytes(struct pb *r, uint64_t n)
{
	if (n > r->left)
		return -1;
	r->ptr = r->p;
	r->len = (size_t)n;
	r->p += n;
	r->left -= (size_t)n;
	return 1;
}

int
pb_next(struct pb *r)
{
	uint64_t key, len;

	if (r->left == 0)
		return 0;
	if (!varint(r, &key) || key > UINT32_MAX || key >> 3 == 0)
		return -1;
	r->field = (uint32_t)(key >> 3);
	r->wire = (enum pb_wire)(key & 7);
	r->val = 0;
	r->ptr = NULL;
	r->len = 0;
	switch (r->wire) {
	case PB_VARINT:
		return varint(r, &r->val) ? 1 : -1;
	case PB_FIXED64:
		return bytes(r, 8);
	case PB_FIXED32:
		return bytes(r, 4);
	case PB_BYTES:
		return varint(r, &len) ? bytes(r, len) : -1;
	default:
		return -1;
	}
}

void
pb_text(const struct pb *r, char *to, size_t size)
{
	size_t i, n = r->len < size ? r->len : size - 1;

	for (i = 0; i < n; i++)
		to[i] = r->ptr[i] >= ' ' && r->ptr[i] <= '~' ? (char)r->ptr[i]
							     : '?';
	to[n] = '\0';
}

static int
add_varint(struct buf *b, uint64_t v, struct err *err)
{
	uint8_t out[VARINT_MAX];
	size_t n = 0;

	while (v > 0x7f) {
		out[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	out[n++] = (uint8_t)v;
	return buf_add(b, out, n, err);
}

int
pb_put_uint(struct buf *b, uint32_t field, uint64_t v, struct err *err)
{
	int rc;

	if ((rc = add_varint(b, (uint64_t)field << 3 | PB_VARINT, err)) < 0)
		return rc;
	return add_varint(b, v, err);
}

int
pb_put_bytes(
    struct buf *b, uint32_t field, const void *p, size_t n, struct err *err)
{
	int rc;

	if ((rc = add_varint(b, (uint64_t)field << 3 | PB_BYTES, err)) < 0 ||
	    (rc = add_varint(b, n, err)) < 0)
		return rc;
	return buf_add(b, p, n, err);
}

int
pb_add_uint(struct buf *b, uint32_t field, uint64_t v, struct err *err)
{
	return v == 0 ? 0 : pb_put_uint(b, field, v, err);
}

int
pb_add_bytes(
    struct buf *b, uint32_t field, const void *p, size_t n, struct err *err)
{
	return n == 0 ? 0 : pb_put_bytes(b, field, p, n, err);
}
