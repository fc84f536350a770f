#ifndef ETCD_ETCD_AUDIT_H_
#define ETCD_ETCD_AUDIT_H_

#include "base/cleanup.h"
#include "etcd/etcd_bucket_file.h"
#include "etcd/etcd_record.h"

/* Opaque types. */
struct err;
struct etcd_audit;

/*
 * Checks what an etcd database holds, wherever it comes from: every record
 * (etcd_mvcc_record), that no revision has a key twice, that every key which
 * is there at the end and has a lease has one that exists, that compaction
 * has not finished what was never scheduled, and that members can be read.
 *
 * Records and buckets each come in their order, and which of the two comes
 * first is no matter.  Of a key it keeps what etcd_keys.h says and 16 bytes,
 * half as much again while it grows, and 8 bytes of a lease.
 */
int etcd_audit_new(struct etcd_audit **, struct err *);
void etcd_audit_free(struct etcd_audit *);
CLEANUP_DEFINE(etcd_audit);

/**
 * etcd_audit_record(a, r, err):
 * Take the next record: an etcd_record_fn.  HF_ECORRUPT if it is wrong.
 */
int etcd_audit_record(void *, const struct etcd_record *, struct err *);

/**
 * etcd_audit_buckets(a):
 * Return who takes all buckets but "key": HF_ECORRUPT if one has something
 * wrong in it.
 */
struct etcd_bucket_sink etcd_audit_buckets(struct etcd_audit *);

/**
 * etcd_audit_end(a, err):
 * All came.  HF_ECORRUPT if it does not fit together.
 */
int etcd_audit_end(struct etcd_audit *, struct err *);

#endif /* !ETCD_ETCD_AUDIT_H_ */
