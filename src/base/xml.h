#ifndef BASE_XML_H_
#define BASE_XML_H_

#include <stddef.h>

/* Opaque types. */
struct err;

/*
 * What a server answers in XML, read with expat, element by element, each
 * named by its path: "ListBucketResult/Contents/Key".
 *
 * Refused: a DOCTYPE (no answer has one, and every attack on XML readers
 * begins with it), more than XML_DEPTH elements within each other, more than
 * XML_TEXT_MAX bytes of text in one.  Attributes are passed over.
 */

#define XML_DEPTH 16
#define XML_TEXT_MAX 8192

struct xml_handler {
	/*
	 * An element begins (NULL: nobody wants to know), or ends with its
	 * ${text}, which may be changed.  A negative return ends the reading.
	 */
	int (*start)(void *, const char *path, struct err *);
	int (*end)(void *, const char *path, char *text, struct err *);
	void *arg;
};

/**
 * xml_read(h, p, n, err):
 * Tell ${h} what the document of ${n} bytes has.  HF_EUNAVAIL says why it is
 * none; what was told before that is not to be trusted.
 */
int xml_read(const struct xml_handler *, const void *, size_t, struct err *);

#endif /* !BASE_XML_H_ */
