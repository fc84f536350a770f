#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/s3/store_s3_call.h"

void
s3_call_clear(struct s3_call *c)
{
	http_response_clear(&c->res);
}

/*
 * A HEAD that is refused has no body that says why.  Ask for the first byte
 * instead: if that is refused too, we know the reason.
 */
static void
explain_head(struct s3 *s, struct s3_call *c)
{
	static const struct http_header first = { "Range", "bytes=0-0" };
	struct err ignored = ERR_INIT;
	struct s3_call get = {
		.method = "GET",
		.key = c->key,
		.action = c->action,
		.headers = &first,
		.nheaders = 1,
	};

	/* Of a bucket GET would be a listing: the smallest that there is. */
	static const struct sigv4_param one[] = { { "list-type", "2" },
		{ "max-keys", "1" } };
	if (c->key == NULL) {
		get.query = one;
		get.nquery = 2;
		get.nheaders = 0;
	}
	if (s3_request(s, &get, &ignored) == 0 && get.res.status >= 300 &&
	    s3_xml_error(get.res.text.p, get.res.text.len, &get.error))
		c->error = get.error;
	s3_call_clear(&get);
}

/* Read what S3 says about a failure, wherever it says it. */
static void
read_error(struct s3 *s, struct s3_call *c)
{
	const struct buf *b = &c->res.text;

	c->error = (struct s3_error){ 0 };
	if (c->xml && c->res.status / 100 == 2)
		b = c->out;
	if (strcmp(c->method, "HEAD") == 0) {
		if (c->res.status == 400 || c->res.status == 403)
			explain_head(s, c);
		return;
	}
	(void)s3_xml_error(b->p, b->len, &c->error);
}

/*
 * Success may still be an error's text: S3 answers 200 before it has done the
 * work, where that takes long.
 */
static bool
succeeded(const struct s3_call *c)
{
	static const char tag[] = "<Error";
	const struct buf *b = c->xml ? c->out : &c->res.text;
	size_t n = b->len < 512 ? b->len : 512;

	if (c->res.status / 100 != 2)
		return false;
	return n == 0 || memmem(b->p, n, tag, sizeof(tag) - 1) == NULL;
}

static bool
region_ok(const char *r)
{
	size_t n = strlen(r);

	return n > 0 && n < 64 &&
	       strspn(r, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* Go on in the region in which the server says that the bucket is. */
static bool
follow_region(struct s3 *s, struct s3_call *c)
{
	const char *said = http_header(&c->res, "x-amz-bucket-region");
	bool other;

	if (c->res.status != 301 && c->res.status != 400 &&
	    c->res.status != 307)
		return false;
	if (said == NULL)
		said = c->error.region;
	if (c->region_tried || !region_ok(said))
		return false;
	(void)pthread_mutex_lock(&s->lock);
	if ((other = strcmp(s->region, said) != 0))
		(void)snprintf(s->region, sizeof(s->region), "%s", said);
	(void)pthread_mutex_unlock(&s->lock);
	c->region_tried = true;
	return other;
}

/*
 * Sign by the server's clock from now on.  Only after it has refused ours:
 * the header Date is not signed, and a proxy may have made it up.
 */
static bool
follow_clock(struct s3 *s, struct s3_call *c)
{
	bool known;

	if (c->skew_tried || strcmp(c->error.code, "RequestTimeTooSkewed") != 0)
		return false;
	(void)pthread_mutex_lock(&s->lock);
	if ((known = s->skew_known))
		s->sign_skew_ms = s->skew_ms;
	(void)pthread_mutex_unlock(&s->lock);
	c->skew_tried = true;
	return known;
}

/* What to do after an answer. */
enum verdict {
	DONE,
	FAILED,    /* ${err} says why; it may say that it may help to retry. */
	CORRECTED, /* Ask again at once: region or clock were wrong. */
};

/* Judge the answer in ${c->res}; fill in ${c->error}. */
static enum verdict
judge(struct s3 *s, struct s3_call *c, struct err *err)
{
	if (succeeded(c))
		return DONE;
	read_error(s, c);
	if (follow_region(s, c) || follow_clock(s, c))
		return CORRECTED;
	(void)s3_fail(s, c, err);
	if (c->trial && c->res.status == 400)
		err->retry = false;
	return FAILED;
}

/* One try and what corrections it takes; CORRECTED comes twice at most. */
static int
try_once(struct s3 *s, struct s3_call *c, size_t before, struct err *err)
{
	enum verdict v;
	int rc;

	do {
		if (c->out != NULL)
			c->out->len = before;
		if ((rc = s3_request(s, c, err)) < 0)
			return rc;
		v = judge(s, c, err);
	} while (v == CORRECTED);
	return v == DONE ? 0 : err->code;
}

int
s3_call(struct s3 *s, struct s3_call *c, struct err *err)
{
	size_t before = c->out == NULL ? 0 : c->out->len;
	struct retry retry = s->retry;
	struct err e;
	bool again;
	int rc;

	do {
		e = (struct err)ERR_INIT;
		if (try_once(s, c, before, &e) == 0)
			return 0;
		again = !c->once && retry_wait(&retry, &e);
		rc = 1;
		if (c->settled != NULL && c->res.status == 0 &&
		    e.code == -HF_EUNAVAIL) {
			rc = c->settled(s, c, &e);
			c->expect = true;
		}
	} while (again && rc == 1);
	if (rc == 0)
		return 0;
	if (c->out != NULL)
		c->out->len = before;
	*err = e;
	return err->code;
}
