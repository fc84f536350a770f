#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

void
buf_free(struct buf *b)
{
	if (b == NULL)
		return;
	free(b->p);
	*b = (struct buf)BUF_INIT;
}

int
buf_reserve(struct buf *b, size_t n, struct err *err)
{
	size_t cap = b->cap;
	uint8_t *p;

	if (n > SIZE_MAX / 2 - b->len)
		return err_nomem(err);
	if (b->len + n <= cap)
		return 0;
	if (cap < 64)
		cap = 64;
	while (cap < b->len + n)
		cap += cap / 2;
	if ((p = realloc(b->p, cap)) == NULL)
		return err_nomem(err);
	b->p = p;
	b->cap = cap;
	return 0;
}

int
buf_add(struct buf *b, const void *p, size_t n, struct err *err)
{
	int rc;

	if ((rc = buf_reserve(b, n, err)) < 0)
		return rc;
	if (n > 0)
		memcpy(b->p + b->len, p, n);
	b->len += n;
	return 0;
}

static int
add_le(struct buf *b, uint64_t v, size_t width, struct err *err)
{
	uint8_t le[8];

	le64_put(le, v);
	return buf_add(b, le, width, err);
}

int
buf_add_u8(struct buf *b, uint8_t v, struct err *err)
{
	return add_le(b, v, 1, err);
}

int
buf_add_u16(struct buf *b, uint16_t v, struct err *err)
{
	return add_le(b, v, 2, err);
}

int
buf_add_u32(struct buf *b, uint32_t v, struct err *err)
{
	return add_le(b, v, 4, err);
}

int
buf_add_u64(struct buf *b, uint64_t v, struct err *err)
{
	return add_le(b, v, 8, err);
}

int
buf_add_bytes(struct buf *b, const void *p, size_t n, struct err *err)
{
	int rc;

	if (n > UINT32_MAX)
		return err_set(err, HF_EBUG, "byte string of %zu bytes", n);
	if ((rc = buf_add_u32(b, (uint32_t)n, err)) < 0)
		return rc;
	return buf_add(b, p, n, err);
}

int
buf_add_str(struct buf *b, const char *s, struct err *err)
{
	return buf_add_bytes(b, s, s == NULL ? 0 : strlen(s), err);
}

int
buf_printf(struct buf *b, struct err *err, const char *fmt, ...)
{
	va_list ap;
	int n, rc;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err_set(err, HF_EBUG, "format '%s'", fmt);
	if ((rc = buf_reserve(b, (size_t)n + 1, err)) < 0)
		return rc;
	va_start(ap, fmt);
	(void)vsnprintf((char *)b->p + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

void
cur_init(struct cur *c, const void *p, size_t n)
{
	*c = (struct cur){ .p = p, .left = n };
}

const uint8_t *
cur_take(struct cur *c, size_t n)
{
	const uint8_t *p = c->p;

	if (c->bad || n > c->left) {
		c->bad = true;
		return NULL;
	}
	if (n > 0)
		c->p += n;
	c->left -= n;
	return p;
}

void
cur_copy(struct cur *c, void *to, size_t n)
{
	const uint8_t *p = cur_take(c, n);

	if (n == 0)
		return;
	if (p == NULL)
		memset(to, 0, n);
	else
		memcpy(to, p, n);
}

static uint64_t
take_le(struct cur *c, size_t width)
{
	uint8_t le[8] = { 0 };

	cur_copy(c, le, width);
	return le64_get(le);
}

uint8_t
cur_u8(struct cur *c)
{
	return (uint8_t)take_le(c, 1);
}

uint16_t
cur_u16(struct cur *c)
{
	return (uint16_t)take_le(c, 2);
}

uint32_t
cur_u32(struct cur *c)
{
	return (uint32_t)take_le(c, 4);
}

uint64_t
cur_u64(struct cur *c)
{
	return take_le(c, 8);
}

const uint8_t *
cur_bytes(struct cur *c, size_t *n)
{
	const uint8_t *p;

	*n = cur_u32(c);
	if ((p = cur_take(c, *n)) == NULL)
		*n = 0;
	return p;
}

int
cur_str(struct cur *c, char **s, struct err *err)
{
	const uint8_t *p;
	size_t n;

	*s = NULL;
	p = cur_bytes(c, &n);
	if (c->bad)
		return 0;
	if (n > 0 && memchr(p, '\0', n) != NULL) {
		c->bad = true;
		return 0;
	}
	if ((*s = malloc(n + 1)) == NULL)
		return err_nomem(err);
	if (n > 0)
		memcpy(*s, p, n);
	(*s)[n] = '\0';
	return 0;
}

bool
cur_end(const struct cur *c)
{
	return !c->bad && c->left == 0;
}

uint32_t
le32_get(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

uint64_t
le64_get(const uint8_t *p)
{
	return (uint64_t)le32_get(p) | (uint64_t)le32_get(p + 4) << 32;
}

void
le32_put(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
}

void
le64_put(uint8_t *p, uint64_t v)
{
	le32_put(p, (uint32_t)v);
	le32_put(p + 4, (uint32_t)(v >> 32));
}

uint64_t
be64_get(const uint8_t *p)
{
	return __builtin_bswap64(le64_get(p));
}

void
be64_put(uint8_t *p, uint64_t v)
{
	le64_put(p, __builtin_bswap64(v));
}
