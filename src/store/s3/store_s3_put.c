#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "store/s3/store_s3_call.h"

/* An object on its way up. */
struct upload {
	struct s3 *s;
	const char *name;
	const struct store_blob *blob;
	uint8_t sha256[SHA256_LEN];
	char hex[2 * SHA256_LEN + 1];
	char mark[S3_MARK_LEN + 1];

	enum s3_checksum checksum; /* How this try is sent. */
	bool condition;            /* With If-None-Match. */
	bool replace;              /* Whatever is there. */
};

static void
base64_of(const uint8_t *p, size_t n, char *to, size_t size)
{
	(void)sodium_bin2base64(to, size, p, n, sodium_base64_VARIANT_ORIGINAL);
}

static int
checksum_header(const struct upload *u, struct http_header *h, char *value,
    size_t size, struct err *err)
{
	uint8_t md5[16];
	int rc;

	h->value = value;
	if (u->checksum == S3_CHECKSUM_SHA256) {
		h->name = "x-amz-checksum-sha256";
		base64_of(u->sha256, sizeof(u->sha256), value, size);
		return 0;
	}
	h->name = "Content-MD5";
	if ((rc = md5_of(u->blob->p, u->blob->len, md5, err)) < 0)
		return rc;
	base64_of(md5, sizeof(md5), value, size);
	return 0;
}

/* All tries of the request as ${u} now has it. */
static int
send(const struct upload *u, struct s3_call *c, struct err *err)
{
	struct http_header headers[4];
	char value[64];
	size_t n = 0;
	int rc;

	headers[n++] =
	    (struct http_header){ "Content-Type", "application/octet-stream" };
	headers[n++] = (struct http_header){ S3_MARK_HEADER, u->mark };
	if (u->condition)
		headers[n++] = (struct http_header){ "If-None-Match", "*" };
	if (u->checksum != S3_CHECKSUM_NONE &&
	    (rc = checksum_header(
		 u, &headers[n++], value, sizeof(value), err)) < 0)
		return rc;
	*c = (struct s3_call){
		.method = "PUT",
		.key = u->name,
		.action = "s3:PutObject",
		.headers = headers,
		.nheaders = n,
		.p = u->blob->p,
		.len = u->blob->len,
		.sha256 = u->hex,
		.settled = u->replace ? NULL : s3_settled,
		.mark = u->mark,
	};
	rc = s3_call(u->s, c, err);
	c->headers = NULL; /* They end with this function. */
	return rc;
}

/* Does the server not know a header, where it should refuse the request? */
static bool
refuses_headers(const struct s3_call *c)
{
	static const char *const codes[] = { "NotImplemented",
		"InvalidArgument", "InvalidRequest", "BadDigest",
		"InvalidDigest" };
	size_t i;

	if (c->res.status == 501)
		return true;
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (c->res.status == 400 &&
		    strcmp(c->error.code, codes[i]) == 0)
			return true;
	return false;
}

/*
 * Leave away what may be in the server's way: another checksum, then none,
 * and only then the condition.  False when nothing is left.
 */
static bool
simplify(struct upload *u, const struct s3_call *c)
{
	if (u->checksum + 1 < S3_CHECKSUMS) {
		u->checksum++;
		return true;
	}
	if (!u->condition || strcmp(c->error.code, "NotImplemented") != 0)
		return false;
	u->condition = false;
	u->checksum = S3_CHECKSUM_SHA256;
	return true;
}

/*
 * To a server without conditions: ${*there} if an earlier try has stored the
 * object, HF_EEXISTS if another's is there; the race that remains is told in
 * the header.
 */
static int
look_first(const struct upload *u, bool *there, struct err *err)
{
	struct err e = ERR_INIT;
	int rc;

	rc = s3_look(u->s, u->name, u->mark, false, &e);
	*there = rc == 0;
	if (rc == 0 || rc == -HF_ENOTFOUND)
		return 0;
	*err = e;
	if (rc == -HF_EEXISTS)
		return rc;
	return err_wrap(err, "the server knows no If-None-Match, and the "
			     "look before a put fails");
}

/*
 * The server says that the name is taken.  That is success if it is by us, by
 * a try whose answer was lost.
 */
static int
whose(const struct upload *u, struct err *err)
{
	struct err e = ERR_INIT;
	int rc;

	if ((rc = s3_look(u->s, u->name, u->mark, false, &e)) == 0)
		return 0;
	if (rc == -HF_ENOTFOUND)
		return err_set(err, HF_EUNAVAIL,
		    "the server says first that it exists, then that it does "
		    "not");
	if (rc == -HF_EDENIED) {
		(void)err_set(err, HF_EEXISTS,
		    "it exists already; these keys may not look whether an "
		    "earlier try of this run stored it");
		return err_hint(err, "%s", e.msg);
	}
	*err = e;
	return rc;
}

/* What this server takes is not tried again with each object. */
static void
remember(const struct upload *u)
{
	atomic_store(&u->s->checksum, (int)u->checksum);
	if (!u->condition && !u->replace)
		atomic_store(&u->s->no_condition, true);
}

/* One form of the request: as ${u} now has it. */
static int
attempt(const struct upload *u, struct s3_call *c, struct err *err)
{
	bool there = false;
	int rc;

	if (!u->condition && !u->replace &&
	    ((rc = look_first(u, &there, err)) < 0 || there))
		return rc;
	return send(u, c, err);
}

static int
upload(struct upload *u, struct err *err)
{
	CLEANUP(freep_s3_call) struct s3_call c = { .method = "PUT" };
	struct err first = ERR_INIT, e;
	int rc;

	for (;;) {
		s3_call_clear(&c);
		e = (struct err)ERR_INIT;
		rc = attempt(u, &c, &e);
		if (rc == 0 || !refuses_headers(&c))
			break;
		if (first.code == 0)
			first = e;
		if (!simplify(u, &c)) {
			*err = first;
			return first.code;
		}
	}
	if (rc == 0 || c.res.status == 412)
		remember(u);
	if (rc == -HF_EEXISTS && u->condition)
		return whose(u, err);
	if (rc < 0)
		*err = e;
	return rc;
}

static int
put(struct store *st, const char *name, const struct store_blob *blob,
    bool replace, struct err *err)
{
	struct s3 *s = (struct s3 *)st;
	struct upload u = {
		.s = s,
		.name = name,
		.blob = blob,
		.checksum = (enum s3_checksum)atomic_load(&s->checksum),
		.condition = !replace && !atomic_load(&s->no_condition),
		.replace = replace,
	};
	int rc = 0;

	s3_mark(u.mark);
	if (blob->sha256 != NULL)
		memcpy(u.sha256, blob->sha256, sizeof(u.sha256));
	else
		rc = sha256_of(blob->p, blob->len, u.sha256, err);
	if (rc == 0) {
		(void)str_hex(u.hex, u.sha256, sizeof(u.sha256));
		rc = upload(&u, err);
	}
	if (rc < 0)
		return err_wrap(err, "put '%s' into '%s'", name, st->place);
	return 0;
}

int
s3_put(struct store *st, const char *name, const struct store_blob *blob,
    struct err *err)
{
	return put(st, name, blob, false, err);
}

int
s3_replace(struct store *st, const char *name, const struct store_blob *blob,
    struct err *err)
{
	return put(st, name, blob, true, err);
}
