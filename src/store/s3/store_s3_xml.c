#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "base/xml.h"
#include "store/s3/store_s3_xml.h"

#define ITEMS_MAX 100000 /* Of one page; a server sends 1000. */

static int
read_xml(const struct xml_handler *h, const void *p, size_t n, struct err *err)
{
	if (xml_read(h, p, n, err) < 0)
		return err_wrap(err, "the answer is not the XML it should be");
	return 0;
}

/* Keep the text of an element; the last of several counts. */
static int
replace_text(char **to, const char *text, struct err *err)
{
	free(*to);
	*to = NULL;
	return str_dup(text, to, err);
}

static void
keep(char *to, size_t size, const char *text)
{
	size_t n = strlen(text);

	if (n < size)
		memcpy(to, text, n + 1);
}

static int
error_end(void *arg, const char *path, char *text, struct err *err)
{
	struct s3_error *e = arg;
	const char *field = str_has_prefix(path, "Error/");
	size_t n = sizeof(e->message) - 1;

	(void)err;
	if (field == NULL)
		return 0;
	if (strcmp(field, "Code") == 0)
		keep(e->code, sizeof(e->code), text);
	else if (strcmp(field, "Region") == 0)
		keep(e->region, sizeof(e->region), text);
	else if (strcmp(field, "BucketName") == 0)
		keep(e->bucket, sizeof(e->bucket), text);
	else if (strcmp(field, "Message") == 0) {
		if (strlen(text) > n)
			text[n] = '\0';
		keep(e->message, sizeof(e->message), text);
	}
	return 0;
}

bool
s3_xml_error(const void *p, size_t n, struct s3_error *e)
{
	const struct xml_handler h = { .end = error_end, .arg = e };
	struct err ignored = ERR_INIT;

	*e = (struct s3_error){ 0 };
	if (n == 0 || read_xml(&h, p, n, &ignored) < 0 || e->code[0] == '\0') {
		*e = (struct s3_error){ 0 };
		return false;
	}
	return true;
}

static int
upload_end(void *arg, const char *path, char *text, struct err *err)
{
	if (strcmp(path, "InitiateMultipartUploadResult/UploadId") != 0)
		return 0;
	return replace_text(arg, text, err);
}

int
s3_xml_upload_id(const void *p, size_t n, char **ret, struct err *err)
{
	CLEANUP(freep_mem) char *id = NULL;
	const struct xml_handler h = { .end = upload_end, .arg = &id };
	int rc;

	if ((rc = read_xml(&h, p, n, err)) < 0)
		return rc;
	if (id == NULL || id[0] == '\0')
		return err_set(err, HF_EUNAVAIL,
		    "the answer does not name the upload that it begins");
	*ret = TAKE(id);
	return 0;
}

/* "encoding-type=url" makes a server write keys as a form's fields. */
static bool
decode_key(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (*s == '%') {
			if (!str_unhex(to, s + 1, 1) || *to == '\0')
				return false;
			s += 2;
		} else {
			*to = *s;
			if (*s == '+')
				*to = ' ';
		}
		to++;
	}
	*to = '\0';
	return true;
}

/* Read "2026-11-20T10:00:00.123Z"; return false if it is anything else. */
static bool
read_time(const char *s, int64_t *ms)
{
	struct err ignored = ERR_INIT;
	size_t n = strlen(s);

	/* RFC 3339 allows more than S3 ever writes. */
	if (n < 20 || s[10] != 'T' || s[n - 1] != 'Z')
		return false;
	return time_parse(s, ms, &ignored) == 0;
}

static bool
parse_size(const char *s, uint64_t *size)
{
	char *end;

	if (s[0] < '0' || s[0] > '9')
		return false;
	errno = 0;
	*size = strtoull(s, &end, 10);
	return errno == 0 && *end == '\0' && *size <= INT64_MAX;
}

/* What the elements of each listing are called; NULL: it has none such. */
static const struct words {
	const char *root, *item, *id, *time, *next, *after;
} words[] = {
	[S3_OBJECTS] = { "ListBucketResult", "Contents", NULL, "LastModified",
	    "NextContinuationToken", NULL },
	[S3_UPLOADS] = { "ListMultipartUploadsResult", "Upload", "UploadId",
	    "Initiated", "NextKeyMarker", "NextUploadIdMarker" },
};

struct listing {
	const struct words *words;
	struct s3_page *page;
	bool url_encoded; /* <EncodingType> was url. */
};

