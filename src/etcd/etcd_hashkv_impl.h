#ifndef ETCD_ETCD_HASHKV_IMPL_H_
#define ETCD_ETCD_HASHKV_IMPL_H_

#include <stddef.h>
#include <stdint.h>

#include "etcd/etcd_kv.h"
#include "etcd/etcd_record.h"

/* What all that compute HashKV do with a record. */

#define ETCD_HASHKV_LEN_MAX (UINT32_C(0x7fffffff)) /* bbolt's are shorter. */

/**
 * etcd_hashkv_record(hash, r, len):
 * Continue ${hash} over a record, which is ${*len} bytes.
 */
uint32_t etcd_hashkv_record(uint32_t, const struct etcd_record *, size_t *);

/**
 * etcd_hashkv_kv(r, kv, err):
 * Read the message in it.  HF_ECORRUPT if it is none.
 */
int etcd_hashkv_kv(const struct etcd_record *, struct etcd_kv *, struct err *);

#endif /* !ETCD_ETCD_HASHKV_IMPL_H_ */
