#include <string.h>

#include "base/err.h"
#include "etcd/etcd_watch_log.h"
#include "fuzz.h"

/*
 * What a server says on a watch from the beginning: messages, each behind its
 * length in two bytes, little endian.  Whatever it says, the revisions that
 * are handed over follow each other, and each event is of one of them.
 */
static void
take(struct etcd_watch_log *l, uint64_t *complete, struct err *err)
{
	struct etcd_batch b;
	struct etcd_event ev;
	uint64_t last = *complete;

	while (etcd_watch_log_take(l, &b, err) == 1 &&
	       b.what == ETCD_WATCH_EVENTS) {
		MUST(b.first == *complete + 1 && b.complete >= b.first);
		while (etcd_batch_next(&b, &ev)) {
			MUST(ev.kv.mod_revision - last <= 1);
			MUST((ev.kv.mod_revision == last) == (ev.sub > 0));
			MUST(ev.nrecord > 0 && ev.kv.nkey > 0);
			last = ev.kv.mod_revision;
		}
		MUST(last == b.complete);
		*complete = b.complete;
	}
	MUST(*complete + 1 == l->first);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	CLEANUP(etcd_watch_log_clear) struct etcd_watch_log l;
	struct err err = ERR_INIT;
	uint64_t complete = 1;
	size_t len;

	etcd_watch_log_init(&l, 1);
	for (; n >= 2; p += 2 + len, n -= 2 + len) {
		len = (size_t)p[0] | (size_t)p[1] << 8;
		if (len > n - 2)
			len = n - 2;
		if (etcd_watch_log_feed(&l, p + 2, len, &err) < 0) {
			MUST(err.code < 0 && err.msg[0] != '\0');
			break;
		}
		if (len % 2 == 0)
			take(&l, &complete, &err);
	}
	take(&l, &complete, &err);
	return 0;
}
