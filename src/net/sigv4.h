#ifndef NET_SIGV4_H_
#define NET_SIGV4_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/http.h"

/* Opaque types. */
struct buf;
struct err;
struct secret;

/*
 * AWS Signature Version 4 in the Authorization header, and the percent
 * encoding that it prescribes.  Pure functions: the time comes from the
 * caller.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */

#define SIGV4_DATE_LEN 16 /* "20130524T000000Z" */

struct sigv4_request {
	const char *method;
	const char *path;  /* Encoded, as it is sent; "/" at least. */
	const char *query; /* From sigv4_query(); "" if there is none. */
	/*
	 * What is signed, in any order: "host" and "x-amz-date" must be among
	 * them.  Of several with one name the values are joined in order.
	 */
	const struct http_header *headers;
	size_t nheaders;
	const char *payload; /* SHA-256 of the body, in hex. */

	const char *date; /* The value of x-amz-date. */
	const char *region;
	const char *service;
	const char *access_key;
	const struct secret *secret_key;
};

struct sigv4_param {
	const char *name;
	const char *value; /* "" if the parameter is bare. */
};

/**
 * sigv4_sign(r, out, err):
 * Append the value of the header Authorization to ${out}, with a NUL that its
 * length does not count.
 */
int sigv4_sign(const struct sigv4_request *, struct buf *, struct err *);

/**
 * sigv4_encode(out, s, slash, err):
 * Append ${s} with every byte but A-Z a-z 0-9 - . _ ~ as %XX; '/' stays if
 * ${slash}.  A NUL that the length does not count follows.
 */
int sigv4_encode(struct buf *, const char *, bool slash, struct err *);

/**
 * sigv4_query(out, params, n, err):
 * Append ${n} parameters encoded, sorted and joined: what is both sent and
 * signed.  A NUL that the length does not count follows.
 */
int sigv4_query(struct buf *, const struct sigv4_param *, size_t, struct err *);

#endif /* !NET_SIGV4_H_ */
