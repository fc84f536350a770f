#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/entry.h"
#include "base/err.h"

#define FLAG_SPARSE 1
#define FLAG_SHA256 2

/* The fewest bytes that one of them takes when it is encoded. */
#define XATTR_MIN 8
#define EXTENT_LEN 16

void
entry_clear(struct entry *e)
{
	size_t i;

	free(e->path);
	free(e->user);
	free(e->group);
	free(e->target);
	for (i = 0; i < e->nxattrs; i++) {
		free(e->xattrs[i].name);
		free(e->xattrs[i].value);
	}
	free(e->xattrs);
	free(e->extents);
	*e = (struct entry){ 0 };
}

bool
entry_path_ok(const char *path)
{
	size_t n;

	if (strcmp(path, ".") == 0)
		return true;
	for (;; path += n + 1) {
		n = strcspn(path, "/");
		if (n == 0 || (n == 1 && path[0] == '.') ||
		    (n == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (path[n] == '\0')
			return true;
	}
}

static int
encode_head(const struct entry *e, struct buf *b, struct err *err)
{
	uint8_t flags = (uint8_t)((e->sparse ? FLAG_SPARSE : 0) |
				  (e->has_sha256 ? FLAG_SHA256 : 0));
	int rc;

	if ((rc = buf_add_str(b, e->path, err)) < 0 ||
	    (rc = buf_add_u8(b, (uint8_t)e->type, err)) < 0 ||
	    (rc = buf_add_u8(b, flags, err)) < 0 ||
	    (rc = buf_add_u16(b, (uint16_t)e->mode, err)) < 0 ||
	    (rc = buf_add_u32(b, e->uid, err)) < 0 ||
	    (rc = buf_add_u32(b, e->gid, err)) < 0 ||
	    (rc = buf_add_str(b, e->user, err)) < 0 ||
	    (rc = buf_add_str(b, e->group, err)) < 0 ||
	    (rc = buf_add_u64(b, (uint64_t)e->mtime_ns, err)) < 0 ||
	    (rc = buf_add_u64(b, (uint64_t)e->ctime_ns, err)) < 0 ||
	    (rc = buf_add_u64(b, e->size, err)) < 0 ||
	    (rc = buf_add_u64(b, e->dev, err)) < 0 ||
	    (rc = buf_add_u64(b, e->ino, err)) < 0 ||
	    (rc = buf_add_u64(b, e->rdev, err)) < 0)
		return rc;
	return buf_add_str(b, e->target, err);
}

static int
encode_lists(const struct entry *e, struct buf *b, struct err *err)
{
	size_t i;
	int rc;

	if ((rc = buf_add_u32(b, (uint32_t)e->nxattrs, err)) < 0)
		return rc;
	for (i = 0; i < e->nxattrs; i++) {
		const struct entry_xattr *x = &e->xattrs[i];

		if ((rc = buf_add_str(b, x->name, err)) < 0 ||
		    (rc = buf_add_bytes(b, x->value, x->len, err)) < 0)
			return rc;
	}
	if (!e->sparse)
		return 0;
	if ((rc = buf_add_u32(b, (uint32_t)e->nextents, err)) < 0)
		return rc;
	for (i = 0; i < e->nextents; i++)
		if ((rc = buf_add_u64(b, e->extents[i].off, err)) < 0 ||
		    (rc = buf_add_u64(b, e->extents[i].len, err)) < 0)
			return rc;
	return 0;
}

int
entry_encode(const struct entry *e, struct buf *b, struct err *err)
{
	size_t before = b->len;
	int rc;

	if ((rc = encode_head(e, b, err)) < 0 ||
	    (rc = encode_lists(e, b, err)) < 0 ||
	    (e->has_sha256 &&
		(rc = buf_add(b, e->sha256, sizeof(e->sha256), err)) < 0) ||
	    (rc = buf_add_u64(b, e->data_pos, err)) < 0 ||
	    (rc = buf_add_u64(b, e->data_len, err)) < 0)
		b->len = before;
	return rc;
}

/* Read a string; "" is NULL. */
static int
decode_optional(struct cur *c, char **s, struct err *err)
{
	int rc;

	if ((rc = cur_str(c, s, err)) < 0)
		return rc;
	if (*s != NULL && **s == '\0') {
		free(*s);
		*s = NULL;
	}
	return 0;
}

static int
decode_head(struct cur *c, struct entry *e, struct err *err)
{
	uint8_t flags;
	int rc;

	if ((rc = cur_str(c, &e->path, err)) < 0)
		return rc;
	e->type = cur_u8(c);
	flags = cur_u8(c);
	e->sparse = flags & FLAG_SPARSE;
	e->has_sha256 = flags & FLAG_SHA256;
	if ((flags & ~(FLAG_SPARSE | FLAG_SHA256)) != 0)
		c->bad = true;
	e->mode = cur_u16(c);
	e->uid = cur_u32(c);
	e->gid = cur_u32(c);
	if ((rc = decode_optional(c, &e->user, err)) < 0 ||
	    (rc = decode_optional(c, &e->group, err)) < 0)
		return rc;
	e->mtime_ns = (int64_t)cur_u64(c);
	e->ctime_ns = (int64_t)cur_u64(c);
	e->size = cur_u64(c);
	e->dev = cur_u64(c);
	e->ino = cur_u64(c);
	e->rdev = cur_u64(c);
	return decode_optional(c, &e->target, err);
}

static int
decode_xattrs(struct cur *c, struct entry *e, struct err *err)
{
	uint32_t i, n = cur_u32(c);
	const uint8_t *p;
	size_t len;
	int rc;

	if (c->bad || n > c->left / XATTR_MIN) {
		c->bad = true;
		return 0;
	}
	if (n == 0)
		return 0;
	if ((e->xattrs = calloc(n, sizeof(*e->xattrs))) == NULL)
		return err_nomem(err);
	e->nxattrs = n;
	for (i = 0; i < n && !c->bad; i++) {
		struct entry_xattr *x = &e->xattrs[i];

		if ((rc = cur_str(c, &x->name, err)) < 0)
			return rc;
		p = cur_bytes(c, &len);
		if (c->bad)
			return 0;
		if ((x->value = malloc(len + 1)) == NULL)
			return err_nomem(err);
		if (len > 0)
			memcpy(x->value, p, len);
		x->len = len;
		if (i > 0 && strcmp(x[-1].name, x->name) >= 0)
			c->bad = true;
	}
	return 0;
}

/* Extents ascend, do not touch, and end within the file. */
static int
decode_extents(struct cur *c, struct entry *e, struct err *err)
{
	uint32_t i, n = cur_u32(c);
	uint64_t end = 0;

	if (c->bad || n > c->left / EXTENT_LEN) {
		c->bad = true;
		return 0;
	}
	if (n == 0)
		return 0;
	if ((e->extents = calloc(n, sizeof(*e->extents))) == NULL)
		return err_nomem(err);
	e->nextents = n;
	for (i = 0; i < n; i++) {
		struct entry_extent *x = &e->extents[i];

		x->off = cur_u64(c);
		x->len = cur_u64(c);
		if (x->len == 0 || x->off > e->size ||
		    x->len > e->size - x->off || (i > 0 && x->off <= end))
			c->bad = true;
		end = x->off + x->len;
	}
	return 0;
}

/* How many bytes of data must there be? */
static uint64_t
data_of(const struct entry *e)
{
	uint64_t sum = 0;
	size_t i;

	if (!e->sparse)
		return e->size;
	for (i = 0; i < e->nextents; i++)
		sum += e->extents[i].len;
	return sum;
}

/* Is what was decoded a thing that can be? */
static bool
sound(const struct entry *e)
{
	bool link = e->type == ENTRY_SYMLINK || e->type == ENTRY_HARDLINK;

	if (e->type == '\0' || strchr("fdlhpscb", (int)e->type) == NULL ||
	    !entry_path_ok(e->path) || e->mode > 07777 ||
	    link != (e->target != NULL) ||
	    (e->type == ENTRY_HARDLINK && !entry_path_ok(e->target)))
		return false;
	if (strcmp(e->path, ".") == 0 && e->type != ENTRY_DIR)
		return false;
	if (e->type != ENTRY_FILE)
		return e->size == 0 && e->data_len == 0 && !e->sparse;
	return e->size <= INT64_MAX && e->data_len == data_of(e);
}

static int
decode(struct cur *c, struct entry *e, struct err *err)
{
	int rc;

	if ((rc = decode_head(c, e, err)) < 0 ||
	    (rc = decode_xattrs(c, e, err)) < 0 ||
	    (e->sparse && (rc = decode_extents(c, e, err)) < 0))
		return rc;
	if (e->has_sha256)
		cur_copy(c, e->sha256, sizeof(e->sha256));
	e->data_pos = cur_u64(c);
	e->data_len = cur_u64(c);
	if (c->bad || e->path == NULL)
		return err_set(err, HF_ECORRUPT, "an entry is malformed");
	if (!sound(e))
		return err_set(
		    err, HF_ECORRUPT, "the entry '%s' cannot be", e->path);
	return 0;
}

int
entry_decode(struct cur *c, struct entry *e, struct err *err)
{
	CLEANUP(freep_entry) struct entry got = { 0 };
	int rc;

	if ((rc = decode(c, &got, err)) < 0)
		return rc;
	*e = got;
	got = (struct entry){ 0 };
	return 0;
}
