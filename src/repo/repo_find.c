#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/suggest.h"
#include "base/time.h"
#include "repo/repo_catalogue_impl.h"

#define PREFIX_MIN 4 /* hex digits */

bool
repo_backup_continues(
    const struct repo_backup *b, const struct repo_backup *base)
{
	return b->m.kind == REPO_LOG &&
	       memcmp(b->m.base, base->m.sha256, SHA256_LEN) == 0;
}

static int
by_hash(const void *a, const void *b)
{
	const struct repo_backup *x = *(const struct repo_backup *const *)a;
	const struct repo_backup *y = *(const struct repo_backup *const *)b;

	return memcmp(x->m.sha256, y->m.sha256, SHA256_LEN);
}

int
repo_backups_by_hash(
    struct repo_backup *v, size_t n, struct repo_backup ***ret, struct err *err)
{
	struct repo_backup **index;
	size_t i;

	if ((index = calloc(n + 1, sizeof(struct repo_backup *))) == NULL)
		return err_nomem(err);
	for (i = 0; i < n; i++)
		index[i] = &v[i];
	if (n > 0)
		qsort(index, n, sizeof(struct repo_backup *), by_hash);
	*ret = index;
	return 0;
}

struct repo_backup *
repo_backup_by_hash(
    struct repo_backup *const *index, size_t n, const uint8_t sha256[])
{
	size_t low = 0, high = n, mid;
	int c;

	while (low < high) {
		mid = low + (high - low) / 2;
		c = memcmp(sha256, index[mid]->m.sha256, SHA256_LEN);
		if (c == 0)
			return index[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const struct repo_backup *
repo_catalogue_at(const struct repo_catalogue *cat, const uint8_t sha256[])
{
	return repo_backup_by_hash(cat->by_hash, cat->n, sha256);
}

/* May it be meant by somebody who does not name it? */
static bool
is_offered(const struct repo_backup *b)
{
	return !b->removed && b->m.kind != REPO_LOG;
}

static const struct repo_backup *
newest(const struct repo_catalogue *cat, const char *source, int64_t until)
{
	const struct repo_backup *b, *best = NULL;
	size_t i;

	for (i = 0; i < cat->n; i++) {
		b = &cat->backups[i];
		if (is_offered(b) && b->stored_ms <= until &&
		    (source == NULL || strcmp(b->m.source, source) == 0))
			best = b; /* They ascend by time. */
	}
	return best;
}

static int
find_latest(const struct repo_catalogue *cat, const char *source,
    const struct repo_backup **ret, struct err *err)
{
	struct suggest s = { .typed = source };
	size_t i;

	if ((*ret = newest(cat, source, INT64_MAX)) != NULL)
		return 0;
	if (source == NULL)
		return err_set(
		    err, HF_ENOTFOUND, "the repository has no backup");
	(void)err_set(
	    err, HF_ENOTFOUND, "there is no backup of the source '%s'", source);
	for (i = 0; i < cat->n; i++)
		if (is_offered(&cat->backups[i]))
			suggest_offer(&s, cat->backups[i].m.source);
	if (suggest_best(&s) != NULL)
		return err_hint(err, "did you mean '%s'?", suggest_best(&s));
	return err_hint(err, "`holdfast list` shows the sources there are");
}

static int
find_time(const struct repo_catalogue *cat, const char *text,
    const struct repo_backup **ret, struct err *err)
{
	char first[TIME_TEXT_MAX];
	int64_t ms;
	size_t i;

	if (time_parse(text, &ms, err) < 0)
		return err->code;
	if ((*ret = newest(cat, NULL, ms)) != NULL)
		return 0;
	(void)err_set(
	    err, HF_ENOTFOUND, "there is no backup as old as '%s'", text);
	for (i = 0; i < cat->n; i++)
		if (is_offered(&cat->backups[i]))
			return err_hint(err, "the oldest is '%s' of %s",
			    cat->backups[i].id,
			    time_format(cat->backups[i].stored_ms, first));
	return err->code;
}

static size_t
common(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] != '\0' && strncasecmp(a + n, b + n, 1) == 0)
		n++;
	return n;
}

static int
no_such_id(const struct repo_catalogue *cat, const char *text, struct err *err)
{
	const char *nearest = NULL;
	size_t i, best = 0, n;

	for (i = 0; i < cat->n; i++) {
		if ((n = common(text, cat->backups[i].id)) <= best)
			continue;
		best = n;
		nearest = cat->backups[i].id;
	}
	(void)err_set(err, HF_ENOTFOUND, "there is no backup '%s'", text);
	if (nearest != NULL)
		return err_hint(err, "the nearest is '%s'", nearest);
	return err_hint(err, "`holdfast list` shows the backups there are");
}

static int
ambiguous(const struct repo_catalogue *cat, const char *text, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	size_t i, n = strlen(text);

	for (i = 0; i < cat->n; i++)
		if (strncasecmp(cat->backups[i].id, text, n) == 0 &&
		    buf_printf(&b, err, "%s'%s'", b.len > 0 ? ", " : "",
			cat->backups[i].id) < 0)
			return err->code;
	return err_set(err, HF_EUSAGE, "'%s' stands for several backups: %s",
	    text, (const char *)b.p);
}

static int
find_id(const struct repo_catalogue *cat, const char *text,
    const struct repo_backup **ret, struct err *err)
{
	const struct repo_backup *found = NULL;
	size_t i, n = strlen(text);

	for (i = 0; i < cat->n; i++) {
		if (strncasecmp(cat->backups[i].id, text, n) != 0)
			continue;
		if (found != NULL)
			return ambiguous(cat, text, err);
		found = &cat->backups[i];
	}
	if (found == NULL)
		return no_such_id(cat, text, err);
	*ret = found;
	return 0;
}

static int
no_name(const char *text, struct err *err)
{
	(void)err_set(err, HF_EUSAGE, "'%s' does not name a backup", text);
	return err_hint(err,
	    "give an id or at least %d digits of one, 'latest', "
	    "'latest:SOURCE', or a time",
	    PREFIX_MIN);
}

int
repo_catalogue_find(const struct repo_catalogue *cat, const char *text,
    const struct repo_backup **ret, struct err *err)
{
	const struct repo_backup *b = NULL;
	const char *source;
	size_t n = strlen(text);
	int rc;

	if (strcmp(text, "latest") == 0)
		rc = find_latest(cat, NULL, &b, err);
	else if ((source = str_has_prefix(text, "latest:")) != NULL)
		rc = find_latest(cat, source, &b, err);
	else if (strchr(text, '-') != NULL)
		rc = find_time(cat, text, &b, err);
	else if (n >= PREFIX_MIN && n <= REPO_BACKUP_ID_LEN &&
		 strspn(text, "0123456789abcdefABCDEF") == n)
		rc = find_id(cat, text, &b, err);
	else
		rc = no_name(text, err);
	if (rc == 0)
		*ret = b;
	return rc;
}

int
repo_catalogue_before(const struct repo_catalogue *cat,
    const struct repo_backup *b, const struct repo_backup **ret,
    struct err *err)
{
	const struct repo_backup *other;
	size_t i = (size_t)(b - cat->backups);

	while (i-- > 0) {
		other = &cat->backups[i];
		if (!is_offered(other) ||
		    strcmp(other->m.source, b->m.source) != 0 ||
		    strcmp(other->m.type, b->m.type) != 0)
			continue;
		*ret = other;
		return 0;
	}
	return err_set(err, HF_ENOTFOUND,
	    "there is no backup of the source '%s' before '%s'", b->m.source,
	    b->id);
}
