#ifndef STORE_S3_STORE_S3_PLACE_H_
#define STORE_S3_STORE_S3_PLACE_H_

#include <stdbool.h>

/* Opaque types. */
struct buf;
struct err;
struct params;

/* Where a bucket is, and how it is written in a request. */
struct s3_place {
	char *bucket;
	char *prefix;    /* "", or it ends with '/'. */
	char *endpoint;  /* "https://host[:port][/base]"; NULL: Amazon's. */
	bool path_style; /* The bucket is in the path, not in the name. */
};

/**
 * s3_place_parse(params, place, err):
 * Read "url", "endpoint" and "path_style" into the empty ${place}.  HF_ECONFIG
 * names what is wrong.  Release it with s3_place_clear() in any case.
 */
int s3_place_parse(const struct params *, struct s3_place *, struct err *);
void s3_place_clear(struct s3_place *);

/**
 * s3_bucket_ok(name, dns):
 * Return whether a bucket may have that name: 3 to 63 of a-z 0-9 . - with
 * Amazon's further rules if ${dns}; otherwise what compatible servers allow,
 * 1 to 255 of A-Z a-z 0-9 . _ -
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 */
bool s3_bucket_ok(const char *, bool);

/**
 * s3_place_host(place, region, out, err):
 * Append "host[:port]" as it stands in the header Host.
 */
int s3_place_host(
    const struct s3_place *, const char *, struct buf *, struct err *);

/**
 * s3_place_path(place, key, out, err):
 * Append the encoded path of the object ${key} below the prefix, or of the
 * bucket if it is NULL.
 */
int s3_place_path(
    const struct s3_place *, const char *, struct buf *, struct err *);

/**
 * s3_place_scheme(place):
 * Return "http" or "https".
 */
const char *s3_place_scheme(const struct s3_place *);

#endif /* !STORE_S3_STORE_S3_PLACE_H_ */
