#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "power_meta.h"
#include "power_model.h"

#define BLOCK 512

/* ${n} bytes, and zeroes up to ${size}. */
struct bytes {
	uint8_t *p;
	size_t n;
	uint64_t size;
};

/* A name and what it stands for; NULL: nothing, any more. */
struct name {
	char *text;
	struct node *to;
};

struct names {
	struct name *v;
	size_t n;
};

/* What one call did to the names of one folder: all of it, or nothing. */
struct change {
	struct name v[2];
	size_t n;
};

struct node {
	unsigned kind; /* POWER_FILE, POWER_DIR or POWER_LINK. */
	uint64_t ino, id;
	struct bytes now, disk; /* Of a file, or where a link leads. */
	struct bytes meta;      /* What it is like, */
	struct bytes old_meta;  /* and was when it was synced. */
	bool dirty;             /* They differ. */
	struct names names;     /* On the disk, */
	struct change *changes; /* and what was done since. */
	size_t nchanges;
	bool seen;  /* While it is gone through. */
	char *path; /* Where it has been built. */
};

struct power_model {
	struct node **v; /* By id, from 1. */
	size_t n;
	struct node *root;
};

static void *
grown(void *p, size_t n, size_t size)
{
	if ((p = reallocarray(p, n, size)) == NULL)
		err(2, "no memory");
	return p;
}

struct power_model *
power_model_new(void)
{
	return memset(grown(NULL, 1, sizeof(struct power_model)), 0,
	    sizeof(struct power_model));
}

/* The newest file with that number: NULL if it lies elsewhere. */
static struct node *
node_of(const struct power_model *m, uint64_t ino)
{
	size_t i;

	for (i = m->n; i-- > 0;)
		if (m->v[i]->ino == ino)
			return m->v[i];
	return NULL;
}

static struct node *
node_new(struct power_model *m, unsigned kind, uint64_t ino)
{
	struct node *n = grown(NULL, 1, sizeof(*n));

	*n = (struct node){ .kind = kind, .ino = ino, .id = m->n + 1 };
	m->v = grown(m->v, m->n + 1, sizeof(struct node *));
	m->v[m->n++] = n;
	return n;
}

static uint64_t
mix(uint64_t a, uint64_t b)
{
	a = (a ^ b) * UINT64_C(0x9e3779b97f4a7c15);
	return a ^ a >> 29;
}

static uint64_t
mix_bytes(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n-- > 0)
		h = mix(h, *b++);
	return h;
}

static void
resize(struct bytes *b, size_t n)
{
	b->p = grown(b->p, n + 1, 1);
	if (n > b->n)
		memset(b->p + b->n, 0, n - b->n);
	b->n = n;
}

static void
copy(struct bytes *to, const struct bytes *from)
{
	resize(to, from->n);
	if (from->n > 0)
		memcpy(to->p, from->p, from->n);
	to->size = from->size;
}

static void
write_at(struct node *f, uint64_t at, const uint8_t *p, size_t n)
{
	resize(&f->now, at + n > f->now.n ? at + n : f->now.n);
	memcpy(f->now.p + at, p, n);
	if (at + n > f->now.size)
		f->now.size = at + n;
	f->dirty = true;
}

static void
set_size(struct node *f, uint64_t size)
{
	if (size < f->now.n)
		resize(&f->now, size);
	f->now.size = size;
	f->dirty = true;
}

/* What the name stands for now. */
static struct node *
lookup(const struct names *names, const char *text)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (strcmp(names->v[i].text, text) == 0)
			return names->v[i].to;
	return NULL;
}

static void
set(struct names *names, const struct name *name)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (strcmp(names->v[i].text, name->text) == 0)
			break;
	if (i == names->n) {
		names->v = grown(names->v, ++names->n, sizeof(struct name));
		names->v[i].text = name->text;
	}
	names->v[i].to = name->to;
}

static bool
is_kept(const struct node *d, size_t i, const struct power_choice *c)
{
	switch (c->names) {
	case POWER_NAMES_LOST:
		return false;
	case POWER_NAMES_KEPT:
		return true;
	case POWER_NAMES_BUT:
		return d->id != c->n;
	case POWER_NAMES_ONLY:
		return d->id == c->n;
	default:
		return mix(mix(c->n, d->id), i) & 1;
	}
}

