#include <errno.h>
#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "store/s3/store_s3_xml.h"

#define TEXT_MAX 8192    /* Bytes of text in one element. */
#define DEPTH_MAX 16     /* Elements within each other. */
#define ITEMS_MAX 100000 /* Of one page; a server sends 1000. */

/* Where the reader is.  ${path} is "ListBucketResult/Contents/Key". */
struct reader {
	XML_Parser xml;
	char path[256];
	size_t ends[DEPTH_MAX]; /* Length of ${path} outside each element. */
	unsigned depth;
	struct buf text;
	const char *wrong; /* Why reading was ended, or NULL. */
	bool nomem;

	/* Called at the end of each element, with its text. */
	void (*on_end)(struct reader *, const char *path, char *text);
	void (*on_start)(struct reader *, const char *path);
	void *arg;
	bool url_encoded; /* <EncodingType> was url. */
};

static void
give_up(struct reader *r, const char *why)
{
	if (r->wrong == NULL)
		r->wrong = why;
	(void)XML_StopParser(r->xml, XML_FALSE);
}

static void
out_of_memory(struct reader *r)
{
	r->nomem = true;
	give_up(r, "out of memory");
}

static void
on_doctype(void *arg, const XML_Char *name, const XML_Char *sysid,
    const XML_Char *pubid, int internal)
{
	(void)name, (void)sysid, (void)pubid, (void)internal;
	give_up(arg, "it has a DOCTYPE");
}

static void
on_start(void *arg, const XML_Char *name, const XML_Char **attrs)
{
	struct reader *r = arg;
	size_t len, n = strlen(name);

	(void)attrs;
	if (r->wrong != NULL)
		return;
	len = strlen(r->path);
	if (r->depth == DEPTH_MAX || len + n + 2 > sizeof(r->path)) {
		give_up(r, "it is nested too deeply");
		return;
	}
	r->ends[r->depth++] = len;
	if (len > 0)
		r->path[len++] = '/';
	memcpy(r->path + len, name, n + 1);
	r->text.len = 0;
	if (r->on_start != NULL)
		r->on_start(r, r->path);
}

static void
on_text(void *arg, const XML_Char *s, int n)
{
	struct reader *r = arg;
	struct err e = ERR_INIT;

	if (r->wrong != NULL)
		return;
	if (r->text.len + (size_t)n > TEXT_MAX)
		give_up(r, "it has an element that is too long");
	else if (buf_add(&r->text, s, (size_t)n, &e) < 0)
		out_of_memory(r);
}

static void
on_end(void *arg, const XML_Char *name)
{
	struct reader *r = arg;
	struct err e = ERR_INIT;

	(void)name;
	if (r->wrong != NULL)
		return;
	if (buf_add(&r->text, "", 1, &e) < 0) {
		out_of_memory(r);
		return;
	}
	r->on_end(r, r->path, (char *)r->text.p);
	r->text.len = 0;
	r->path[r->ends[--r->depth]] = '\0';
}

static int
read_xml(struct reader *r, const void *p, size_t n, struct err *err)
{
	enum XML_Status ok;

	if (n > INT32_MAX)
		return err_set(err, HF_EUNAVAIL, "it is too long");
	if ((r->xml = XML_ParserCreate(NULL)) == NULL)
		return err_nomem(err);
	XML_SetUserData(r->xml, r);
	XML_SetElementHandler(r->xml, on_start, on_end);
	XML_SetCharacterDataHandler(r->xml, on_text);
	XML_SetStartDoctypeDeclHandler(r->xml, on_doctype);
	ok = XML_Parse(r->xml, p, (int)n, 1);
	if (ok != XML_STATUS_OK && r->wrong == NULL) {
		r->nomem = XML_GetErrorCode(r->xml) == XML_ERROR_NO_MEMORY;
		r->wrong = XML_ErrorString(XML_GetErrorCode(r->xml));
	}
	XML_ParserFree(r->xml);
	buf_free(&r->text);
	if (r->nomem)
		return err_nomem(err);
	if (r->wrong != NULL)
		return err_set(err, HF_EUNAVAIL,
		    "the answer is not the XML it should be: %s", r->wrong);
	return 0;
}

static void
keep(char *to, size_t size, const char *text)
{
	size_t n = strlen(text);

	if (n < size)
		memcpy(to, text, n + 1);
}

