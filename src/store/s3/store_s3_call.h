#ifndef STORE_S3_STORE_S3_CALL_H_
#define STORE_S3_STORE_S3_CALL_H_

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/http.h"
#include "net/retry.h"
#include "net/sigv4.h"
#include "store/s3/store_s3_place.h"
#include "store/s3/store_s3_xml.h"
#include "store/store.h"

/* Opaque types. */
struct buf;
struct cred;
struct err;

/* What goes beside the signed hash with each put; each server its own. */
enum s3_checksum {
	S3_CHECKSUM_SHA256, /* x-amz-checksum-sha256: kept by the server. */
	S3_CHECKSUM_MD5,    /* Content-MD5. */
	S3_CHECKSUM_NONE,
	S3_CHECKSUMS,
};

struct s3 {
	struct store base;
	struct s3_place place;
	struct http *http;
	struct cred *cred;
	struct retry retry; /* Where each call begins. */

	/* What this server was found to refuse. */
	_Atomic int checksum;      /* enum s3_checksum: the first it takes. */
	_Atomic bool no_condition; /* Does not know If-None-Match. */

	pthread_mutex_t lock; /* Guards what follows. */
	char region[64];
	int64_t sign_skew_ms; /* Added to our clock in signatures. */
	int64_t skew_ms;      /* The server's clock minus ours ... */
	int64_t skew_at;      /* ... measured then (time_mono_ms()). */
	bool skew_known;
};

/*
 * One request, with all the tries that it takes.  The caller fills in the
 * first part and calls s3_call_clear() in the end.
 */
struct s3_call {
	const char *method;
	const char *key;    /* Below the prefix; NULL: the bucket itself. */
	const char *action; /* The right that it takes: "s3:GetObject". */
	const struct sigv4_param *query;
	size_t nquery;
	const struct http_header *headers;
	size_t nheaders;
	const void *p; /* Body of a PUT. */
	size_t len;
	const char *sha256; /* Of the body, in hex; NULL: there is none. */
	struct buf *out;    /* Where the body of a 200 or 206 goes. */
	size_t max;         /* Of ${out}, in bytes; beyond it HF_ECORRUPT. */
	bool xml;           /* ${out} gets XML, which may be an <Error>. */
	/*
	 * Asked when no answer came (NULL: nobody knows): has the work been
	 * done all the same?  Return 1 if it has to be tried again, which is
	 * done with ${expect}, or what s3_call() is to return.
	 */
	int (*settled)(struct s3 *, const struct s3_call *, struct err *);
	const char *mark; /* Of what is put. */
	bool expect;      /* As in struct http_request. */
	bool once;        /* No second try. */
	bool trial; /* The body is wrong on purpose: a 400 is the answer. */

	/* The last answer, after success and failure. */
	struct http_response res;
	struct s3_error error;

	bool region_tried, skew_tried;
};

/**
 * s3_call(s, c, err):
 * Perform ${c}: sign it, send it, try again what is worth it, follow the
 * bucket to its region and the server to its time.  Return 0 after a status
 * of 2xx.  On failure ${c->res.status} is the last status (0: no answer) and
 * ${c->error} what S3 said; ${out} is as it was.
 */
int s3_call(struct s3 *, struct s3_call *, struct err *);
void s3_call_clear(struct s3_call *);

static inline void
freep_s3_call(struct s3_call *c)
{
	s3_call_clear(c);
}

/**
 * s3_request(s, c, err):
 * Sign and send ${c} once, whatever comes back; the clock is read from it.
 */
int s3_request(struct s3 *, struct s3_call *, struct err *);

/**
 * s3_fail(s, c, err):
 * Put into ${err} what the answer means and what can be done about it.
 */
int s3_fail(struct s3 *, const struct s3_call *, struct err *);

/**
 * s3_region(s, to):
 * Copy the region in which we believe the bucket to be; return ${to}.
 */
char *s3_region(struct s3 *, char[64]);

/**
 * s3_time_ms(s, ms):
 * Give the server's time in ${*ms}; false if it was not measured of late.
 */
bool s3_time_ms(struct s3 *, int64_t *);

/* The operations, as in struct store_ops. */
int s3_put(
    struct store *, const char *, const struct store_blob *, struct err *);
int s3_upload(
    struct store *, const char *, struct store_upload **, struct err *);
int s3_get(struct store *, const char *, uint64_t, size_t, size_t, struct buf *,
    struct err *);
int s3_head(struct store *, const char *, struct store_info *, struct err *);
int s3_list(
    struct store *, const char *, store_list_fn *, void *, struct err *);
int s3_del(struct store *, const char *, struct err *);
int s3_replace(
    struct store *, const char *, const struct store_blob *, struct err *);
int s3_sweep(struct store *, const char *, int64_t, uint64_t *, struct err *);
int s3_now(struct store *, int64_t *, struct err *);
int s3_probe(struct store *, enum store_power, struct err *);

/*
 * The mark that every object is stored with, in what a server keeps beside its
 * bytes: random, so what has it was stored by that very put.  A put can be
 * carried out twice without our knowing: libcurl sends a request again by
 * itself when a kept connection turns out to be dead, and so may a proxy.  The
 * second is told that the name is taken.  Equal bytes would prove nothing:
 * another writer may have stored the same.  (A server that lies about the mark
 * could as well have said that it stored the object.)
 */
#define S3_MARK_HEADER "x-amz-meta-holdfast-upload"
#define S3_MARK_LEN 32 /* hex digits */

/**
 * s3_mark(mark):
 * Draw a new mark.
 */
void s3_mark(char[S3_MARK_LEN + 1]);

/**
 * s3_look(s, name, mark, once, err):
 * Return 0 if the object ${name} has ${mark}, HF_EEXISTS if it has another or
 * none, HF_ENOTFOUND if there is no such object.  With ${once} there is no
 * second try.
 */
int s3_look(struct s3 *, const char *, const char *, bool once, struct err *);

/**
 * s3_settled(s, c, err):
 * What s3_call.settled is for a put that has a mark: look for that.  Where we
 * may not look, a hint says so.
 */
int s3_settled(struct s3 *, const struct s3_call *, struct err *);

#endif /* !STORE_S3_STORE_S3_CALL_H_ */
