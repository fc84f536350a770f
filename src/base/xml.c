#include <expat.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xml.h"

/* Where the reader is.  ${path} is "ListBucketResult/Contents/Key". */
struct reader {
	const struct xml_handler *handler;
	XML_Parser xml;
	char path[256];
	size_t ends[XML_DEPTH]; /* Length of ${path} outside each element. */
	unsigned depth;
	struct buf text;
	struct err *err; /* Its code is not 0 once reading has ended. */
};

/* ${rc} is what a call with ${r->err} returned: does reading go on? */
static void
check(struct reader *r, int rc)
{
	if (rc < 0)
		(void)XML_StopParser(r->xml, XML_FALSE);
}

static void
refuse(struct reader *r, const char *why)
{
	check(r, err_set(r->err, HF_EUNAVAIL, "it %s", why));
}

static void
on_doctype(void *arg, const XML_Char *name, const XML_Char *sysid,
    const XML_Char *pubid, int internal)
{
	(void)name, (void)sysid, (void)pubid, (void)internal;
	refuse(arg, "has a DOCTYPE");
}

static void
on_start(void *arg, const XML_Char *name, const XML_Char **attrs)
{
	struct reader *r = arg;
	size_t len, n = strlen(name);

	(void)attrs;
	if (r->err->code != 0)
		return;
	len = strlen(r->path);
	if (r->depth == XML_DEPTH || len + n + 2 > sizeof(r->path)) {
		refuse(r, "is nested too deeply");
		return;
	}
	r->ends[r->depth++] = len;
	if (len > 0)
		r->path[len++] = '/';
	memcpy(r->path + len, name, n + 1);
	r->text.len = 0;
	if (r->handler->start != NULL)
		check(r, r->handler->start(r->handler->arg, r->path, r->err));
}

static void
on_text(void *arg, const XML_Char *s, int n)
{
	struct reader *r = arg;

	if (r->err->code != 0)
		return;
	if (r->text.len + (size_t)n > XML_TEXT_MAX)
		refuse(r, "has an element that is too long");
	else
		check(r, buf_add(&r->text, s, (size_t)n, r->err));
}

static void
on_end(void *arg, const XML_Char *name)
{
	struct reader *r = arg;
	int rc;

	(void)name;
	if (r->err->code != 0)
		return;
	if ((rc = buf_add(&r->text, "", 1, r->err)) == 0)
		rc = r->handler->end(
		    r->handler->arg, r->path, (char *)r->text.p, r->err);
	check(r, rc);
	r->text.len = 0;
	r->path[r->ends[--r->depth]] = '\0';
}

int
xml_read(const struct xml_handler *h, const void *p, size_t n, struct err *err)
{
	struct err e = ERR_INIT;
	struct reader r = { .handler = h, .err = &e };
	enum XML_Status ok;

	if (n > INT32_MAX)
		return err_set(err, HF_EUNAVAIL, "it is too long");
	if ((r.xml = XML_ParserCreate(NULL)) == NULL)
		return err_nomem(err);
	XML_SetUserData(r.xml, &r);
	XML_SetElementHandler(r.xml, on_start, on_end);
	XML_SetCharacterDataHandler(r.xml, on_text);
	XML_SetStartDoctypeDeclHandler(r.xml, on_doctype);
	ok = XML_Parse(r.xml, p, (int)n, 1);
	if (ok != XML_STATUS_OK && e.code == 0) {
		if (XML_GetErrorCode(r.xml) == XML_ERROR_NO_MEMORY)
			(void)err_nomem(&e);
		else
			(void)err_set(&e, HF_EUNAVAIL, "%s",
			    XML_ErrorString(XML_GetErrorCode(r.xml)));
	}
	XML_ParserFree(r.xml);
	buf_free(&r.text);
	if (e.code == 0)
		return 0;
	*err = e;
	return e.code;
}
