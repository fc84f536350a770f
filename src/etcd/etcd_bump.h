#ifndef ETCD_ETCD_BUMP_H_
#define ETCD_ETCD_BUMP_H_

#include <stdint.h>

/* Opaque types. */
struct err;
struct etcd_bucket;

#define ETCD_REVISION_LEN 17 /* Main, '_', sub; big endian. */

/**
 * etcd_bump_revision(last, by, key, meta, err):
 * What etcdutl's --bump-revision and --mark-compacted do to a database whose
 * newest revision is ${last}: fill in the ${key} of a record that goes last
 * into the bucket "key", with an empty value, so that the revision is ${last}
 * + ${by}; and put the same bytes as "scheduledCompactRev" into what is to
 * be the bucket "meta", so that all clients that had seen something between
 * are told that it is compacted, and list anew.  HF_EUSAGE, changing
 * nothing, unless 0 < ${by} and the sum is a revision.
 */
int etcd_bump_revision(uint64_t, uint64_t, uint8_t[ETCD_REVISION_LEN],
    struct etcd_bucket *, struct err *);

#endif /* !ETCD_ETCD_BUMP_H_ */
