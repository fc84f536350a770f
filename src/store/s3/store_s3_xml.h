#ifndef STORE_S3_STORE_S3_XML_H_
#define STORE_S3_STORE_S3_XML_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;

/* S3's answers in XML. */

/* <Error>; fields that were missing or too long are "". */
struct s3_error {
	char code[64];
	char message[256];
	char region[64];
	char bucket[256];
};

/**
 * s3_xml_error(p, n, e):
 * Read an error's body; return false, with ${e} empty, if it is none.
 */
bool s3_xml_error(const void *, size_t, struct s3_error *);

/**
 * s3_xml_upload_id(p, n, ret, err):
 * Give the caller the <UploadId> of an <InitiateMultipartUploadResult>.
 * HF_EUNAVAIL if it is none.
 */
int s3_xml_upload_id(const void *, size_t, char **, struct err *);

/* The two listings that S3 has. */
enum s3_listing {
	S3_OBJECTS, /* <ListBucketResult>, of <Contents>. */
	S3_UPLOADS, /* <ListMultipartUploadsResult>, of <Upload>. */
};

/* One object, or an upload that is under way. */
struct s3_item {
	char *key;       /* Decoded. */
	char *id;        /* Of an upload; NULL: an object. */
	uint64_t size;   /* Of an object. */
	int64_t time_ms; /* Stored then, or begun. */
};

struct s3_page {
	struct s3_item *items;
	size_t n, cap;
	bool more;   /* <IsTruncated>. */
	char *next;  /* Where the next page begins: a token, or a key; ... */
	char *after; /* ... and the id of an upload.  NULL: was not told. */
};

/**
 * s3_xml_page(p, n, what, page, err):
 * Read one page of the listing ${what} into the empty ${page}, which is to be
 * cleared in any case.  HF_EUNAVAIL, saying what is wrong, if it is no such
 * listing: a proxy's or a broken server's answer, worth another try.
 */
int s3_xml_page(
    const void *, size_t, enum s3_listing, struct s3_page *, struct err *);
void s3_page_clear(struct s3_page *);

#endif /* !STORE_S3_STORE_S3_XML_H_ */
