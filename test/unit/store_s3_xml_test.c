#include "base/buf.h"
#include "store/s3/store_s3_place.h"
#include "store/s3/store_s3_xml.h"
#include "test.h"

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define NS " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""
#define ITEM(key, size, time)                                                  \
	"<Contents><Key>" key "</Key><LastModified>" time                      \
	"</LastModified><ETag>&quot;x&quot;</ETag><Size>" size                 \
	"</Size></Contents>"
#define NOON "2026-11-20T12:00:00.250Z"

static int
page_of(const char *text, struct s3_page *page, struct err *e)
{
	return s3_xml_page(text, strlen(text), S3_OBJECTS, page, e);
}

TEST(page__tells_names_sizes_and_times)
{
	struct s3_page p = { .items = NULL };
	struct err e = ERR_INIT;

	CHECK_OK(
	    page_of(XML
		"<ListBucketResult" NS ">"
		"<IsTruncated>true</IsTruncated>" ITEM(
		    "a%2Fb+c%25", "12345678901", NOON) ITEM("%C3%A4", "0",
		    "2026-11-20T12:00:00Z") "<NextContinuationToken>t&amp;u"
					    "</NextContinuationToken>"
					    "<EncodingType>url</EncodingType></ListBucketResult>",
		&p, &e),
	    &e);
	CHECK(p.n == 2 && p.more);
	CHECK_STR(p.next, "t&u");
	CHECK_STR(p.items[0].key, "a/b c%");
	CHECK(p.items[0].size == 12345678901);
	CHECK(p.items[0].time_ms == 1795176000250);
	CHECK_STR(p.items[1].key, "\xc3\xa4");
	s3_page_clear(&p);
}

TEST(page__leaves_names_alone_that_are_not_encoded)
{
	struct s3_page p = { .items = NULL };
	struct err e = ERR_INIT;

	CHECK_OK(page_of("<ListBucketResult>" ITEM(
			     "a%2F+", "1", NOON) "</ListBucketResult>",
		     &p, &e),
	    &e);
	CHECK_STR(p.items[0].key, "a%2F+");
	s3_page_clear(&p);
}

TEST(page__refuses_what_is_hostile_or_broken)
{
	static const char *const bad[] = {
		"",
		"<ListBucketResult>",
		"<html><body/></html>",
		"not xml",
		/* Entities, the begin of every attack on XML readers. */
		"<!DOCTYPE x [<!ENTITY a \"aaaa\">]><ListBucketResult/>",
		"<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><ListBucketResult/>",
		"<ListBucketResult>" ITEM(
		    "a", "-1", NOON) "</ListBucketResult>",
		"<ListBucketResult>" ITEM(
		    "a", "1x", NOON) "</ListBucketResult>",
		"<ListBucketResult>" ITEM(
		    "a", "99999999999999999999", NOON) "</ListBucketResult>",
		"<ListBucketResult>" ITEM(
		    "a", "1", "then") "</ListBucketResult>",
		"<ListBucketResult><Contents><Size>1</Size></Contents>"
		"</ListBucketResult>",
		"<ListBucketResult><EncodingType>url</EncodingType>" ITEM(
		    "%4", "1", NOON) "</ListBucketResult>",
		"<ListBucketResult><EncodingType>url</EncodingType>" ITEM(
		    "%00", "1", NOON) "</ListBucketResult>",
		"<ListBucketResult><IsTruncated>true</IsTruncated>"
		"</ListBucketResult>",
		"<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct s3_page p = { .items = NULL };
		struct err e = ERR_INIT;

		printf("# %s\n", bad[i]);
		CHECK_FAIL(page_of(bad[i], &p, &e), &e, HF_EUNAVAIL);
		s3_page_clear(&p);
	}
}

