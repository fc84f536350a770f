#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_bucket.h"
#include "etcd/etcd_bump.h"

int
etcd_bump_revision(uint64_t last, uint64_t by, uint8_t key[ETCD_REVISION_LEN],
    struct etcd_bucket *meta, struct err *err)
{
	static const char name[] = "scheduledCompactRev";
	uint8_t rev[ETCD_REVISION_LEN] = { 0 };
	int rc;

	if (by == 0 || last > INT64_MAX || by > INT64_MAX - last) {
		(void)err_set(err, HF_EUSAGE,
		    "option 'bump-revision': %" PRIu64 " above %" PRIu64
		    " is no revision",
		    by, last);
		return err_hint(err,
		    "1000000000 is more than a week of 1500 writes a second");
	}
	be64_put(rev, last + by);
	rev[8] = '_';
	if ((rc = etcd_bucket_put(
		 meta, name, sizeof(name) - 1, rev, sizeof(rev), err)) < 0)
		return rc;
	memcpy(key, rev, sizeof(rev));
	return 0;
}
