#ifndef STORE_S3_STORE_S3_XML_H_
#define STORE_S3_STORE_S3_XML_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;

/* S3's answers in XML, read with expat.  A DOCTYPE is refused: no answer has
 * one, and every attack on XML readers begins with it. */

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

/* One <Upload> of a <ListMultipartUploadsResult>. */
struct s3_upload_item {
	char *key; /* Decoded. */
	char *id;
	int64_t begun_ms;
};

struct s3_uploads {
	struct s3_upload_item *v;
	size_t n, cap;
	bool more;
	char *key, *id; /* Where the next page begins; or NULL. */
};

/**
 * s3_xml_uploads(p, n, page, err):
 * Like s3_xml_page, for uploads that are under way.
 */
int s3_xml_uploads(const void *, size_t, struct s3_uploads *, struct err *);
void s3_uploads_clear(struct s3_uploads *);

/* One <Contents> of a listing. */
struct s3_item {
	char *key; /* Decoded. */
	uint64_t size;
	int64_t mtime_ms;
};

/* <ListBucketResult>. */
struct s3_page {
	struct s3_item *items;
	size_t n, cap;
	bool more;   /* <IsTruncated>. */
	char *token; /* <NextContinuationToken>, or NULL. */
};

/**
 * s3_xml_page(p, n, page, err):
 * Read one page of a listing into the empty ${page}, which is to be cleared
 * in any case.  HF_EUNAVAIL, saying what is wrong, if it is no listing: a
 * proxy's or a broken server's answer, worth another try.
 */
int s3_xml_page(const void *, size_t, struct s3_page *, struct err *);
void s3_page_clear(struct s3_page *);

#endif /* !STORE_S3_STORE_S3_XML_H_ */
