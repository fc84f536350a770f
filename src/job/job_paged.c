#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/entry.h"
#include "base/err.h"
#include "base/limit.h"
#include "base/str.h"
#include "job/job.h"
#include "job/job_paged.h"
#include "job/job_pages.h"
#include "repo/repo_reader.h"
#include "source/source_paged_map.h"
#include "source/source_pages.h"

#define MAP_MAX ((uint64_t)256 << 20) /* bytes */

/*
 * The types of source that store a file as pages; in others, these names are
 * the user's own.
 */
static const char *const types[] = { "etcd", NULL };

struct part {
	uint64_t number; /* Of the group. */
	uint64_t pos, len;
};

struct job_paged {
	const struct job *job;
	struct repo_reader *reader;
	struct entry entry; /* The map's, and then the file's. */
	struct part *groups;
	size_t ngroups, cap;
	struct limit limit; /* Of the groups. */
	struct source_paged_map map;
};

void
job_paged_free(struct job_paged *p)
{
	if (p == NULL)
		return;
	entry_clear(&p->entry);
	source_paged_map_clear(&p->map);
	free(p->groups);
	free(p);
}

const struct entry *
job_paged_entry(const struct job_paged *p)
{
	return &p->entry;
}

static int
corrupt(struct err *err, const char *what)
{
	return err_set(err, HF_ECORRUPT, "%s", what);
}

static int
add_group(struct job_paged *p, const struct entry *e, const uint8_t name[8],
    struct err *err)
{
	struct part *grown, at = { 0, e->data_pos, e->data_len };

	if (e->data_len > SOURCE_PAGED_GROUP_MAX)
		return corrupt(err, "a group of pages is too large");
	at.number = be64_get(name);
	if (p->ngroups == p->cap) {
		grown = limit_grow(&p->limit, p->groups, &p->cap,
		    sizeof(*grown), "the list of groups of pages", err);
		if (grown == NULL)
			return err->code;
		p->groups = grown;
	}
	p->groups[p->ngroups++] = at;
	return 0;
}

/* Copy an entry with all that it points to, by encoding and decoding it. */
static int
copy_entry(const struct entry *e, struct entry *to, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct cur c;
	int rc;

	if ((rc = entry_encode(e, &b, err)) < 0)
		return rc;
	cur_init(&c, b.p, b.len);
	return entry_decode(&c, to, err);
}

static int
find_part(void *arg, const struct entry *e, struct err *err)
{
	const char *name = strchr(e->path, '/');
	const size_t suffix = strlen(SOURCE_PAGED_FOLDER);
	struct job_paged *p = arg;
	uint8_t number[8];

	if (e->type != ENTRY_FILE || name == NULL ||
	    (size_t)(name - e->path) <= suffix ||
	    memcmp(name - suffix, SOURCE_PAGED_FOLDER, suffix) != 0)
		return 0;
	if (p->entry.path != NULL)
		return corrupt(err, "there is more behind the map of pages");
	name++;
	if (strcmp(name, SOURCE_PAGED_MAP) == 0)
		return copy_entry(e, &p->entry, err);
	if (strlen(name) != 2 * sizeof(number) ||
	    !str_unhex(number, name, sizeof(number)))
		return corrupt(err, "a group of pages has no number");
	return add_group(p, e, number, err);
}

/* Read the next ${len} bytes that were asked for into ${b}. */
static int
gather(struct job_paged *p, uint64_t len, struct buf *b, struct err *err)
{
	const uint8_t *piece;
	uint64_t pos;
	size_t n;
	int rc;

	/* Make room for a group at once; for a map, only as its bytes come. */
	b->len = 0;
	n = len < SOURCE_PAGED_GROUP_MAX ? (size_t)len : SOURCE_PAGED_GROUP_MAX;
	if ((rc = buf_reserve(b, n, err)) < 0)
		return rc;
	while (b->len < len) {
		if ((rc = job_check(p->job, err)) < 0 ||
		    (rc = repo_reader_read(p->reader, &pos, &piece, &n, err)) <
			0)
			return rc;
		if (n == 0 || n > len - b->len)
			return err_set(
			    err, HF_EBUG, "the reader is out of step");
		if ((rc = buf_add(b, piece, n, err)) < 0)
			return rc;
	}
	return 0;
}

/* Read to the end of the round, so that the next one may begin. */
static int
end_round(struct job_paged *p, struct err *err)
{
	const uint8_t *piece;
	uint64_t pos;
	size_t n;
	int rc;

	rc = repo_reader_read(p->reader, &pos, &piece, &n, err);
	if (rc == 0 && n > 0)
		return err_set(err, HF_EBUG, "the reader is out of step");
	return rc;
}

/* Are the groups of the map those that are there? */
static int
check_groups(const struct job_paged *p, struct err *err)
{
	size_t i;

	if (p->map.ngroups != p->ngroups)
		return err_set(err, HF_ECORRUPT,
		    "the map of pages names %zu groups, and there are %zu",
		    p->map.ngroups, p->ngroups);
	for (i = 0; i < p->ngroups; i++)
		if (p->map.groups[i].number != p->groups[i].number ||
		    p->map.groups[i].pages >
			p->groups[i].len / SOURCE_PAGED_GROUP_ROW)
			return corrupt(err,
			    "the map of pages does not name the groups that "
			    "are there");
	return 0;
}

