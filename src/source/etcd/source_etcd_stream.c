#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/thread.h"
#include "source/etcd/source_etcd.h"
#include "source/etcd/source_etcd_facts.h"
#include "source/etcd/source_etcd_stream.h"
#include "source/source_spool.h"

#define SPOOL_BLOCK ((size_t)256 * 1024)
#define SPOOL_BLOCKS 32   /* 8 MiB: what a slow moment of the storage costs. */
#define SPOOL_PATIENCE 10 /* Percent by which storage may slow the server. */
#define CHECK_MS 200      /* How soon the operator's wish to stop is heard. */
#define FIRST_MAX 32768   /* Bytes that come before the sink hears of them. */

/* The thread that reads the server, and hardly ever waits for the storage. */
struct receiver {
	struct etcd_client *client;
	struct source_spool *spool;
	uint64_t size_hint;
	struct etcd_snapshot snapshot; /* Valid once the spool ended well. */
};

static int
on_bytes(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct receiver *r = arg;

	return source_spool_put(r->spool, p, n, err);
}

static bool
on_stop(void *arg)
{
	struct receiver *r = arg;

	return source_spool_cancelled(r->spool);
}

static void *
receive(void *arg)
{
	struct receiver *r = arg;
	const struct etcd_snapshot_out out = {
		.write = on_bytes, .stop = on_stop, .arg = r
	};
	struct err err = ERR_INIT;
	int rc;

	rc = etcd_snapshot_take(r->client, &out, &r->snapshot, &err);
	source_spool_end(r->spool, rc < 0 ? &err : NULL);
	return NULL;
}

/* Wait for bytes; return 1 if there are no more. */
static int
get(struct source_spool *spool, struct sink *sink, uint8_t *p, size_t room,
    size_t *got, struct err *err)
{
	int rc;

	do {
		if ((rc = sink_check(sink, err)) < 0)
			return rc;
		rc = source_spool_get(spool, p, room, CHECK_MS, got, err);
	} while (rc == 0 && *got == 0);
	return rc;
}

/*
 * Move bytes from the spool to the sink until the end.  A member that refuses
 * does so before its first bytes, and then the sink does not hear of it.
 */
static int
pump(struct receiver *r, struct sink *sink, bool *begun, struct err *err)
{
	uint8_t first[FIRST_MAX], *p;
	size_t room, got;
	int rc;

	if ((rc = get(r->spool, sink, first, sizeof(first), &got, err)) < 0)
		return rc;
	*begun = true;
	if ((rc = sink_begin(sink, SOURCE_ETCD_SNAPSHOT, r->size_hint,
		 SOURCE_HASHES, err)) < 0 ||
	    (rc = sink_write(sink, first, got, err)) < 0)
		return rc;
	for (;;) {
		if ((rc = sink_space(sink, &p, &room, err)) < 0 ||
		    (rc = get(r->spool, sink, p, room, &got, err)) < 0)
			return rc;
		if (rc == 1)
			return 0;
		if ((rc = sink_wrote(sink, got, err)) < 0)
			return rc;
	}
}

static int
transfer(struct receiver *r, struct sink *sink, bool *begun, struct err *err)
{
	pthread_t thread;
	int rc;

	if ((rc = thread_start(receive, r, &thread, err)) < 0)
		return rc;
	rc = pump(r, sink, begun, err);
	/* Cancel in any case: the thread uses variables of this function. */
	source_spool_cancel(r->spool);
	(void)pthread_join(thread, NULL);
	return rc;
}

int
source_etcd_stream(const struct source_etcd_member *m, int64_t time_ns,
    struct sink *sink, bool *begun, struct err *err)
{
	CLEANUP(freep_source_spool) struct source_spool *spool = NULL;
	const struct source_spool_opts opts = { .block = SPOOL_BLOCK,
		.nblocks = SPOOL_BLOCKS,
		.patience = SPOOL_PATIENCE };
	/* The size is what the file had a moment ago: a hint. */
	struct receiver r = { .client = m->client,
		.size_hint = m->status.db_size };
	struct entry e;
	const char *note;
	int rc;

	if ((rc = source_spool_new(&opts, &spool, err)) < 0)
		return rc;
	r.spool = spool;
	if ((rc = transfer(&r, sink, begun, err)) < 0 ||
	    (rc = source_etcd_tell_snapshot(&r.snapshot, sink, err)) < 0)
		return rc;
	note = source_spool_note(spool);
	if (note != NULL &&
	    (rc = source_etcd_fact(sink, err, "etcd.note.spool",
		 "the server was slowed by the storage: %s", note)) < 0)
		return rc;
	e = source_etcd_snapshot_entry(&r.snapshot, time_ns);
	return sink_add(sink, &e, err);
}

struct entry
source_etcd_snapshot_entry(const struct etcd_snapshot *s, int64_t time_ns)
{
	static char path[] = SOURCE_ETCD_SNAPSHOT;
	struct entry e = {
		.path = path,
		.type = ENTRY_FILE,
		.mode = 0600,
		.uid = geteuid(),
		.gid = getegid(),
		.mtime_ns = time_ns,
		.ctime_ns = time_ns,
		.size = s->size,
		.has_sha256 = true,
	};

	memcpy(e.sha256, s->sha256, sizeof(e.sha256));
	return e;
}