TEST(page__refuses_an_endless_name)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct s3_page p = { .items = NULL };
	struct err e = ERR_INIT;

	CHECK_OK(buf_printf(&b, &e,
		     "<ListBucketResult><Contents><Key>%09999d</Key>"
		     "</Contents></ListBucketResult>",
		     7),
	    &e);
	CHECK_FAIL(
	    s3_xml_page(b.p, b.len, S3_OBJECTS, &p, &e), &e, HF_EUNAVAIL);
	CHECK(strstr(e.msg, "too long") != NULL);
	s3_page_clear(&p);
}

TEST(page__survives_running_out_of_memory)
{
	static const char text[] = "<ListBucketResult>" ITEM("a", "1", NOON)
	    ITEM("b", "1", NOON) "</ListBucketResult>";
	struct err e = ERR_INIT;
	struct s3_page p;
	int rc = -1;

	TEST_TORTURE (n) {
		p = (struct s3_page){ .items = NULL };
		test_malloc_fail(n);
		rc = page_of(text, &p, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM);
		s3_page_clear(&p);
	}
	test_malloc_fail(0);
	CHECK(rc == 0 && p.n == 2);
	s3_page_clear(&p);
}

TEST(error__is_read_and_anything_else_is_none)
{
	static const char text[] =
	    XML "<Error><Code>NoSuchKey</Code><Message>no &lt;k&gt;</Message>"
		"<Region>eu-west-3</Region><BucketName>b</BucketName></Error>";
	struct s3_error e;

	CHECK(s3_xml_error(text, strlen(text), &e));
	CHECK_STR(e.code, "NoSuchKey");
	CHECK_STR(e.message, "no <k>");
	CHECK_STR(e.region, "eu-west-3");
	CHECK(!s3_xml_error("<html/>", 7, &e) && e.code[0] == '\0');
	CHECK(!s3_xml_error("", 0, &e));
	/* Cut short: what was read of it cannot be trusted. */
	CHECK(!s3_xml_error(text, strlen(text) - 3, &e) && e.code[0] == '\0');
}

TEST(bucket__names_obey_amazons_rules)
{
	static const char *const good[] = { "abc", "a.b-c", "0a9",
		("a23456789012345678901234567890123456789012345678901234567890"
		 "123") };
	static const char *const bad[] = { "", "ab", "Abc", "a_b", "-ab", "ab-",
		".ab", "a..b", "192.168.5.4", "xn--abc", "sthree-abc",
		"amzn-s3-demo-x", "abc-s3alias", "abc--ol-s3", "abc.mrap",
		"abc--x-s3", "a/b", "a b",
		("a234567890123456789012345678901234567890123456789012345678901"
		 "234") };
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK(s3_bucket_ok(good[i], true));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!s3_bucket_ok(bad[i], true));
	CHECK(s3_bucket_ok("Old_Bucket", false) && !s3_bucket_ok("a/b", false));
}

static void
check_place(
    struct s3_place p, const char *region, const char *host, const char *path)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(s3_place_host(&p, region, &b, &e), &e);
	CHECK_STR((const char *)b.p, host);
	b.len = 0;
	CHECK_OK(s3_place_path(&p, "k y", &b, &e), &e);
	CHECK_STR((const char *)b.p, path);
}

TEST(place__writes_the_bucket_where_it_belongs)
{
	char b[] = "bucket", none[] = "", pre[] = "p/", e[] = "http://h:1/base";

	check_place((struct s3_place){ b, none, NULL, false }, "eu-west-3",
	    "bucket.s3.eu-west-3.amazonaws.com", "/k%20y");
	check_place((struct s3_place){ b, pre, NULL, true }, "cn-north-1",
	    "s3.cn-north-1.amazonaws.com.cn", "/bucket/p/k%20y");
	check_place((struct s3_place){ b, pre, e, true }, "x", "h:1",
	    "/base/bucket/p/k%20y");
	check_place((struct s3_place){ b, pre, e, false }, "x", "bucket.h:1",
	    "/base/p/k%20y");
}
