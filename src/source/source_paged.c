#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/entry.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "source/source.h"
#include "source/source_paged.h"
#include "source/source_paged_map.h"
#include "source/source_paged_memo.h"

#define KEEP_ONE_IN 4    /* Less of a group in use: it is not kept. */
#define CHECK_EVERY 1024 /* Pages: how soon a wish to stop is heard. */

struct paged {
	const struct source_paged_file *file;
	struct sink *sink;
	char *folder;
	uint64_t npages;
	uint8_t *covered;   /* A bit for each page that a group has. */
	struct secret *key; /* Of the ids; NULL until one is known. */
	struct source_paged_map map;
	uint64_t next;  /* The number of the next new group. */
	struct buf old; /* The memo of a group of the last backup. */
	uint64_t reads; /* Of pages. */

	/* The group that is being filled. */
	struct buf rows, memo;
	uint8_t *pages; /* SOURCE_PAGED_GROUP_MAX bytes. */
	size_t used;
	uint32_t n;
};

static void
paged_clear(struct paged *p)
{
	free(p->folder);
	free(p->covered);
	free(p->pages);
	secret_free(p->key);
	source_paged_map_clear(&p->map);
	buf_free(&p->old);
	buf_free(&p->rows);
	buf_free(&p->memo);
}

static uint32_t
len_of(const struct paged *p, uint64_t number)
{
	return source_paged_len(
	    p->file->entry->size, p->file->page_size, number);
}

static bool
is_covered(const struct paged *p, uint64_t number)
{
	return p->covered[number / 8] >> (number % 8) & 1;
}

static void
cover(struct paged *p, uint64_t number)
{
	p->covered[number / 8] |= (uint8_t)(1 << number % 8);
}

/* Read page ${number} to ${to} and compute its id. */
static int
read_page(struct paged *p, uint64_t number, uint8_t *to,
    struct source_paged_memo *m, struct err *err)
{
	const struct source_paged_file *f = p->file;
	int rc;

	m->number = number;
	m->len = len_of(p, number);
	m->alive = true;
	if (p->reads++ % CHECK_EVERY == 0 &&
	    (rc = sink_check(p->sink, err)) < 0)
		return rc;
	rc = f->read(f->arg, number * f->page_size, to, m->len, err);
	return rc < 0 ? rc : source_paged_id(p->key, to, m->len, m->id, err);
}

/* Make the path of a part of the file, "FOLDER/NAME". */
static int
path_of(const struct paged *p, const char *name, char **ret, struct err *err)
{
	return str_printf(ret, err, "%s/%s", p->folder, name);
}

static int
path_of_group(
    const struct paged *p, uint64_t number, char **ret, struct err *err)
{
	char name[SOURCE_PAGED_NAME_LEN];

	(void)snprintf(name, sizeof(name), "%016" PRIx64, number);
	return path_of(p, name, ret, err);
}

/* Add a part of the file, whose ${size} bytes the sink has, or its folder. */
static int
add(struct paged *p, char *path, enum entry_type type, uint64_t size,
    struct err *err)
{
	struct entry e = *p->file->entry; /* What it points to stays there. */

	e.path = path;
	e.type = type;
	e.size = size;
	e.has_sha256 = false;
	if (type == ENTRY_DIR)
		e.mode |= (e.mode & 0444) >> 2; /* Who may read may enter. */
	return sink_add(p->sink, &e, err);
}

/*
 * Is ${k} a group of this file?  The last backup may have been of another form.
 */
static bool
is_group(const struct paged *p, const struct sink_kept *k, uint64_t *number)
{
	const char *name = str_has_prefix(k->entry->path, p->folder);
	uint8_t bytes[8];

	if (name == NULL || strlen(name) != SOURCE_PAGED_NAME_LEN ||
	    name[0] != '/' || !str_unhex(bytes, name + 1, sizeof(bytes)) ||
	    !source_paged_memo_ok(k->memo, k->memo_len, p->file->page_size))
		return false;
	*number = be64_get(bytes);
	return *number >= p->next && *number < UINT64_MAX / 2;
}

/*
 * Take the key of the ids from the first group of the last backup that is
 * recalled: only under the same key can ids be compared.
 */
