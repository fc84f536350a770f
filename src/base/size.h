#ifndef BASE_SIZE_H_
#define BASE_SIZE_H_

#include <stdint.h>

/* Opaque types. */
struct err;

#define SIZE_TEXT_MAX 32 /* Bytes that size_format may write. */

/**
 * size_parse(s, bytes, err):
 * Read a number of bytes: "4096", "96MiB", "1.5G", "10MB".  K, M, G, T and P
 * and KiB ... PiB count in 1024, kB ... PB in 1000, in either case.  A
 * fraction is rounded down to a byte.  HF_EUSAGE if ${s} is anything else or
 * does not fit an int64_t.
 */
int size_parse(const char *, uint64_t *, struct err *);

/**
 * size_format(bytes, to):
 * Write ${bytes} for people, "1.5 GiB" or "12 B", into ${to} of
 * SIZE_TEXT_MAX bytes; return ${to}.
 */
char *size_format(uint64_t, char *);

#endif /* !BASE_SIZE_H_ */