static bool
is(const char *word, const char *name)
{
	return word != NULL && name != NULL && strcmp(word, name) == 0;
}

/* What stands in ${path} below the element ${name}, or NULL. */
static const char *
below(const char *path, const char *name)
{
	const char *rest = str_has_prefix(path, name);

	return rest == NULL || *rest != '/' ? NULL : rest + 1;
}

static int
page_start(void *arg, const char *path, struct err *err)
{
	struct listing *l = arg;
	struct s3_page *page = l->page;
	struct s3_item *grown;
	size_t cap;

	if (strchr(path, '/') == NULL && !is(path, l->words->root))
		return err_set(err, HF_EUNAVAIL, "it is no such listing");
	if (!is(below(path, l->words->root), l->words->item))
		return 0;
	if (page->n == ITEMS_MAX)
		return err_set(err, HF_EUNAVAIL, "it lists too much at once");
	if (page->n == page->cap) {
		cap = page->cap == 0 ? 1000 : page->cap * 2;
		grown = reallocarray(page->items, cap, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		page->items = grown;
		page->cap = cap;
	}
	page->items[page->n++] = (struct s3_item){ 0 };
	return 0;
}

static int
item_end(const struct listing *l, const char *field, const char *text,
    struct err *err)
{
	struct s3_item *it = &l->page->items[l->page->n - 1];

	if (is(field, "Key"))
		return replace_text(&it->key, text, err);
	if (is(field, l->words->id))
		return replace_text(&it->id, text, err);
	if (is(field, l->words->time) && !read_time(text, &it->time_ms))
		return err_set(
		    err, HF_EUNAVAIL, "it has an item of impossible date");
	if (is(field, "Size") && !parse_size(text, &it->size))
		return err_set(
		    err, HF_EUNAVAIL, "it has an object of impossible size");
	return 0;
}

/* Every item must have what its users rely on. */
static int
check_item(const struct listing *l, struct err *err)
{
	const struct s3_item *it = &l->page->items[l->page->n - 1];

	if (it->key == NULL)
		return err_set(
		    err, HF_EUNAVAIL, "it has an item without a name");
	if (l->words->id != NULL && (it->id == NULL || it->time_ms == 0))
		return err_set(
		    err, HF_EUNAVAIL, "it has an upload without id or date");
	return 0;
}

static int
page_end(void *arg, const char *path, char *text, struct err *err)
{
	struct listing *l = arg;
	const char *field = below(path, l->words->root), *of_item;

	if (field == NULL)
		return 0;
	if ((of_item = below(field, l->words->item)) != NULL)
		return item_end(l, of_item, text, err);
	if (is(field, l->words->item))
		return check_item(l, err);
	if (is(field, l->words->next))
		return replace_text(&l->page->next, text, err);
	if (is(field, l->words->after))
		return replace_text(&l->page->after, text, err);
	if (is(field, "IsTruncated"))
		l->page->more = is(text, "true");
	else if (is(field, "EncodingType"))
		l->url_encoded = is(text, "url");
	return 0;
}

/* <EncodingType> may come behind the keys that it speaks of. */
static bool
decode(const struct listing *l, enum s3_listing what)
{
	const struct s3_page *page = l->page;
	bool ok = true;
	size_t i;

	if (!l->url_encoded)
		return true;
	/* A token is nothing of ours, and stays as it came. */
	if (what == S3_UPLOADS && page->next != NULL)
		ok = decode_key(page->next);
	for (i = 0; ok && i < page->n; i++)
		ok = decode_key(page->items[i].key);
	return ok;
}

int
s3_xml_page(const void *p, size_t n, enum s3_listing what, struct s3_page *page,
    struct err *err)
{
	struct listing l = { .words = &words[what], .page = page };
	const struct xml_handler h = {
		.start = page_start, .end = page_end, .arg = &l
	};
	int rc;

	if ((rc = read_xml(&h, p, n, err)) < 0)
		return rc;
	if (!decode(&l, what))
		return err_set(err, HF_EUNAVAIL,
		    "the listing has a name with a broken '%%'");
	if (page->more && (page->next == NULL || page->next[0] == '\0'))
		return err_set(err, HF_EUNAVAIL,
		    "the listing is cut short and does not say where");
	return 0;
}

void
s3_page_clear(struct s3_page *page)
{
	size_t i;

	for (i = 0; i < page->n; i++) {
		free(page->items[i].key);
		free(page->items[i].id);
	}
	free(page->items);
	free(page->next);
	free(page->after);
	*page = (struct s3_page){ 0 };
}