/* The names in the folder ${d} that are left; free ->v. */
static struct names
names_left(const struct node *d, const struct power_choice *c)
{
	struct names left = { NULL, 0 };
	size_t i, k;

	for (i = 0; i < d->names.n; i++)
		set(&left, &d->names.v[i]);
	for (i = 0; i < d->nchanges; i++)
		for (k = 0; k < d->changes[i].n && is_kept(d, i, c); k++)
			set(&left, &d->changes[i].v[k]);
	return left;
}

static const struct power_choice all = { .names = POWER_NAMES_KEPT,
	.data = POWER_DATA_KEPT };

static struct node *
now_at(const struct node *d, const char *text)
{
	struct names names = names_left(d, &all);
	struct node *n = lookup(&names, text);

	free(names.v);
	return n;
}

static void
sync_node(struct node *n)
{
	struct names names;

	if (n->dirty) {
		copy(&n->disk, &n->now);
		copy(&n->old_meta, &n->meta);
	}
	n->dirty = false;
	if (n->nchanges == 0)
		return;
	names = names_left(n, &all);
	free(n->names.v);
	n->names = names;
	n->nchanges = 0;
}

static struct change *
change(struct node *d)
{
	d->changes = grown(d->changes, d->nchanges + 1, sizeof(struct change));
	d->changes[d->nchanges] = (struct change){ .n = 0 };
	return &d->changes[d->nchanges++];
}

static void
add(struct change *c, const char *text, struct node *to)
{
	char *mine = strdup(text);

	if (mine == NULL)
		err(2, "no memory");
	c->v[c->n++] = (struct name){ mine, to };
}

/* Across folders what is taken here and given there are two things. */
static void
move(struct node *from, const char *old, struct node *to, const char *new,
    bool exchange)
{
	struct node *a = from == NULL ? NULL : now_at(from, old);
	struct node *b = to == NULL ? NULL : now_at(to, new);
	struct change *c = NULL;

	if (from != NULL)
		add(c = change(from), old, exchange ? b : NULL);
	if (to != NULL && a != NULL)
		add(c != NULL && from == to ? c : change(to), new, a);
}

/* How it is made comes to the disk with it. */
static void
set_meta(struct node *f, const uint8_t *p, size_t n)
{
	resize(&f->meta, n);
	memcpy(f->meta.p, p, n);
	if (f->old_meta.n == 0)
		copy(&f->old_meta, &f->meta);
	else
		f->dirty = true;
}

static void
apply_file(struct node *f, const struct power_record *r, const uint8_t *p)
{
	if (r->op == POWER_META)
		set_meta(f, p, r->n);
	else if (r->op == POWER_WRITE)
		write_at(f, (uint64_t)r->at, p, r->n);
	else if (r->op == POWER_SIZE)
		set_size(f, (uint64_t)r->at);
	else if (r->op == POWER_SYNC)
		sync_node(f);
}

void
power_model_apply(
    struct power_model *m, const struct power_record *r, const uint8_t *p)
{
	struct node *n = node_of(m, r->ino), *d = node_of(m, r->dir);
	const char *text = (const char *)p;
	size_t i;

	switch (r->op) {
	case POWER_ROOT:
		m->root = node_new(m, POWER_DIR, r->ino);
		break;
	case POWER_FILE:
	case POWER_DIR:
		(void)node_new(m, r->op, r->ino);
		break;
	case POWER_LINK:
		n = node_new(m, r->op, r->ino);
		write_at(n, 0, p, r->n);
		sync_node(n);
		break;
	case POWER_NAME:
		if (d != NULL && n != NULL)
			add(change(d), text, n);
		break;
	case POWER_UNNAME:
		if (d != NULL)
			add(change(d), text, NULL);
		break;
	case POWER_RENAME:
	case POWER_EXCHANGE:
		move(d, text, node_of(m, r->dir2), text + strlen(text) + 1,
		    r->op == POWER_EXCHANGE);
		break;
	case POWER_SYNC_ALL:
		for (i = 0; i < m->n; i++)
			sync_node(m->v[i]);
		break;
	default:
		if (n != NULL)
			apply_file(n, r, p);
	}
}

uint64_t
power_model_dirty(const struct power_model *m, size_t i)
{
	size_t k;

	for (k = 0; k < m->n; k++)
		if (m->v[k]->nchanges > 0 && i-- == 0)
			return m->v[k]->id;
	return 0;
}

/* Block by block. */
static void
scramble(struct bytes *b, const struct node *f, const struct power_choice *c)
{
	uint64_t at, which;
	size_t n;

	for (at = 0; at < b->n; at += n) {
		n = b->n - at < BLOCK ? b->n - at : BLOCK;
		which = mix(mix(c->n, f->id), at) % 3;
		if (which == 0 || (which == 1 && at + n > f->disk.n))
			memset(b->p + at, 0, n);
		else if (which == 1)
			memcpy(b->p + at, f->disk.p + at, n);
	}
}

