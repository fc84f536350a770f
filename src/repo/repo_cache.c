#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "repo/repo_cache.h"
#include "repo/repo_listing.h"

/*
 * The file grows at its end and is replaced when half of it is of no use.  It
 * is not synced: after a power cut it has any bytes, and those that do not hold
 * are asked of the store.  A process that dies while it appends leaves half a
 * copy; reading ends there, and the next to append cuts it off.  Of two that
 * append, the second is turned away, and of one that appends and one that reads
 * the second sees whole copies, or less.
 */

#define HEAD_LEN (8 + REPO_ID_LEN)
#define WINDOW (256u << 10) /* Bytes read and written at a time. */
#define WASTE (1u << 20)    /* That many bytes of no use are no matter. */

struct repo_cache {
	char *path, *path_new;
	uint8_t head[HEAD_LEN];
	uint64_t max;
	int fd;
	bool writable;

	pthread_mutex_t lock; /* What is below, while threads add. */
	uint64_t size;        /* Of the file when it was looked at. */
	uint64_t end;         /* Behind the last copy in it. */
	uint64_t used;        /* By objects that the listings have. */
	bool writing;         /* We hold the file's lock. */
	bool closed;          /* Nothing more is kept. */
	struct buf added;     /* What comes at ${end}. */
};

size_t
repo_cache_row(const uint8_t *p, size_t n, struct repo_cache_row *row)
{
	const uint8_t *name;
	struct cur c;
	size_t len;

	cur_init(&c, p, n < REPO_CACHE_ROW_MAX ? n : REPO_CACHE_ROW_MAX);
	name = cur_bytes(&c, &len);
	row->len = cur_u32(&c);
	if (c.bad || len == 0 || len >= sizeof(row->name) ||
	    memchr(name, '\0', len) != NULL || row->len == 0 ||
	    row->len > REPO_CACHE_OBJECT_MAX)
		return 0;
	memcpy(row->name, name, len);
	row->name[len] = '\0';
	return 4 + len + 4;
}

/* Only a file of our own.  To wait for a pipe would be waiting for ever. */
static bool
open_file(struct repo_cache *c)
{
	static const int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	struct stat st;

	c->fd = open(c->path, O_RDWR | O_CREAT | flags, 0600);
	c->writable = c->fd >= 0;
	if (c->fd < 0)
		c->fd = open(c->path, O_RDONLY | flags);
	return c->fd >= 0 && fstat(c->fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_uid == geteuid() && (st.st_mode & 077) == 0;
}

struct repo_cache *
repo_cache_open(
    const char *dir, const uint8_t vault_id[REPO_ID_LEN], uint64_t max)
{
	static const uint8_t magic[8] = { 'H', 'F', 'L', 'C', 1 };
	CLEANUP(freep_repo_cache) struct repo_cache *c = NULL;
	struct err ignored = ERR_INIT;

	if (max == 0 || (c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	(void)pthread_mutex_init(&c->lock, NULL);
	c->max = max;
	c->fd = -1;
	memcpy(c->head, magic, sizeof(magic));
	memcpy(c->head + sizeof(magic), vault_id, REPO_ID_LEN);
	if (str_printf(&c->path, &ignored, "%s/cache", dir) < 0 ||
	    str_printf(&c->path_new, &ignored, "%s/cache.new", dir) < 0 ||
	    !open_file(c))
		return NULL;
	return TAKE(c);
}

void
repo_cache_free(struct repo_cache *c)
{
	if (c == NULL)
		return;
	freep_fd(&c->fd);
	buf_free(&c->added);
	(void)pthread_mutex_destroy(&c->lock);
	free(c->path);
	free(c->path_new);
	free(c);
}

/* What is read of the file, from its beginning on. */
struct window {
	uint8_t p[WINDOW];
	uint64_t from;
	size_t n;
};

/* Give up to ${n} bytes at ${at}; return how many there are. */
static size_t
peek(const struct repo_cache *c, struct window *w, uint64_t at, size_t n,
    const uint8_t **p)
{
	struct err ignored = ERR_INIT;
	size_t have;

	if (at < w->from || at + n > w->from + w->n) {
		w->from = at;
		if (file_read_at(
			c->fd, w->p, sizeof(w->p), at, &w->n, &ignored) < 0)
			w->n = 0;
	}
	*p = w->p + (at - w->from);
	have = w->n - (size_t)(at - w->from);
	return have < n ? have : n;
}

static int
by_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct repo_listed *)row)->name);
}

static size_t
space(const struct repo_listed *o)
{
	return 4 + strlen(o->name) + 4 + (size_t)o->len;
}

/* Of two copies the later counts: the store was asked again for that. */
static void
note(struct repo_cache *c, struct repo_listing *const *v, size_t n,
    const struct repo_cache_row *row, uint64_t at)
{
	struct repo_listed *o = NULL;
	size_t i;

	for (i = 0; i < n && o == NULL; i++)
		if (v[i]->n > 0)
			o = bsearch(
			    row->name, v[i]->v, v[i]->n, sizeof(*o), by_name);
	if (o == NULL || o->len != row->len)
		return;
	if (o->copy == 0)
		c->used += space(o);
	o->copy = at;
}

static void
look(struct repo_cache *c, struct window *w, struct repo_listing *const *v,
    size_t n)
{
	struct repo_cache_row row;
	const uint8_t *p;
	size_t len;

	if (peek(c, w, 0, HEAD_LEN, &p) < HEAD_LEN ||
	    memcmp(p, c->head, HEAD_LEN) != 0 || c->size > c->max)
		return;
	for (c->end = HEAD_LEN;; c->end += len + row.len) {
		len = peek(c, w, c->end, REPO_CACHE_ROW_MAX, &p);
		if ((len = repo_cache_row(p, len, &row)) == 0 ||
		    c->end + len > c->size || row.len > c->size - c->end - len)
			return;
		note(c, v, n, &row, c->end + len);
	}
}

