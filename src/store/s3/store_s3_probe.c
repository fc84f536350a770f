#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "store/s3/store_s3_call.h"

int
s3_now(struct store *st, int64_t *ms, struct err *err)
{
	struct s3 *s = (struct s3 *)st;
	CLEANUP(freep_s3_call)
	struct s3_call c = {
		.method = "HEAD",
		.action = "s3:ListBucket",
	};
	struct err e = ERR_INIT;
	int rc;

	if (s3_time_ms(s, ms))
		return 0;
	/* Any answer tells the time: a refusal will do. */
	rc = s3_call(s, &c, &e);
	if (s3_time_ms(s, ms))
		return 0;
	if (rc < 0 && c.res.status == 0)
		*err = e;
	else
		(void)err_set(
		    err, HF_ECLOCK, "the server's answers have no Date");
	return err_wrap(err, "ask '%s' for the time", st->place);
}

static int
probe_read(struct s3 *s, struct err *err)
{
	CLEANUP(freep_buf) struct buf body = BUF_INIT;
	struct sigv4_param query[] = {
		{ "list-type", "2" },
		{ "max-keys", "1" },
		{ "prefix", s->place.prefix },
	};
	CLEANUP(freep_s3_call)
	struct s3_call c = {
		.method = "GET",
		.action = "s3:ListBucket",
		.query = query,
		.nquery = 3,
		.out = &body,
		.max = 1 << 20,
		.xml = true,
	};
	struct s3_page page = { .items = NULL };
	int rc;

	if ((rc = s3_call(s, &c, err)) == 0)
		rc = s3_xml_page(body.p, body.len, S3_OBJECTS, &page, err);
	s3_page_clear(&page);
	return rc;
}

/* Refused for its body, and so not for want of rights. */
static bool
refused_for_its_body(const struct s3_call *c)
{
	static const char *const codes[] = { "XAmzContentSHA256Mismatch",
		"BadDigest", "InvalidDigest", "ContentSHA256Mismatch" };
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(c->error.code, codes[i]) == 0)
			return true;
	return false;
}

/*
 * A writer may not delete, so whatever it stores as a trial stays.  Therefore
 * send an object whose body does not have the hash that is signed: a server
 * checks rights first and the body next, and stores nothing.
 */
static int
probe_write(struct s3 *s, struct err *err)
{
	static const char wrong_sha256[] = "00000000000000000000000000000000"
					   "00000000000000000000000000000000";
	static const struct http_header wrong_md5 = { "Content-MD5",
		"AAAAAAAAAAAAAAAAAAAAAA==" };
	char name[] = "holdfast-probe-0123456789abcdef";
	CLEANUP(freep_s3_call)
	struct s3_call c = {
		.method = "PUT",
		.key = name,
		.action = "s3:PutObject",
		.headers = &wrong_md5,
		.nheaders = 1,
		.p = "probe",
		.len = 5,
		.sha256 = wrong_sha256,
		.trial = true,
	};
	uint8_t random[8];
	struct err e = ERR_INIT;

	randombytes_buf(random, sizeof(random));
	(void)str_hex(name + sizeof(name) - 17, random, sizeof(random));
	if (s3_call(s, &c, &e) == 0) {
		(void)s3_del(&s->base, name, &e);
		(void)err_set(err, HF_ECONFIG,
		    "the server stores a body that is not what was signed");
		return err_hint(err,
		    "an upload that breaks off may leave half an object "
		    "there: use another server, or bring it up to date");
	}
	if (refused_for_its_body(&c))
		return 0;
	*err = e;
	return e.code;
}

int
s3_probe(struct store *st, enum store_power power, struct err *err)
{
	struct s3 *s = (struct s3 *)st;
	int rc = 0;

	if (power & STORE_READ)
		rc = probe_read(s, err);
	if (rc == 0 && (power & STORE_WRITE))
		rc = probe_write(s, err);
	if (rc < 0)
		return err_wrap(err, "try '%s'", st->place);
	return 0;
}
