#ifndef SOURCE_ETCD_SOURCE_ETCD_OUT_H_
#define SOURCE_ETCD_SOURCE_ETCD_OUT_H_

#include <stddef.h>
#include <stdint.h>

#include "source/source.h"

/*
 * A file written to a sink in small pieces: they are gathered in what the
 * sink lends, so that a record of 50 bytes costs a copy and no more.
 */
struct source_etcd_out {
	struct sink *sink;
	int64_t time_ns; /* Of every entry. */

	/* Private. */
	uint8_t *p;
	size_t room, used;
	uint64_t size;
};

/**
 * source_etcd_out_begin(o, path, size, err):
 * Begin the file ${path} of about ${size} bytes.
 */
int source_etcd_out_begin(
    struct source_etcd_out *, const char *, uint64_t, struct err *);
int source_etcd_out_write(
    struct source_etcd_out *, const void *, size_t, struct err *);

/**
 * source_etcd_out_end(o, path, err):
 * Add the file that was begun, which only its owner may read.
 */
int source_etcd_out_end(struct source_etcd_out *, const char *, struct err *);

/**
 * source_etcd_out_folder(o, path, err):
 * Add a folder.
 */
int source_etcd_out_folder(
    struct source_etcd_out *, const char *, struct err *);

#endif /* !SOURCE_ETCD_SOURCE_ETCD_OUT_H_ */