void
repo_cache_look(struct repo_cache *c, struct repo_listing *const *v, size_t n)
{
	CLEANUP(freep_mem) struct window *w = NULL;
	struct stat st;

	if (c == NULL || fstat(c->fd, &st) < 0 ||
	    (w = calloc(1, sizeof(*w))) == NULL)
		return;
	c->size = (uint64_t)st.st_size;
	c->end = c->used = 0;
	c->closed = !c->writable;
	look(c, w, v, n);
}

bool
repo_cache_get(
    const struct repo_cache *c, uint64_t at, size_t len, struct buf *out)
{
	struct err ignored = ERR_INIT;
	size_t got;

	if (c == NULL || at == 0 || buf_reserve(out, len, &ignored) < 0 ||
	    file_read_at(c->fd, out->p + out->len, len, at, &got, &ignored) <
		0 ||
	    got != len)
		return false;
	out->len += len;
	return true;
}

/*
 * Take the file's lock and cut off what is no copy.  Who has appended since we
 * looked has most likely what we would append.
 */
static bool
begin(struct repo_cache *c)
{
	struct err ignored = ERR_INIT;
	struct stat st, named;

	if (c->writing)
		return true;
	c->closed = true;
	if (flock(c->fd, LOCK_EX | LOCK_NB) < 0)
		return false;
	if (fstat(c->fd, &st) < 0 || (uint64_t)st.st_size != c->size ||
	    stat(c->path, &named) < 0 || named.st_ino != st.st_ino ||
	    ftruncate(c->fd, (off_t)c->end) < 0 ||
	    lseek(c->fd, (off_t)c->end, SEEK_SET) < 0 ||
	    (c->end == 0 &&
		buf_add(&c->added, c->head, HEAD_LEN, &ignored) < 0)) {
		(void)flock(c->fd, LOCK_UN);
		return false;
	}
	c->closed = false;
	return c->writing = true;
}

/* What is written in part, the next one to append cuts off. */
static void
flush(struct repo_cache *c)
{
	struct err ignored = ERR_INIT;

	if (file_write_full(c->fd, c->added.p, c->added.len, &ignored) == 0)
		c->end += c->added.len;
	else
		c->closed = true;
	c->added.len = 0;
}

static int
add_row(struct buf *b, const struct repo_listed *o, const struct buf *bytes)
{
	struct err ignored = ERR_INIT;
	size_t from = b->len;

	if (buf_add_str(b, o->name, &ignored) < 0 ||
	    buf_add_bytes(b, bytes->p, bytes->len, &ignored) < 0) {
		b->len = from;
		return -1;
	}
	return 0;
}

static void
add(struct repo_cache *c, struct repo_listed *o, const struct buf *b)
{
	if (c->closed || !begin(c) ||
	    c->end + c->added.len + space(o) > c->max ||
	    add_row(&c->added, o, b) < 0)
		return;
	o->copy = c->end + c->added.len - b->len;
	c->used += space(o);
	if (c->added.len >= WINDOW)
		flush(c);
}

void
repo_cache_add(struct repo_cache *c, struct repo_listed *o, const struct buf *b)
{
	if (c == NULL || b->len != o->len || b->len > REPO_CACHE_OBJECT_MAX)
		return;
	(void)pthread_mutex_lock(&c->lock);
	add(c, o, b);
	(void)pthread_mutex_unlock(&c->lock);
}

/* Append the copies of one listing to the file ${to}. */
static bool
carry(const struct repo_cache *c, const struct repo_listing *l, int to,
    struct buf *out)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;
	size_t i;

	for (i = 0; i < l->n; i++) {
		b.len = 0;
		if (l->v[i].copy == 0)
			continue;
		if (!repo_cache_get(c, l->v[i].copy, (size_t)l->v[i].len, &b) ||
		    add_row(out, &l->v[i], &b) < 0)
			return false;
		if (out->len < WINDOW)
			continue;
		if (file_write_full(to, out->p, out->len, &ignored) < 0)
			return false;
		out->len = 0;
	}
	return file_write_full(to, out->p, out->len, &ignored) == 0;
}

/*
 * The next process opens the new file; who has the old one open, as we do,
 * still finds in it what was there.  What a killed process has left under the
 * new name is in nobody's hands, for we hold the lock.
 */
static void
replace(const struct repo_cache *c, struct repo_listing *const *v, size_t n)
{
	CLEANUP(freep_buf) struct buf out = BUF_INIT;
	CLEANUP(freep_fd) int fd = -1;
	struct err ignored = ERR_INIT;
	size_t i;
	bool good;

	(void)unlink(c->path_new);
	fd = open(c->path_new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	good = buf_add(&out, c->head, HEAD_LEN, &ignored) == 0;
	for (i = 0; i < n && good; i++) {
		good = carry(c, v[i], fd, &out);
		out.len = 0;
	}
	if (!good || rename(c->path_new, c->path) < 0)
		(void)unlink(c->path_new);
}

void
repo_cache_settle(struct repo_cache *c, struct repo_listing *const *v, size_t n)
{
	bool wasteful;

	if (c == NULL)
		return;
	if (c->added.len > 0)
		flush(c);
	wasteful = c->end > c->used && c->end - c->used > c->used / 2 + WASTE;
	if (wasteful && !c->closed && begin(c))
		replace(c, v, n);
	if (c->writing)
		(void)flock(c->fd, LOCK_UN);
	c->writing = false;
	c->closed = true;
}
