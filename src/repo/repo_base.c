#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "repo/repo_base.h"
#include "repo/repo_impl.h"
#include "store/store.h"

#define CHUNK (1u << 20)
#define MS_PER_HOUR INT64_C(3600000)

/* An entry has to fit into a frame. */
#define ENTRY_MAX (1u << 20)

int
repo_base_path(struct repo *r, const char *source, char **ret, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char hex[2 * 16 + 1];
	uint8_t hash[SHA256_LEN];
	int rc;

	if ((rc = buf_add_str(&b, source, err)) < 0 ||
	    (rc = sha256_of(b.p, b.len, hash, err)) < 0)
		return rc;
	return str_printf(ret, err, "%s/base/%s", repo_local_path(r->local),
	    str_hex(hex, hash, 16));
}

void
repo_base_free(struct repo_base *b)
{
	if (b == NULL)
		return;
	freep_fd(&b->fd);
	repo_base_tail_clear(&b->tail);
	entry_clear(&b->entry);
	buf_free(&b->memo);
	buf_free(&b->window);
	free(b->usable);
	free(b->starts);
	free(b);
}

/* Damage and a failing disk are one here: there is no base. */
static int
damaged(struct err *err)
{
	return err_set(err, HF_ECORRUPT, "the memory of it is damaged");
}

static int
read_at(int fd, uint64_t off, void *to, size_t n, struct err *err)
{
	size_t got;

	if (file_read_at(fd, to, n, off, &got, err) < 0 || got < n)
		return damaged(err);
	return 0;
}

/* Compare the checksum, which covers all before it. */
static int
check_sum(const struct repo_base *b, uint64_t len, struct err *err)
{
	CLEANUP(freep_sha256) struct sha256 *sha = NULL;
	CLEANUP(freep_mem) uint8_t *p = NULL;
	uint8_t want[SHA256_LEN], got[SHA256_LEN];
	uint64_t at, end = len - SHA256_LEN;
	size_t n;
	int rc;

	if ((p = malloc(CHUNK)) == NULL)
		return err_nomem(err);
	if ((rc = sha256_new(&sha, err)) < 0)
		return rc;
	for (at = 0; at < end; at += n) {
		n = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
		if ((rc = read_at(b->fd, at, p, n, err)) < 0 ||
		    (rc = sha256_update(sha, p, n, err)) < 0)
			return rc;
	}
	if ((rc = sha256_final(sha, got, err)) < 0 ||
	    (rc = read_at(b->fd, end, want, sizeof(want), err)) < 0)
		return rc;
	return memcmp(got, want, sizeof(got)) == 0 ? 0 : damaged(err);
}

static int
load_tail(struct repo_base *b, uint64_t len, struct err *err)
{
	CLEANUP(freep_buf) struct buf bytes = BUF_INIT;
	uint64_t from, end = len - REPO_BASE_TRAILER_LEN;
	uint8_t word[8];
	int rc;

	if ((rc = read_at(b->fd, 0, word, sizeof(word), err)) < 0)
		return rc;
	if (memcmp(word, REPO_BASE_MAGIC, sizeof(word)) != 0)
		return damaged(err);
	if ((rc = read_at(b->fd, end, word, sizeof(word), err)) < 0)
		return rc;
	from = le64_get(word);
	if (from < REPO_BASE_MAGIC_LEN || from > end)
		return damaged(err);
	b->at = REPO_BASE_MAGIC_LEN;
	b->end = from;
	if ((rc = buf_reserve(&bytes, (size_t)(end - from), err)) < 0 ||
	    (rc = read_at(b->fd, from, bytes.p, (size_t)(end - from), err)) < 0)
		return rc;
	return repo_base_tail_decode(
	    bytes.p, (size_t)(end - from), &b->tail, err);
}

