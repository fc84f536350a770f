#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/entry.h"
#include "base/err.h"

#define FLAG_SPARSE 1
#define FLAG_SHA256 2
#define FLAGS (FLAG_SPARSE | FLAG_SHA256)
#define MODE_MAX 07777

/* Bytes of the shortest extended attribute, and of an extent. */
#define XATTR_MIN 8
#define EXTENT_LEN 16

void
entry_clear(struct entry *e)
{
	size_t i;

	for (i = 0; i < e->nxattrs; i++) {
		free(e->xattrs[i].name);
		free(e->xattrs[i].value);
	}
	free(e->xattrs);
	free(e->path);
	free(e->extents);
	free(e->user);
	free(e->group);
	free(e->target);
	*e = (struct entry){ .path = NULL };
}

bool
entry_path_ok(const char *path)
{
	const char *p = path;
	size_t n;

	if (strcmp(path, ".") == 0)
		return true;
	for (;; p += n + 1) {
		n = strcspn(p, "/");
		if (n == 0 || (n == 1 && p[0] == '.') ||
		    (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		if (p[n] == '\0')
			return true;
	}
}

/* The rank of a byte in the order of paths: the end, '/', all others. */
static int
rank(char c)
{
	if (c == '\0' || c == '/')
		return c == '/';
	return (unsigned char)c + 1;
}

int
entry_path_cmp(const char *a, const char *b)
{
	size_t i = 0;

	/* The top folder comes first, "..." and "-" do not. */
	if (strcmp(a, ".") == 0 || strcmp(b, ".") == 0)
		return (strcmp(b, ".") == 0) - (strcmp(a, ".") == 0);
	while (a[i] == b[i] && a[i] != '\0')
		i++;
	return rank(a[i]) - rank(b[i]);
}

/* Return the rule that an entry breaks, or NULL. */
static const char *
broken_by_type(const struct entry *e)
{
	switch (e->type) {
	case ENTRY_FILE:
		return e->target != NULL ? "a file with a target" : NULL;
	case ENTRY_SYMLINK:
	case ENTRY_HARDLINK:
		if (e->target == NULL)
			return "a link without a target";
		if (e->type == ENTRY_HARDLINK && !entry_path_ok(e->target))
			return "a hard link to a path outside";
		break;
	case ENTRY_DIR:
	case ENTRY_FIFO:
	case ENTRY_SOCKET:
	case ENTRY_CHAR:
	case ENTRY_BLOCK:
		if (e->target != NULL)
			return "a target without a link";
		break;
	default:
		return "an unknown type";
	}
	if (e->size != 0 || e->sparse || e->has_sha256 || e->data_len != 0)
		return "data of something that is no file";
	return NULL;
}

static const char *
broken_extents(const struct entry *e)
{
	uint64_t end = 0, sum = 0;
	size_t i;

	if (e->size > INT64_MAX)
		return "a size that no file has";
	if (!e->sparse && e->nextents > 0)
		return "extents of a file that is not sparse";
	for (i = 0; i < e->nextents; i++) {
		const struct entry_extent *x = &e->extents[i];

		if (x->len == 0 || (i > 0 && x->off <= end))
			return "extents that are not apart";
		if (x->off > e->size || x->len > e->size - x->off)
			return "an extent beyond the size";
		end = x->off + x->len;
		sum += x->len;
	}
	if (e->data_len != (e->sparse ? sum : e->size))
		return "more or less data than it says";
	return NULL;
}

static const char *
broken(const struct entry *e)
{
	const char *what;
	size_t i;

	if (!entry_path_ok(e->path))
		return "a path that leads elsewhere";
	if (strcmp(e->path, ".") == 0 && e->type != ENTRY_DIR)
		return "a top folder of another type";
	if (e->mode > MODE_MAX)
		return "a mode above 07777";
	if ((what = broken_by_type(e)) != NULL ||
	    (what = broken_extents(e)) != NULL)
		return what;
	if (e->data_pos > UINT64_MAX - e->data_len)
		return "data behind the end of any stream";
	for (i = 0; i < e->nxattrs; i++) {
		if (e->xattrs[i].name[0] == '\0')
			return "an attribute without a name";
		if (i > 0 &&
		    strcmp(e->xattrs[i - 1].name, e->xattrs[i].name) >= 0)
			return "attributes out of order";
	}
	return NULL;
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

static int
encode(const struct entry *e, struct buf *b, struct err *err)
{
	const uint8_t flags = (uint8_t)((e->sparse ? FLAG_SPARSE : 0) |
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
	    (rc = buf_add_u64(b, e->rdev, err)) < 0 ||
	    (rc = buf_add_str(b, e->target, err)) < 0 ||
	    (rc = encode_lists(e, b, err)) < 0)
		return rc;
	if (e->has_sha256 &&
	    (rc = buf_add(b, e->sha256, sizeof(e->sha256), err)) < 0)
		return rc;
	if ((rc = buf_add_u64(b, e->data_pos, err)) < 0)
		return rc;
	return buf_add_u64(b, e->data_len, err);
}

int
entry_encode(const struct entry *e, struct buf *b, struct err *err)
{
	const size_t before = b->len;
	const char *what;
	int rc;

	if ((what = broken(e)) != NULL)
		return err_set(err, HF_EBUG, "'%s': %s", e->path, what);
	if (e->nxattrs > UINT32_MAX || e->nextents > UINT32_MAX)
		return err_set(err, HF_EBUG, "'%s': too long", e->path);
	if ((rc = encode(e, b, err)) < 0)
		b->len = before;
	return rc;
}

/* Read a string that is NULL if it is empty. */
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
decode_fixed(struct cur *c, struct entry *e, struct err *err)
{
	uint8_t flags;
	int rc;

	if ((rc = cur_str(c, &e->path, err)) < 0)
		return rc;
	e->type = (enum entry_type)cur_u8(c);
	flags = cur_u8(c);
	if (flags & ~FLAGS)
		c->bad = true;
	e->sparse = flags & FLAG_SPARSE;
	e->has_sha256 = flags & FLAG_SHA256;
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
	const uint8_t *value;
	int rc;

	if (n > c->left / XATTR_MIN) {
		c->bad = true;
		return 0;
	}
	if (n > 0 && (e->xattrs = calloc(n, sizeof(*e->xattrs))) == NULL)
		return err_nomem(err);
	e->nxattrs = n;
	for (i = 0; i < n && !c->bad; i++) {
		struct entry_xattr *x = &e->xattrs[i];

		if ((rc = cur_str(c, &x->name, err)) < 0)
			return rc;
		value = cur_bytes(c, &x->len);
		if (x->len == 0)
			continue;
		if ((x->value = malloc(x->len)) == NULL)
			return err_nomem(err);
		memcpy(x->value, value, x->len);
	}
	return 0;
}

static int
decode_extents(struct cur *c, struct entry *e, struct err *err)
{
	uint32_t i, n;

	if (!e->sparse)
		return 0;
	n = cur_u32(c);
	if (n > c->left / EXTENT_LEN) {
		c->bad = true;
		return 0;
	}
	if (n > 0 && (e->extents = calloc(n, sizeof(*e->extents))) == NULL)
		return err_nomem(err);
	e->nextents = n;
	for (i = 0; i < n; i++) {
		e->extents[i].off = cur_u64(c);
		e->extents[i].len = cur_u64(c);
	}
	return 0;
}

int
entry_decode(struct cur *c, struct entry *ret, struct err *err)
{
	CLEANUP(freep_entry) struct entry e = { .path = NULL };
	const char *what;
	int rc;

	if ((rc = decode_fixed(c, &e, err)) < 0 ||
	    (rc = decode_xattrs(c, &e, err)) < 0 ||
	    (rc = decode_extents(c, &e, err)) < 0)
		return rc;
	if (e.has_sha256)
		cur_copy(c, e.sha256, sizeof(e.sha256));
	e.data_pos = cur_u64(c);
	e.data_len = cur_u64(c);
	if (c->bad)
		return err_set(err, HF_ECORRUPT, "an entry is damaged");
	if ((what = broken(&e)) != NULL)
		return err_set(err, HF_ECORRUPT, "an entry has %s", what);
	*ret = e;
	e = (struct entry){ .path = NULL };
	return 0;
}
