#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/entry.h"
#include "base/str.h"
#include "etcd/etcd_cluster.h"
#include "etcd/etcd_snapshot.h"
#include "source/etcd/source_etcd_survey.h"
#include "source/source_spool.h"

#define FILE_NAME "snapshot.db"
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

static int fact(struct sink *, struct err *, const char *, const char *, ...)
    __attribute__((format(printf, 4, 5)));
static int
fact(struct sink *sink, struct err *err, const char *name, const char *fmt, ...)
{
	char value[640];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	return sink_evidence(sink, name, value, err);
}

/* "none", or "NOSPACE of 8e9e05c52164694d, CORRUPT of ...". */
static void
list_alarms(const struct etcd_alarms *a, char *to, size_t size)
{
	size_t i, used = 0;

	(void)snprintf(to, size, "none");
	for (i = 0; i < a->n && used < size; i++) {
		const struct etcd_alarm *at = &a->at[i];
		const char *name = at->type == ETCD_ALARM_NOSPACE   ? "NOSPACE"
				   : at->type == ETCD_ALARM_CORRUPT ? "CORRUPT"
								    : "unknown";

		used += (size_t)snprintf(to + used, size - used,
		    "%s%s of %" PRIx64, i > 0 ? ", " : "", name, at->member_id);
	}
}

/* What the member said of itself just before. */
static int
tell_member(
    const struct source_etcd_member *m, struct sink *sink, struct err *err)
{
	const struct etcd_status *s = &m->status;
	int rc;

	if ((rc = fact(sink, err, "etcd.version", "%s", s->version)) < 0 ||
	    (rc = fact(sink, err, "etcd.cluster_id", "%" PRIx64,
		 s->cluster_id)) < 0 ||
	    (rc = fact(sink, err, "etcd.member", "%" PRIx64, s->member_id)) <
		0 ||
	    (rc = fact(sink, err, "etcd.endpoint", "%s",
		 etcd_client_url(m->client))) < 0 ||
	    (rc = fact(sink, err, "etcd.leader", "%s",
		 s->leader == s->member_id ? "true" : "false")) < 0 ||
	    (rc = fact(sink, err, "etcd.revision.at_least", "%" PRIu64,
		 s->revision)) < 0 ||
	    (rc = fact(sink, err, "etcd.raft_term", "%" PRIu64, s->raft_term)) <
		0 ||
	    (rc = fact(sink, err, "etcd.raft_index", "%" PRIu64,
		 s->raft_applied)) < 0)
		return rc;
	return fact(sink, err, "etcd.db_size", "%" PRIu64, s->db_size);
}

static int
tell_snapshot(const struct receiver *r, struct sink *sink, struct err *err)
{
	char digest[2 * SHA256_LEN + 1];
	const char *note = source_spool_note(r->spool);
	int rc;

	if ((rc = fact(sink, err, "etcd.sha256", "%s",
		 str_hex(digest, r->snapshot.digest, SHA256_LEN))) < 0)
		return rc;
	if (r->snapshot.version[0] != '\0' &&
	    (rc = fact(sink, err, "etcd.storage_version", "%s",
		 r->snapshot.version)) < 0)
		return rc;
	if (note != NULL)
		return fact(sink, err, "etcd.note.spool",
		    "the server was slowed by the storage: %s", note);
	return 0;
}

static int
tell_members(struct etcd_client *client, struct sink *sink, struct err *err)
{
	CLEANUP(freep_etcd_cluster) struct etcd_cluster m = { 0 };
	struct err ignore = ERR_INIT;
	size_t i, idle = 0;
	int rc;

	/* Good to know, and no reason to go without a backup. */
	if (etcd_cluster_get(client, &m, &ignore) < 0)
		return 0;
	for (i = 0; i < m.n; i++)
		idle += !etcd_cluster_started(&m.at[i]);
	if ((rc = fact(sink, err, "etcd.members", "%zu", m.n)) < 0 || idle == 0)
		return rc;
	return fact(
	    sink, err, "etcd.note.members", "%zu of them never started", idle);
}

static int
tell_cluster(const struct source_etcd_survey *v, struct etcd_client *client,
    const char *note, struct sink *sink, struct err *err)
{
	char alarms[512];
	int rc;

	list_alarms(&v->alarms, alarms, sizeof(alarms));
	if ((rc = fact(sink, err, "etcd.alarms", "%s", alarms)) < 0)
		return rc;
	if ((rc = tell_members(client, sink, err)) < 0)
		return rc;
	if (note[0] != '\0' &&
	    (rc = fact(sink, err, "etcd.note.member", "%s", note)) < 0)
		return rc;
	if (etcd_client_no_auth(client))
		return fact(sink, err, "etcd.note.auth",
		    "a user was given, but authentication is off");
	return 0;
}

static int
add_file(const struct etcd_snapshot *s, const struct timespec *at,
    struct sink *sink, struct err *err)
{
	char path[] = FILE_NAME;
	struct entry e = {
		.path = path,
		.type = ENTRY_FILE,
		.mode = 0600,
		.uid = geteuid(),
		.gid = getegid(),
		.mtime_ns = (int64_t)at->tv_sec * 1000000000 + at->tv_nsec,
		.size = s->size,
		.has_sha256 = true,
	};

	e.ctime_ns = e.mtime_ns;
	memcpy(e.sha256, s->sha256, sizeof(e.sha256));
	return sink_add(sink, &e, err);
}

static int
read_member(const struct source_etcd_survey *v, size_t picked, const char *note,
    struct sink *sink, struct err *err)
{
	CLEANUP(freep_source_spool) struct source_spool *spool = NULL;
	const struct source_etcd_member *m = &v->members[picked];
	const struct source_spool_opts opts = { .block = SPOOL_BLOCK,
		.nblocks = SPOOL_BLOCKS,
		.patience = SPOOL_PATIENCE };
	struct receiver r = { .client = m->client };
	struct timespec at;
	int rc;

	(void)clock_gettime(CLOCK_REALTIME, &at);
	if ((rc = source_spool_new(&opts, &spool, err)) < 0)
		return rc;
	r.spool = spool;
	/* The size is the file's of a moment ago: a hint. */
	if ((rc = sink_begin(
		 sink, FILE_NAME, m->status.db_size, SOURCE_HASHES, err)) < 0 ||
	    (rc = transfer(&r, sink, err)) < 0)
		return rc;
	if ((rc = tell_member(m, sink, err)) < 0 ||
	    (rc = tell_cluster(v, m->client, note, sink, err)) < 0 ||
	    (rc = tell_snapshot(&r, sink, err)) < 0)
		return rc;
	return add_file(&r.snapshot, &at, sink, err);
}

int
source_etcd_snapshot(struct source *s, struct sink *sink, struct err *err)
{
	CLEANUP(source_etcd_survey_clear) struct source_etcd_survey v = { 0 };
	char note[128];
	size_t picked;
	int rc;

	rc = source_etcd_survey_make((struct source_etcd *)s, &v, err);
	if (rc < 0 ||
	    (rc = source_etcd_pick(&v, &picked, note, sizeof(note), err)) < 0)
		return rc;
	return read_member(&v, picked, note, sink, err);
}

int
source_etcd_read(struct source *s, struct sink *sink, struct err *err)
{
	return source_etcd_snapshot(s, sink, err);
}
