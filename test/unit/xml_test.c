#include "base/buf.h"
#include "base/xml.h"
#include "test.h"

/* Writes down what it is told: "<a <a/b a/b=text a=". */
static int
note_start(void *arg, const char *path, struct err *err)
{
	return buf_printf(arg, err, "<%s ", path);
}

static int
note_end(void *arg, const char *path, char *text, struct err *err)
{
	if (strcmp(text, "stop") == 0)
		return err_set(err, HF_EINTR, "told to stop");
	return buf_printf(arg, err, "%s=%s ", path, text);
}

static int
read_text(const char *text, struct buf *b, struct err *e)
{
	const struct xml_handler h = { note_start, note_end, b };

	return xml_read(&h, text, strlen(text), e);
}

TEST(read__tells_each_element_by_its_path)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(read_text("<?xml version=\"1.0\"?><a x=\"1\">"
			   "<b>t &lt; &#x26;</b><c/><b><d>u</d></b></a>",
		     &b, &e),
	    &e);
	CHECK_STR((const char *)b.p,
	    "<a <a/b a/b=t < & <a/c a/c= <a/b <a/b/d a/b/d=u a/b= a= ");
}

TEST(read__refuses_what_is_hostile_or_broken)
{
	static const char *const bad[] = {
		"",
		"a",
		"<a>",
		"<a></b>",
		"<a/><a/>",
		/* Entities, the begin of every attack on XML readers. */
		"<!DOCTYPE x [<!ENTITY a \"aaaa\">]><a>&a;</a>",
		"<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><a/>",
		"<a>&b;</a>",
		"<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a/>",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CLEANUP(freep_buf) struct buf b = BUF_INIT;
		struct err e = ERR_INIT;

		printf("# %s\n", bad[i]);
		CHECK_FAIL(read_text(bad[i], &b, &e), &e, HF_EUNAVAIL);
	}
}

TEST(read__refuses_an_endless_text)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT, doc = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(buf_printf(&doc, &e, "<a>%0*d</a>", XML_TEXT_MAX, 7), &e);
	CHECK_OK(read_text((const char *)doc.p, &b, &e), &e);
	doc.len = 0;
	CHECK_OK(buf_printf(&doc, &e, "<a>%0*d</a>", XML_TEXT_MAX + 1, 7), &e);
	CHECK_FAIL(read_text((const char *)doc.p, &b, &e), &e, HF_EUNAVAIL);
	CHECK(strstr(e.msg, "too long") != NULL);
}

TEST(read__ends_when_it_is_told_to_and_says_why)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_FAIL(
	    read_text("<a><b>stop</b><b>go</b></a>", &b, &e), &e, HF_EINTR);
	CHECK_STR((const char *)b.p, "<a <a/b ");
}