/* Open and check the file itself. */
static int
load(struct repo_base *b, const char *path, struct err *err)
{
	struct stat st;
	int rc;

	if ((b->fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return err_errno(err, errno, "open '%s'", path);
	if (fstat(b->fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size < REPO_BASE_MAGIC_LEN + REPO_BASE_TRAILER_LEN)
		return damaged(err);
	if ((rc = check_sum(b, (uint64_t)st.st_size, err)) < 0)
		return rc;
	return load_tail(b, (uint64_t)st.st_size, err);
}

/*
 * Rule W1 (doc/design/format.md): a pack, or a data key, that was there
 * before the session may be named only if it was stored at or after the
 * session's start less the reuse window.  A pack was stored after the hour in
 * its name had begun, and a key after the session that made it had.
 */
static int
judge_packs(struct repo_base *b, int64_t since_ms, struct err *err)
{
	const struct repo_pack_row *p;
	size_t i;

	b->usable = calloc(b->tail.npacks + 1, sizeof(*b->usable));
	if (b->usable == NULL)
		return err_nomem(err);
	for (i = 0; i < b->tail.npacks; i++) {
		p = &b->tail.packs[i];
		b->usable[i] = p->hour * MS_PER_HOUR >= since_ms &&
			       b->tail.keys[p->key].made_ms >= since_ms;
	}
	return 0;
}

static int
place_frames(struct repo_base *b, struct err *err)
{
	size_t i;

	b->starts = calloc(b->tail.nframes + 1, sizeof(*b->starts));
	if (b->starts == NULL)
		return err_nomem(err);
	for (i = 0; i < b->tail.nframes; i++)
		b->starts[i + 1] = b->starts[i] + b->tail.frames[i].plain;
	return 0;
}

/*
 * Why it cannot be built on, or NULL.  A state folder that was copied to
 * another host tells of the files of the first; a store whose clock was set
 * back makes every pack look younger than it is.
 */
static const char *
why_not(const struct repo_base *b, const struct repo *r,
    const struct repo_base_session *s)
{
	const struct repo_base_tail *t = &b->tail;

	if (strcmp(t->source, s->source) != 0 ||
	    memcmp(t->repo_id, r->head.repo_id, REPO_ID_LEN) != 0)
		return "the last backup was of something else";
	if (strcmp(t->type, s->type) != 0)
		return "the last backup was of another type";
	if (strcmp(t->host, r->host) != 0)
		return "the last backup was made on another host";
	if (t->start_ms > s->start_ms)
		return "by the store's clock the last backup is yet to come";
	/* The key list has room for 65,535, and one is the backup's own. */
	if (t->nkeys >= UINT16_MAX)
		return "the last backup has as many data keys as one can";
	return NULL;
}

/*
 * Is its manifest still in the store?  If not, the store was set back, or
 * has lost things, and may have lost packs with it.  A host that may not look
 * trusts its memory: that packs are missing is found by verify, at level 0.
 */
static int
in_store(
    struct repo *r, const struct repo_base *b, bool *found, struct err *err)
{
	char object[REPO_NAME_MAX + 64];
	struct store_info info;
	struct err e = ERR_INIT;

	*found = false;
	if (strlen(b->tail.manifest) >= REPO_NAME_MAX)
		return 0;
	if (store_head(r->store, repo_object(r, b->tail.manifest, object),
		&info, &e) == 0 ||
	    e.code == -HF_EDENIED) {
		*found = true;
		return 0;
	}
	if (e.code == -HF_ENOTFOUND)
		return 0;
	*err = e;
	return err->code;
}

static int
judge(struct repo_base *b, struct repo *r, const struct repo_base_session *s,
    const char **why, struct err *err)
{
	bool found;
	int rc;

	if ((*why = why_not(b, r, s)) != NULL)
		return 0;
	if ((rc = in_store(r, b, &found, err)) < 0)
		return rc;
	if (!found) {
		*why = "the last backup is no longer in the store";
		return 0;
	}
	if ((rc = judge_packs(
		 b, s->start_ms - 1000 * (int64_t)r->head.reuse_s, err)) < 0)
		return rc;
	return place_frames(b, err);
}

int
repo_base_open(struct repo *r, const struct repo_base_session *s,
    struct repo_base **ret, const char **why, struct err *err)
{
	CLEANUP(freep_repo_base) struct repo_base *b = NULL;
	CLEANUP(freep_mem) char *path = NULL;
	struct err e = ERR_INIT;
	int rc;

	*ret = NULL;
	*why = NULL;
	if ((rc = repo_base_path(r, s->source, &path, err)) < 0)
		return rc;
	if ((b = calloc(1, sizeof(*b))) == NULL)
		return err_nomem(err);
	b->fd = -1;
	if ((rc = load(b, path, &e)) < 0) {
		if (rc == -HF_ENOMEM) {
			*err = e;
			return rc;
		}
		if (rc != -HF_ENOTFOUND)
			*why = "the memory of the last backup is damaged";
		return 0;
	}
	if ((rc = judge(b, r, s, why, err)) < 0)
		return rc;
	if (*why == NULL)
		*ret = TAKE(b);
	return 0;
}

/* Have at least ${n} unread bytes in the window; false if there are none. */
static bool
fill(struct repo_base *b, size_t n, int *rc, struct err *err)
{
	size_t left = b->window.len - b->used, more;

	*rc = 0;
	if (left >= n)
		return true;
	if (n - left > b->end - b->at)
		return false;
	if (left > 0)
		memmove(b->window.p, b->window.p + b->used, left);
	b->window.len = left;
	b->used = 0;
	more = b->end - b->at < CHUNK ? (size_t)(b->end - b->at) : CHUNK;
	if (more < n - left)
		more = n - left;
	if ((*rc = buf_reserve(&b->window, more, err)) < 0 ||
	    (*rc = read_at(b->fd, b->at, b->window.p + left, more, err)) < 0)
		return false;
	b->window.len += more;
	b->at += more;
	return true;
}

/* Give the next byte string of the file; false if there is none. */
static bool
take(struct repo_base *b, size_t max, const uint8_t **p, size_t *n, int *rc,
    struct err *err)
{
	size_t len;

	if (!fill(b, 4, rc, err))
		return false;
	len = le32_get(b->window.p + b->used);
	if (len > max || !fill(b, 4 + len, rc, err))
		return false;
	*p = b->window.p + b->used + 4;
	*n = len;
	b->used += 4 + len;
	return true;
}

/* Read the next file of it: 1, or 0 at the end. */
static int
read_file(struct repo_base *b, struct err *err)
{
	const uint8_t *p;
	struct cur c;
	size_t n;
	int rc;

	entry_clear(&b->entry);
	b->memo.len = 0;
	if (!take(b, ENTRY_MAX, &p, &n, &rc, err))
		return rc;
	cur_init(&c, p, n);
	if ((rc = entry_decode(&c, &b->entry, err)) < 0)
		return rc;
	if (c.left > 0 || b->entry.type != ENTRY_FILE)
		return damaged(err);
	if (!take(b, REPO_BASE_MEMO_MAX, &p, &n, &rc, err))
		return rc;
	rc = buf_add(&b->memo, p, n, err);
	return rc < 0 ? rc : 1;
}

bool
repo_base_frames(const struct repo_base *b, uint64_t pos, uint64_t len,
    size_t *first, size_t *n)
{
	size_t lo = 0, hi = b->tail.nframes, mid; /* starts[lo] <= pos */
	uint64_t all = b->starts[hi];

	if (len == 0 || pos > all || len > all - pos)
		return false;
	while (hi - lo > 1) {
		mid = lo + (hi - lo) / 2;
		if (b->starts[mid] <= pos)
			lo = mid;
		else
			hi = mid;
	}
	*first = lo;
	for (*n = 1; b->starts[lo + *n] < pos + len; ++*n)
		;
	return true;
}

static bool
may_keep(const struct repo_base *b)
{
	const struct entry *e = &b->entry;
	size_t first, n;

	if (e->data_len == 0)
		return true;
	if (!repo_base_frames(b, e->data_pos, e->data_len, &first, &n))
		return false;
	for (; n > 0; n--)
		if (!b->usable[b->tail.frames[first + n - 1].pack])
			return false;
	return true;
}

int
repo_base_next(struct repo_base *b, struct err *err)
{
	struct err e = ERR_INIT;
	int rc;

	while ((rc = read_file(b, &e)) > 0)
		if (may_keep(b))
			return 1;
	/* Whatever else cannot be read is as good as not remembered. */
	if (rc != -HF_ENOMEM)
		return 0;
	*err = e;
	return rc;
}
