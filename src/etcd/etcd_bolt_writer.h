#ifndef ETCD_ETCD_BOLT_WRITER_H_
#define ETCD_ETCD_BOLT_WRITER_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct etcd_bolt_writer;

/*
 * Writes a bbolt database from its first page to its last, as bbolt would
 * have it after all of it had been put in order into an empty file, and
 * without a free page: etcd boots from it, and bbolt's own check passes it.
 * There is no need to know sizes beforehand, and memory stays at some pages
 * for each level of the trees and ten mebibytes to write from.
 *
 * The file is a database once finish has returned 0, and not before; it is
 * durable, and may be given its name, after the caller's fsync.  After a
 * failure the writer can only be freed, and the file only be thrown away.
 */

/**
 * etcd_bolt_writer_new(fd, path, page_size, ret, err):
 * Write to the empty file ${fd}, which stays the caller's; errors call it
 * ${path}.  HF_ECORRUPT if no database has pages of ${page_size} bytes.
 */
int etcd_bolt_writer_new(
    int, const char *, size_t, struct etcd_bolt_writer **, struct err *);
void etcd_bolt_writer_free(struct etcd_bolt_writer *);
CLEANUP_DEFINE(etcd_bolt_writer);

/**
 * etcd_bolt_writer_bucket(w, name, n, sequence, err):
 * Begin a bucket; the one before is complete.  They come in any order.
 * HF_ECORRUPT if there was one of that name, or bbolt allows no such name.
 */
int etcd_bolt_writer_bucket(
    struct etcd_bolt_writer *, const void *, size_t, uint64_t, struct err *);

/**
 * etcd_bolt_writer_put(w, key, nkey, value, nvalue, err):
 * Put a record into the bucket.  HF_ECORRUPT if its key is not above the one
 * before, or if key or value are longer than bbolt allows (32,768 bytes and
 * 2 GiB less two), or the key is empty.
 */
int etcd_bolt_writer_put(struct etcd_bolt_writer *, const void *, size_t,
    const void *, size_t, struct err *);

/**
 * etcd_bolt_writer_finish(w, size, err):
 * Write what is left; ${*size} is how long the file is, in whole pages.
 */
int etcd_bolt_writer_finish(
    struct etcd_bolt_writer *, uint64_t *, struct err *);

/**
 * etcd_bolt_seal(fd, path, size, err):
 * Make a snapshot, as etcdutl takes it, of a finished file of ${size} bytes:
 * append its SHA-256.
 */
int etcd_bolt_seal(int, const char *, uint64_t, struct err *);

#endif /* !ETCD_ETCD_BOLT_WRITER_H_ */
