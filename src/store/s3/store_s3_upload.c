#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "store/s3/store_s3_call.h"

/*
 * An object in parts: CreateMultipartUpload, UploadPart, ...,
 * CompleteMultipartUpload, and AbortMultipartUpload for one that is given up.
 * Until it is completed nobody sees it; a part that is sent twice counts once.
 */
#define PARTS_MAX 10000      /* The protocol's. */
#define ANSWER_MAX (1 << 20) /* Bytes. */
#define ETAG_MAX 128

struct upload {
	struct store_upload base;
	char *id;
	char mark[S3_MARK_LEN + 1];
	struct buf list; /* XML: <Part>... for each part. */
	unsigned parts;
	bool done;
};

static struct s3 *
s3_of(const struct upload *u)
{
	return (struct s3 *)u->base.store;
}

/* HF_EEXISTS if we can see that the name is taken. */
static int
look(const struct upload *u, struct err *err)
{
	struct err e = ERR_INIT;
	int rc;

	rc = s3_look(s3_of(u), u->base.name, u->mark, false, &e);
	/* A writer that may not look is left with the server's condition. */
	if (rc == 0 || rc == -HF_ENOTFOUND || rc == -HF_EDENIED)
		return 0;
	*err = e;
	return rc;
}

static int
create(struct upload *u, struct err *err)
{
	static const struct sigv4_param query[] = { { "uploads", "" } };
	const struct http_header headers[] = {
		{ "Content-Type", "application/octet-stream" },
		{ S3_MARK_HEADER, u->mark },
	};
	CLEANUP(freep_buf) struct buf body = BUF_INIT;
	CLEANUP(freep_s3_call)
	struct s3_call c = {
		.method = "POST",
		.key = u->base.name,
		.action = "s3:PutObject",
		.query = query,
		.nquery = 1,
		.headers = headers,
		.nheaders = 2,
		.out = &body,
		.max = ANSWER_MAX,
		.xml = true,
	};
	int rc;

	if ((rc = s3_call(s3_of(u), &c, err)) < 0)
		return rc;
	return s3_xml_upload_id(body.p, body.len, &u->id, err);
}

/* It goes into XML as it came: quotes and what is in them, nothing else. */
static bool
etag_ok(const char *etag)
{
	size_t n = etag == NULL ? 0 : strlen(etag);

	return n > 0 && n <= ETAG_MAX && strpbrk(etag, "<>&") == NULL;
}

static int
send_part(struct upload *u, const uint8_t *p, size_t n, struct buf *list,
    struct err *err)
{
	char number[16], hex[2 * SHA256_LEN + 1], md5_text[32];
	uint8_t sha256[SHA256_LEN], md5[16];
	const struct sigv4_param query[] = {
		{ "partNumber", number },
		{ "uploadId", u->id },
	};
	const struct http_header headers[] = { { "Content-MD5", md5_text } };
	CLEANUP(freep_s3_call)
	struct s3_call c = {
		.method = "PUT",
		.key = u->base.name,
		.action = "s3:PutObject",
		.query = query,
		.nquery = 2,
		.headers = headers,
		.nheaders = 1,
		.p = p,
		.len = n,
		.sha256 = hex,
	};
	const char *etag;
	int rc;

	(void)snprintf(number, sizeof(number), "%u", u->parts + 1);
	if ((rc = sha256_of(p, n, sha256, err)) < 0 ||
	    (rc = md5_of(p, n, md5, err)) < 0)
		return rc;
	(void)str_hex(hex, sha256, sizeof(sha256));
	(void)sodium_bin2base64(md5_text, sizeof(md5_text), md5, sizeof(md5),
	    sodium_base64_VARIANT_ORIGINAL);
	if ((rc = s3_call(s3_of(u), &c, err)) < 0)
		return rc;
	if (!etag_ok(etag = http_header(&c.res, "etag")))
		return err_set(
		    err, HF_EUNAVAIL, "the server does not tell a part's ETag");
	return buf_printf(list, err,
	    "<Part><PartNumber>%s</PartNumber><ETag>%s</ETag></Part>", number,
	    etag);
}

static int
upload_part(
    struct store_upload *base, const uint8_t *p, size_t n, struct err *err)
{
	struct upload *u = (struct upload *)base;
	int rc;

	if (u->parts == PARTS_MAX)
		rc = err_set(err, HF_ENOSPC,
		    "an object has at most %d parts of %zu MiB", PARTS_MAX,
		    STORE_PART >> 20);
	else
		rc = send_part(u, p, n, &u->list, err);
	if (rc < 0)
		return err_wrap(err, "put part %u of '%s' into '%s'",
		    u->parts + 1, u->base.name, base->store->place);
	u->parts++;
	return 0;
}

