#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/entry.h"
#include "source/etcd/source_etcd_facts.h"
#include "source/etcd/source_etcd_stream.h"
#include "source/source_spool.h"

#define SPOOL_BLOCK ((size_t)256 * 1024)
#define SPOOL_BLOCKS 32   /* 8 MiB: what a slow moment of the storage costs. */
#define SPOOL_PATIENCE 10 /* Percent by which storage may slow the server. */
#define CHECK_MS 200      /* How soon the operator's wish to stop is heard. */

/* The thread that reads the server, and hardly ever waits for the storage. */
struct receiver {
	struct etcd_client *client;
	struct source_spool *spool;
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

/* Signals belong to the thread that asks sink_check. */
static int
start(struct receiver *r, pthread_t *thread, struct err *err)
{
	sigset_t all, old;
	int rc;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(thread, NULL, receive, r);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc == 0 ? 0 : err_errno(err, rc, "start a thread");
}

/* Move bytes from the spool to the sink until the end. */
static int
pump(struct source_spool *spool, struct sink *sink, struct err *err)
{
	size_t room, got;
	uint8_t *p;
	int rc;

	for (;;) {
		if ((rc = sink_space(sink, &p, &room, err)) < 0)
			return rc;
		do {
			if ((rc = sink_check(sink, err)) < 0 ||
			    (rc = source_spool_get(
				 spool, p, room, CHECK_MS, &got, err)) < 0)
				return rc;
		} while (rc == 0 && got == 0);
		if (rc == 1)
			return 0;
		if ((rc = sink_wrote(sink, got, err)) < 0)
			return rc;
	}
}

static int
transfer(struct receiver *r, struct sink *sink, struct err *err)
{
	pthread_t thread;
	int rc;

	if ((rc = start(r, &thread, err)) < 0)
		return rc;
	rc = pump(r->spool, sink, err);
	/* Whatever came of it: the thread uses what our frames hold. */
	source_spool_cancel(r->spool);
	(void)pthread_join(thread, NULL);
	return rc;
}

int
source_etcd_stream(const struct source_etcd_member *m, int64_t time_ns,
    struct sink *sink, struct err *err)
{
	CLEANUP(freep_source_spool) struct source_spool *spool = NULL;
	const struct source_spool_opts opts = { .block = SPOOL_BLOCK,
		.nblocks = SPOOL_BLOCKS,
		.patience = SPOOL_PATIENCE };
	struct receiver r = { .client = m->client };
	const char *note;
	int rc;

	if ((rc = source_spool_new(&opts, &spool, err)) < 0)
		return rc;
	r.spool = spool;
	/* The size is the file's of a moment ago: a hint. */
	if ((rc = sink_begin(sink, SOURCE_ETCD_SNAPSHOT, m->status.db_size,
		 SOURCE_HASHES, err)) < 0 ||
	    (rc = transfer(&r, sink, err)) < 0 ||
	    (rc = source_etcd_tell_snapshot(&r.snapshot, sink, err)) < 0)
		return rc;
	note = source_spool_note(spool);
	if (note != NULL &&
	    (rc = source_etcd_fact(sink, err, "etcd.note.spool",
		 "the server was slowed by the storage: %s", note)) < 0)
		return rc;
	return source_etcd_add_snapshot(&r.snapshot, time_ns, sink, err);
}

int
source_etcd_add_snapshot(const struct etcd_snapshot *s, int64_t time_ns,
    struct sink *sink, struct err *err)
{
	char path[] = SOURCE_ETCD_SNAPSHOT;
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
	return sink_add(sink, &e, err);
}