static int
take_key(struct paged *p, bool *same, struct err *err)
{
	const uint8_t *key = source_paged_memo_key(&p->old);
	int rc;

	if (p->key == NULL &&
	    (rc = secret_copy(key, SOURCE_PAGED_KEY_LEN, &p->key, err)) < 0)
		return rc;
	*same = memcmp(secret_p(p->key), key, SOURCE_PAGED_KEY_LEN) == 0;
	return 0;
}

/*
 * Find out which pages of the recalled group the file still has at their
 * places, and mark the others in its memo as dead; ${*alive} counts those that
 * are alive.
 */
static int
compare(struct paged *p, uint32_t *alive, struct err *err)
{
	size_t i, n = source_paged_memo_count(&p->old);
	struct source_paged_memo old, now;
	int rc;

	for (*alive = 0, i = 0; i < n; i++) {
		source_paged_memo_get(&p->old, i, &old);
		if (old.alive && old.number < p->npages &&
		    !is_covered(p, old.number) &&
		    old.len == len_of(p, old.number)) {
			rc = read_page(p, old.number, p->pages, &now, err);
			if (rc < 0)
				return rc;
			if (memcmp(now.id, old.id, sizeof(now.id)) == 0) {
				++*alive;
				continue;
			}
		}
		source_paged_memo_kill(&p->old, i);
	}
	return 0;
}

/* Mark what the group covers, and make the bitmap of the map. */
static int
mark_living(struct paged *p, struct source_paged_group *g, struct err *err)
{
	struct source_paged_memo m;
	size_t i;

	if (g->alive < g->pages &&
	    (g->live = calloc(1, (g->pages + 7) / 8)) == NULL)
		return err_nomem(err);
	for (i = 0; i < g->pages; i++) {
		source_paged_memo_get(&p->old, i, &m);
		if (!m.alive)
			continue;
		cover(p, m.number);
		if (g->live != NULL)
			g->live[i / 8] |= (uint8_t)(1 << i % 8);
	}
	return source_paged_map_add(&p->map, g, err);
}

/* Judge the group that was recalled: keep it if enough of it is still alive. */
static int
judge_group(struct paged *p, const struct sink_kept *from, uint64_t number,
    struct err *err)
{
	struct source_paged_group g = { .number = number };
	bool same;
	int rc;

	p->old.len = 0;
	p->next = number + 1;
	if ((rc = buf_add(&p->old, from->memo, from->memo_len, err)) < 0 ||
	    (rc = take_key(p, &same, err)) < 0 || !same ||
	    (rc = compare(p, &g.alive, err)) < 0)
		return rc;
	g.pages = (uint32_t)source_paged_memo_count(&p->old);
	if (g.alive == 0 || g.alive < g.pages / KEEP_ONE_IN)
		return 0;
	rc = sink_keep(p->sink, from->entry->path, p->old.p, p->old.len, err);
	return rc < 0 ? rc : mark_living(p, &g, err);
}

static int
keep_groups(struct paged *p, struct err *err)
{
	struct sink_kept from;
	uint64_t number;
	int rc;

	while ((rc = sink_recall(p->sink, &from, err)) == 1)
		if (is_group(p, &from, &number) &&
		    (rc = judge_group(p, &from, number, err)) < 0)
			return rc;
	if (rc < 0 || p->key != NULL)
		return rc;
	return secret_random(SOURCE_PAGED_KEY_LEN, &p->key, err);
}

static size_t
group_size(const struct paged *p)
{
	return SOURCE_PAGED_GROUP_HEAD + p->rows.len + p->used;
}

/*
 * Write the group that was filled.  If it is ${full}, it gets a frame of its
 * own, so that reading a group again reads nothing else.
 */