static void
error_end(struct reader *r, const char *path, char *text)
{
	struct s3_error *e = r->arg;
	const char *field = str_has_prefix(path, "Error/");
	size_t n = sizeof(e->message) - 1;

	if (field == NULL)
		return;
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
}

bool
s3_xml_error(const void *p, size_t n, struct s3_error *e)
{
	struct reader r = { .on_end = error_end, .arg = e };
	struct err ignored = ERR_INIT;

	*e = (struct s3_error){ 0 };
	if (n == 0 || read_xml(&r, p, n, &ignored) < 0 || e->code[0] == '\0') {
		*e = (struct s3_error){ 0 };
		return false;
	}
	return true;
}

static void
upload_end(struct reader *r, const char *path, char *text)
{
	char **id = r->arg;

	if (strcmp(path, "InitiateMultipartUploadResult/UploadId") != 0)
		return;
	free(*id);
	if ((*id = strdup(text)) == NULL)
		out_of_memory(r);
}

int
s3_xml_upload_id(const void *p, size_t n, char **ret, struct err *err)
{
	CLEANUP(freep_mem) char *id = NULL;
	struct reader r = { .on_end = upload_end, .arg = &id };
	int rc;

	if ((rc = read_xml(&r, p, n, err)) < 0)
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

static void
page_start(struct reader *r, const char *path)
{
	struct s3_page *page = r->arg;
	struct s3_item *grown;
	size_t cap;

	if (r->depth == 1 && strcmp(path, "ListBucketResult") != 0) {
		give_up(r, "it is no listing");
		return;
	}
	if (strcmp(path, "ListBucketResult/Contents") != 0)
		return;
	if (page->n == ITEMS_MAX) {
		give_up(r, "it lists too many objects at once");
		return;
	}
	if (page->n == page->cap) {
		cap = page->cap == 0 ? 1000 : page->cap * 2;
		grown = reallocarray(page->items, cap, sizeof(*grown));
		if (grown == NULL) {
			out_of_memory(r);
			return;
		}
		page->items = grown;
		page->cap = cap;
	}
	page->items[page->n++] = (struct s3_item){ 0 };
}

static void
item_end(struct reader *r, const char *field, const char *text)
{
	struct s3_page *page = r->arg;
	struct s3_item *it = &page->items[page->n - 1];

	if (strcmp(field, "Key") == 0) {
		free(it->key);
		if ((it->key = strdup(text)) == NULL)
			out_of_memory(r);
	} else if (strcmp(field, "Size") == 0) {
		if (!parse_size(text, &it->size))
			give_up(r, "it has an object of impossible size");
	} else if (strcmp(field, "LastModified") == 0) {
		if (!read_time(text, &it->mtime_ms))
			give_up(r, "it has an object of impossible date");
	}
}

static void
page_end(struct reader *r, const char *path, char *text)
{
	struct s3_page *page = r->arg;
	const char *field = str_has_prefix(path, "ListBucketResult/Contents/");

	if (field != NULL) {
		item_end(r, field, text);
		return;
	}
	if (strcmp(path, "ListBucketResult/Contents") == 0 &&
	    page->items[page->n - 1].key == NULL)
		give_up(r, "it has an object without a name");
	if ((field = str_has_prefix(path, "ListBucketResult/")) == NULL)
		return;
	if (strcmp(field, "IsTruncated") == 0)
		page->more = strcmp(text, "true") == 0;
	else if (strcmp(field, "EncodingType") == 0)
		r->url_encoded = strcmp(text, "url") == 0;
	else if (strcmp(field, "NextContinuationToken") == 0) {
		free(page->token);
		if ((page->token = strdup(text)) == NULL)
			out_of_memory(r);
	}
}

int
s3_xml_page(const void *p, size_t n, struct s3_page *page, struct err *err)
{
	struct reader r = {
		.on_start = page_start, .on_end = page_end, .arg = page
	};
	size_t i;
	int rc;

	if ((rc = read_xml(&r, p, n, err)) < 0)
		return rc;
	/* <EncodingType> may come behind the keys that it speaks of. */
	for (i = 0; r.url_encoded && i < page->n; i++)
		if (!decode_key(page->items[i].key))
			return err_set(err, HF_EUNAVAIL,
			    "the listing has a name with a broken '%%'");
	if (page->more && (page->token == NULL || page->token[0] == '\0'))
		return err_set(err, HF_EUNAVAIL,
		    "the listing is cut short and has no token to go on");
	return 0;
}

/* Keep the text of an element; the last of several counts. */
static void
replace_text(struct reader *r, char **to, const char *text)
{
	free(*to);
	if ((*to = strdup(text)) == NULL)
		out_of_memory(r);
}

#define UPLOAD "ListMultipartUploadsResult/Upload"

static void
uploads_start(struct reader *r, const char *path)
{
	struct s3_uploads *page = r->arg;
	struct s3_upload_item *grown;
	size_t cap;

	if (r->depth == 1 && strcmp(path, "ListMultipartUploadsResult") != 0) {
		give_up(r, "it is no listing of uploads");
		return;
	}
	if (strcmp(path, UPLOAD) != 0)
		return;
	if (page->n == ITEMS_MAX) {
		give_up(r, "it lists too many uploads at once");
		return;
	}
	if (page->n == page->cap) {
		cap = page->cap == 0 ? 16 : page->cap * 2;
		grown = reallocarray(page->v, cap, sizeof(*grown));
		if (grown == NULL) {
			out_of_memory(r);
			return;
		}
		page->v = grown;
		page->cap = cap;
	}
	page->v[page->n++] = (struct s3_upload_item){ 0 };
}

static void
upload_item_end(struct reader *r, const char *field, const char *text)
{
	struct s3_uploads *page = r->arg;
	struct s3_upload_item *it = &page->v[page->n - 1];

	if (strcmp(field, "Key") == 0)
		replace_text(r, &it->key, text);
	else if (strcmp(field, "UploadId") == 0)
		replace_text(r, &it->id, text);
	else if (strcmp(field, "Initiated") == 0 &&
		 !read_time(text, &it->begun_ms))
		give_up(r, "it has an upload of impossible date");
}

static void
uploads_end(struct reader *r, const char *path, char *text)
{
	struct s3_uploads *page = r->arg;
	const char *field = str_has_prefix(path, UPLOAD "/");
	const struct s3_upload_item *it;

	if (field != NULL) {
		upload_item_end(r, field, text);
		return;
	}
	if (strcmp(path, UPLOAD) == 0) {
		it = &page->v[page->n - 1];
		if (it->key == NULL || it->id == NULL || it->begun_ms == 0)
			give_up(r, "it has an upload without name, id or date");
		return;
	}
	field = str_has_prefix(path, "ListMultipartUploadsResult/");
	if (field == NULL)
		return;
	if (strcmp(field, "IsTruncated") == 0)
		page->more = strcmp(text, "true") == 0;
	else if (strcmp(field, "EncodingType") == 0)
		r->url_encoded = strcmp(text, "url") == 0;
	else if (strcmp(field, "NextKeyMarker") == 0)
		replace_text(r, &page->key, text);
	else if (strcmp(field, "NextUploadIdMarker") == 0)
		replace_text(r, &page->id, text);
}

int
s3_xml_uploads(
    const void *p, size_t n, struct s3_uploads *page, struct err *err)
{
	struct reader r = {
		.on_start = uploads_start, .on_end = uploads_end, .arg = page
	};
	bool ok;
	size_t i;
	int rc;

	if ((rc = read_xml(&r, p, n, err)) < 0)
		return rc;
	ok = !r.url_encoded || page->key == NULL || decode_key(page->key);
	for (i = 0; ok && r.url_encoded && i < page->n; i++)
		ok = decode_key(page->v[i].key);
	if (!ok)
		return err_set(err, HF_EUNAVAIL,
		    "the listing has a name with a broken '%%'");
	if (page->more && (page->key == NULL || page->key[0] == '\0'))
		return err_set(err, HF_EUNAVAIL,
		    "the listing is cut short and does not say where");
	return 0;
}

void
s3_uploads_clear(struct s3_uploads *page)
{
	size_t i;

	for (i = 0; i < page->n; i++) {
		free(page->v[i].key);
		free(page->v[i].id);
	}
	free(page->v);
	free(page->key);
	free(page->id);
	*page = (struct s3_uploads){ 0 };
}

void
s3_page_clear(struct s3_page *page)
{
	size_t i;

	for (i = 0; i < page->n; i++)
		free(page->items[i].key);
	free(page->items);
	free(page->token);
	*page = (struct s3_page){ 0 };
}