static int
send_complete(struct upload *u, const struct buf *body, bool condition,
    struct s3_call *c, struct err *err)
{
	const struct sigv4_param query[] = { { "uploadId", u->id } };
	const struct http_header headers[] = {
		{ "Content-Type", "application/xml" },
		{ "If-None-Match", "*" },
	};
	CLEANUP(freep_buf) struct buf answer = BUF_INIT;
	char hex[2 * SHA256_LEN + 1];
	uint8_t sha256[SHA256_LEN];
	int rc;

	if ((rc = sha256_of(body->p, body->len, sha256, err)) < 0)
		return rc;
	*c = (struct s3_call){
		.method = "POST",
		.key = u->base.name,
		.action = "s3:PutObject",
		.query = query,
		.nquery = 1,
		.headers = headers,
		.nheaders = condition ? 2 : 1,
		.p = body->p,
		.len = body->len,
		.sha256 = str_hex(hex, sha256, sizeof(sha256)),
		.out = &answer,
		.max = ANSWER_MAX,
		.xml = true,
	};
	rc = s3_call(s3_of(u), c, err);
	/* They end with this function. */
	c->query = NULL;
	c->headers = NULL;
	c->sha256 = NULL;
	c->out = NULL;
	return rc;
}

static int
complete(struct upload *u, const struct buf *body, struct err *err)
{
	CLEANUP(freep_s3_call) struct s3_call c = { .method = "POST" };
	bool condition = !atomic_load(&s3_of(u)->no_condition);
	struct err e = ERR_INIT, ignored = ERR_INIT;
	int rc;

	rc = send_complete(u, body, condition, &c, &e);
	if (rc < 0 && condition &&
	    (c.res.status == 501 ||
		strcmp(c.error.code, "NotImplemented") == 0)) {
		s3_call_clear(&c);
		e = (struct err)ERR_INIT;
		rc = send_complete(u, body, false, &c, &e);
	}
	if (rc == 0)
		return 0;
	/*
	 * An earlier try may have completed it, its answer lost: then the
	 * upload is gone, or the name is taken, by what has our mark.
	 */
	if ((c.res.status == 404 || rc == -HF_EEXISTS) &&
	    s3_look(s3_of(u), u->base.name, u->mark, false, &ignored) == 0)
		return 0;
	*err = e;
	return rc;
}

static int
upload_finish(struct store_upload *base, struct err *err)
{
	struct upload *u = (struct upload *)base;
	CLEANUP(freep_buf) struct buf body = BUF_INIT;
	int rc;

	if ((rc = buf_printf(&body, err,
		 "<CompleteMultipartUpload>%s</CompleteMultipartUpload>",
		 (const char *)u->list.p)) < 0 ||
	    (rc = look(u, err)) < 0 || (rc = complete(u, &body, err)) < 0)
		return err_wrap(err, "put '%s' into '%s'", u->base.name,
		    base->store->place);
	u->done = true;
	return 0;
}

/* The parts would be paid for until a rule of the bucket drops them. */
static void
give_up(struct upload *u)
{
	const struct sigv4_param query[] = { { "uploadId", u->id } };
	CLEANUP(freep_s3_call)
	struct s3_call c = {
		.method = "DELETE",
		.key = u->base.name,
		.action = "s3:AbortMultipartUpload",
		.query = query,
		.nquery = 1,
	};
	struct err ignored = ERR_INIT;

	(void)s3_call(s3_of(u), &c, &ignored);
}

static void
upload_close(struct store_upload *base)
{
	struct upload *u = (struct upload *)base;

	if (u->id != NULL && !u->done)
		give_up(u);
	free(u->id);
	buf_free(&u->list);
}

static const struct store_upload_ops upload_ops = {
	.part = upload_part,
	.finish = upload_finish,
	.close = upload_close,
};

int
s3_upload(struct store *st, const char *name, struct store_upload **ret,
    struct err *err)
{
	CLEANUP(freep_store_upload) struct store_upload *base = NULL;
	struct upload *u;
	int rc;

	if ((u = calloc(1, sizeof(*u))) == NULL)
		return err_nomem(err);
	base = &u->base;
	s3_mark(u->mark);
	if ((rc = store_upload_init(base, &upload_ops, st, name, err)) < 0 ||
	    (rc = look(u, err)) < 0 || (rc = create(u, err)) < 0)
		return err_wrap(err, "begin '%s' in '%s'", name, st->place);
	*ret = TAKE(base);
	return 0;
}