/* The bytes of ${f} that are left; free ->p. */
static struct bytes
bytes_left(const struct node *f, const struct power_choice *c)
{
	const bool old = !f->dirty || c->data == POWER_DATA_LOST;
	struct bytes b = { NULL, 0, 0 };
	size_t i;

	copy(&b, old ? &f->disk : &f->now);
	if (old || c->data == POWER_DATA_KEPT)
		return b;
	if (c->data == POWER_DATA_RANDOM) {
		scramble(&b, f, c);
		return b;
	}
	/* What is as it was on the disk may not have been touched. */
	for (i = 0; i < b.n; i++)
		if (i >= f->disk.n || b.p[i] != f->disk.p[i])
			b.p[i] = c->data == POWER_DATA_ZERO ? 0 : b.p[i] ^ 0xa5;
	return b;
}

/* What ${n} is like then. */
static const struct bytes *
meta_left(const struct node *n, const struct power_choice *c)
{
	const bool old = c->data == POWER_DATA_LOST ||
			 c->data == POWER_DATA_ZERO ||
			 (c->data == POWER_DATA_RANDOM && mix(c->n, n->id) & 1);

	return old ? &n->old_meta : &n->meta;
}

static uint64_t
hash_node(struct node *n, const struct power_choice *c)
{
	const struct bytes *meta = meta_left(n, c);
	uint64_t h = mix_bytes(n->kind, meta->p, meta->n);
	struct names names;
	struct bytes b;
	size_t i;

	if (n->seen)
		return 0;
	if (n->kind != POWER_DIR) {
		b = bytes_left(n, c);
		h = mix_bytes(mix(h, b.size), b.p, b.n);
		free(b.p);
		return h;
	}
	n->seen = true;
	names = names_left(n, c);
	for (i = 0; i < names.n; i++)
		if (names.v[i].to != NULL) /* Whatever their order. */
			h += mix_bytes(hash_node(names.v[i].to, c),
			    names.v[i].text, strlen(names.v[i].text));
	free(names.v);
	n->seen = false;
	return mix(h, 1);
}

uint64_t
power_model_hash(struct power_model *m, const struct power_choice *c)
{
	return hash_node(m->root, c);
}

static void
build_file(const struct node *f, const struct power_choice *c, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct bytes b = bytes_left(f, c);

	if (fd < 0 || write(fd, b.p, b.n) != (ssize_t)b.n ||
	    ftruncate(fd, (off_t)b.size) < 0 || close(fd) < 0)
		err(2, "%s", path);
	free(b.p);
}

static void
build_link(const struct node *l, const char *path)
{
	char to[PATH_MAX];

	(void)snprintf(
	    to, sizeof(to), "%.*s", (int)l->disk.n, (const char *)l->disk.p);
	if (symlink(to, path) < 0)
		err(2, "%s", path);
}

static void build_node(
    struct node *, const struct power_choice *, const char *);

/* Its own mode and time come last. */
static void
build_dir(struct node *d, const struct power_choice *c, const char *path)
{
	struct names names;
	char below[PATH_MAX];
	size_t i;

	if (mkdir(path, 0700) < 0)
		err(2, "%s", path);
	d->seen = true;
	names = names_left(d, c);
	for (i = 0; i < names.n; i++) {
		if (names.v[i].to == NULL)
			continue;
		(void)snprintf(
		    below, sizeof(below), "%s/%s", path, names.v[i].text);
		build_node(names.v[i].to, c, below);
	}
	free(names.v);
	d->seen = false;
}

static void
build_node(struct node *n, const struct power_choice *c, const char *path)
{
	const struct bytes *meta = meta_left(n, c);

	if (n->kind != POWER_DIR && n->path != NULL) {
		if (link(n->path, path) < 0)
			err(2, "%s", path);
		return;
	}
	if (n->kind != POWER_DIR && (n->path = strdup(path)) == NULL)
		err(2, "no memory");
	if (n->kind == POWER_FILE)
		build_file(n, c, path);
	if (n->kind == POWER_LINK)
		build_link(n, path);
	if (n->kind == POWER_DIR && n->seen)
		return;
	if (n->kind == POWER_DIR)
		build_dir(n, c, path);
	power_meta_set(path, meta->p, meta->n);
}

void
power_model_build(
    struct power_model *m, const struct power_choice *c, const char *path)
{
	build_node(m->root, c, path);
}