static int
write_group(struct paged *p, bool full, struct err *err)
{
	const struct source_paged_group g = {
		.number = p->next++, .pages = p->n, .alive = p->n
	};
	CLEANUP(freep_mem) char *path = NULL;
	uint8_t head[SOURCE_PAGED_GROUP_HEAD];
	int rc;

	source_paged_group_head(head, p->file->page_size, p->n);
	if ((rc = path_of_group(p, g.number, &path, err)) < 0 ||
	    (rc = sink_remember(p->sink, p->memo.p, p->memo.len, err)) < 0 ||
	    (rc = sink_begin(p->sink, path,
		 full ? SOURCE_PAGED_GROUP_MAX : group_size(p), SINK_HASHES,
		 err)) < 0 ||
	    (rc = sink_write(p->sink, head, sizeof(head), err)) < 0 ||
	    (rc = sink_write(p->sink, p->rows.p, p->rows.len, err)) < 0 ||
	    (rc = sink_write(p->sink, p->pages, p->used, err)) < 0 ||
	    (rc = add(p, path, ENTRY_FILE, group_size(p), err)) < 0)
		return rc;
	p->n = 0;
	p->used = p->rows.len = 0;
	return source_paged_map_add(&p->map, &g, err);
}

/* Put page ${number} into the group at hand. */
static int
write_page(struct paged *p, uint64_t number, struct err *err)
{
	uint8_t row[SOURCE_PAGED_GROUP_ROW];
	struct source_paged_memo m;
	int rc;

	if (group_size(p) + sizeof(row) + p->file->page_size >
		SOURCE_PAGED_GROUP_MAX &&
	    (rc = write_group(p, true, err)) < 0)
		return rc;
	if (p->n == 0 && (rc = source_paged_memo_begin(
			      &p->memo, p->file->page_size, p->key, err)) < 0)
		return rc;
	rc = read_page(p, number, p->pages + p->used, &m, err);
	if (rc < 0)
		return rc;
	source_paged_group_row(row, number, m.len);
	if ((rc = buf_add(&p->rows, row, sizeof(row), err)) < 0 ||
	    (rc = source_paged_memo_add(&p->memo, &m, err)) < 0)
		return rc;
	p->used += m.len;
	p->n++;
	return 0;
}

static int
write_groups(struct paged *p, struct err *err)
{
	uint64_t i;
	int rc;

	for (i = 0; i < p->npages; i++)
		if (!is_covered(p, i) && (rc = write_page(p, i, err)) < 0)
			return rc;
	return p->n > 0 ? write_group(p, false, err) : 0;
}

static int
write_map(struct paged *p, struct err *err)
{
	CLEANUP(freep_mem) char *path = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	int rc;

	if ((rc = source_paged_map_encode(&p->map, &b, err)) < 0 ||
	    (rc = path_of(p, SOURCE_PAGED_MAP, &path, err)) < 0 ||
	    (rc = sink_begin(p->sink, path, b.len, SINK_HASHES, err)) < 0 ||
	    (rc = sink_write(p->sink, b.p, b.len, err)) < 0)
		return rc;
	return add(p, path, ENTRY_FILE, b.len, err);
}

static int
prepare(struct paged *p, struct err *err)
{
	const struct source_paged_file *f = p->file;
	int rc;

	p->npages = source_paged_count(f->entry->size, f->page_size);
	p->map.size = f->entry->size;
	p->map.page_size = f->page_size;
	memcpy(p->map.sha256, f->entry->sha256, sizeof(p->map.sha256));
	if ((rc = str_printf(&p->folder, err, "%s" SOURCE_PAGED_FOLDER,
		 f->entry->path)) < 0)
		return rc;
	if ((p->covered = calloc(1, p->npages / 8 + 1)) == NULL ||
	    (p->pages = malloc(SOURCE_PAGED_GROUP_MAX)) == NULL)
		return err_nomem(err);
	return 0;
}

int
source_paged_write(
    const struct source_paged_file *f, struct sink *sink, struct err *err)
{
	CLEANUP(paged_clear) struct paged p = { .file = f, .sink = sink };
	int rc;

	assert(f->entry->has_sha256 && !f->entry->sparse);
	if ((rc = prepare(&p, err)) < 0 ||
	    (rc = add(&p, p.folder, ENTRY_DIR, 0, err)) < 0 ||
	    (rc = keep_groups(&p, err)) < 0 || (rc = write_groups(&p, err)) < 0)
		return rc;
	return write_map(&p, err);
}