static int
load_map(struct job_paged *p, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	const struct entry *e = &p->entry;
	int rc;

	if (e->data_len == 0 || e->data_len > MAP_MAX)
		return corrupt(err, "the map of pages is missing");
	if ((rc = repo_reader_want(p->reader, e->data_pos, e->data_len, err)) <
		0 ||
	    (rc = gather(p, e->data_len, &b, err)) < 0 ||
	    (rc = end_round(p, err)) < 0 ||
	    (rc = source_paged_map_decode(b.p, b.len, &p->map, err)) < 0)
		return rc;
	return check_groups(p, err);
}

/* Turn the entry of the map into that of the file. */
static void
become_file(struct job_paged *p)
{
	struct entry *e = &p->entry;

	*(strchr(e->path, '/') - strlen(SOURCE_PAGED_FOLDER)) = '\0';
	e->size = e->data_len = p->map.size;
	e->data_pos = 0;
	e->has_sha256 = true;
	memcpy(e->sha256, p->map.sha256, sizeof(e->sha256));
}

int
job_paged_find(const struct job *j, struct repo_reader *reader,
    const struct repo_manifest *m, struct job_paged **ret, struct err *err)
{
	CLEANUP(freep_job_paged) struct job_paged *p = NULL;
	const char *const *type = types;
	int rc;

	*ret = NULL;
	while (*type != NULL && strcmp(*type, m->type) != 0)
		type++;
	if (*type == NULL || m->kind == REPO_LOG)
		return 0;
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return err_nomem(err);
	p->job = j;
	p->reader = reader;
	p->limit = limit_of(job_memory(j));
	if ((rc = repo_reader_entries(reader, find_part, p, err)) < 0)
		return rc;
	if (p->entry.path == NULL && p->ngroups == 0)
		return 0;
	if ((rc = load_map(p, err)) < 0)
		return rc;
	become_file(p);
	*ret = TAKE(p);
	return 0;
}

/* Pages on their way to their places. */
struct placing {
	const struct source_paged_map *map;
	const struct source_paged_group *group;
	struct source_pages *pages;
	uint8_t *have; /* A bit for each page. */
};

static int
place(void *arg, const struct source_paged_page *page, struct err *err)
{
	struct placing *x = arg;
	const struct source_paged_map *m = x->map;
	const uint64_t i = page->number;
	int rc;

	if (!source_paged_alive(x->group, page->i))
		return 0;
	if (i >= source_paged_count(m->size, m->page_size) ||
	    page->len != source_paged_len(m->size, m->page_size, i))
		return corrupt(err, "a page lies outside of its file");
	/*
	 * A page that comes twice would use a nonce twice, and another page
	 * would be missing.
	 */
	if (x->have[i / 8] >> (i % 8) & 1)
		return corrupt(err, "a page is there twice");
	x->have[i / 8] |= (uint8_t)(1 << i % 8);
	if ((rc = source_pages_seek(x->pages, i * m->page_size, err)) < 0)
		return rc;
	return source_pages_put(x->pages, page->p, page->len, err);
}

/*
 * Place the pages of all groups.  The map was checked: as many pages are alive
 * in it as the file has.  So if none comes twice, all have come.
 */
static int
place_all(struct job_paged *p, struct placing *x, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	size_t i;
	int rc;

	for (i = 0; i < p->ngroups; i++)
		if ((rc = repo_reader_want(p->reader, p->groups[i].pos,
			 p->groups[i].len, err)) < 0)
			return rc;
	for (i = 0; i < p->ngroups; i++) {
		x->group = &p->map.groups[i];
		if ((rc = gather(p, p->groups[i].len, &b, err)) < 0 ||
		    (rc = source_paged_group_read(b.p, b.len, p->map.page_size,
			 x->group->pages, place, x, err)) < 0)
			return err_wrap(
			    err, "group %" PRIx64, x->group->number);
	}
	if ((rc = end_round(p, err)) < 0)
		return rc;
	return source_pages_end(x->pages, err);
}

static int
hash_piece(
    void *arg, uint64_t off, const uint8_t *piece, size_t n, struct err *err)
{
	(void)off;
	return sha256_update(arg, piece, n, err);
}

static int
check_hash(struct job_paged *p, struct source_pages *pages, struct err *err)
{
	CLEANUP(freep_sha256) struct sha256 *sha = NULL;
	uint8_t got[SHA256_LEN];
	int rc;

	if ((rc = sha256_new(&sha, err)) < 0 ||
	    (rc = job_pages_each(
		 p->job, pages, 0, p->map.size, hash_piece, sha, err)) < 0 ||
	    (rc = sha256_final(sha, got, err)) < 0)
		return rc;
	return memcmp(got, p->map.sha256, sizeof(got)) == 0
		   ? 0
		   : corrupt(err,
			 "its pages together differ from the hash that was "
			 "recorded for it");
}

static int
load(struct job_paged *p, struct placing *x, struct err *err)
{
	const struct source_pages_opts opts = { .memory =
						    job_pages_memory(p->job) };
	int rc;

	/* Not more than there are pages in the groups: the map was checked. */
	x->have = calloc(
	    1, source_paged_count(p->map.size, p->map.page_size) / 8 + 1);
	if (x->have == NULL)
		return err_nomem(err);
	if ((rc = source_pages_new(&opts, &x->pages, err)) < 0 ||
	    (rc = place_all(p, x, err)) < 0)
		return rc;
	return check_hash(p, x->pages, err);
}

int
job_paged_load(struct job_paged *p, struct source_pages **ret, struct err *err)
{
	struct placing x = { .map = &p->map };
	int rc;

	if ((rc = load(p, &x, err)) == 0)
		*ret = TAKE(x.pages);
	else
		(void)err_wrap(err, "'%s'", p->entry.path);
	source_pages_free(x.pages);
	free(x.have);
	return rc;
}
