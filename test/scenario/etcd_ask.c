#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "etcd/etcd_bolt.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_cluster.h"
#include "etcd/etcd_lease.h"
#include "etcd/etcd_range.h"
#include "etcd/etcd_watch.h"
#include "test_bolt_disk.h"

/*
 * etcd_ask URL WHAT...: put one question to a real member, and print the
 * answer as a script can read it; an error, and its hint, go to stderr and
 * the exit status is err.c's.
 *
 *	hashkv REVISION
 *	members			as etcdctl member list
 *	leases			one a line: id, granted, left
 *	range LIMIT REVISION
 *	watch START UNTIL	records, one a line: main, sub, "t" or "-",
 *				bytes in hex; "complete N" when revision UNTIL
 *				and all before it have come, or "compacted N"
 *	drain START UNTIL [MS]	the same without the records, with the speed;
 *				MS milliseconds of sleep after each batch
 *	records FILE		those of a snapshot, likewise; URL is not used
 *
 * From the environment: ASK_CA, ASK_CERT, ASK_KEY, ASK_USER, ASK_PASSWORD
 * (a reference); ON_CREATED, a command to run when the watch is there.
 */
struct question {
	struct etcd_client *client;
	char **args;
};

static uint64_t
number(const char *s)
{
	return s == NULL ? 0 : strtoull(s, NULL, 10);
}

static int
ask_hashkv(const struct question *q, struct err *err)
{
	static const char *const words[] = { "read", "compacted", "future" };
	enum etcd_revision gone;
	struct etcd_hashkv h;
	int rc;

	rc = etcd_client_hashkv(q->client, number(q->args[0]), &h, &gone, err);
	if (rc == 0)
		printf("hash=%" PRIu32 "\ncompact=%" PRIu64 "\nof=%" PRIu64
		       "\nrevision=%" PRIu64 "\nmember=%" PRIx64 "\n",
		    h.hash, h.compact_revision, h.hash_revision,
		    h.header.revision, h.header.member_id);
	printf("gone=%s\n", words[gone]);
	return rc;
}

static int
ask_members(const struct question *q, struct err *err)
{
	CLEANUP(freep_etcd_cluster) struct etcd_cluster m = { 0 };
	size_t i;
	int rc;

	if ((rc = etcd_cluster_get(q->client, &m, err)) < 0)
		return rc;
	for (i = 0; i < m.n; i++) {
		const struct etcd_cluster_member *at = &m.at[i];

		printf("%" PRIx64 ", %s, %s, %s, %s, %s\n", at->id,
		    etcd_cluster_started(at) ? "started" : "unstarted",
		    at->name, at->peer.n > 0 ? at->peer.at[0] : "",
		    at->client.n > 0 ? at->client.at[0] : "",
		    at->learner ? "true" : "false");
	}
	return 0;
}

static int
ask_leases(const struct question *q, struct err *err)
{
	CLEANUP(freep_etcd_leases) struct etcd_leases l = { 0 };
	struct etcd_lease lease;
	size_t i;
	int rc;

	if ((rc = etcd_leases_get(q->client, &l, err)) < 0)
		return rc;
	for (i = 0; i < l.n; i++) {
		if ((rc = etcd_lease_get(q->client, l.ids[i], &lease, err)) < 0)
			return rc;
		printf("%016" PRIx64 " %" PRId64 " %" PRId64 "\n", lease.id,
		    lease.granted, lease.left);
	}
	/* Of one that never was. */
	if ((rc = etcd_lease_get(q->client, 12345, &lease, err)) < 0)
		return rc;
	return lease.left < 0 ? 0 : err_set(err, HF_EBUG, "it lives");
}

static int
count_kv(void *arg, const struct etcd_kv *kv, struct err *err)
{
	(void)err;
	*(uint64_t *)arg += kv->version > 0;
	return 0;
}

static int
ask_range(const struct question *q, struct err *err)
{
	uint64_t seen = 0;
	const struct etcd_range range = {
		.key = "\0",
		.end = "\0",
		.nkey = 1,
		.nend = 1,
		.limit = number(q->args[0]),
		.revision = q->args[0] == NULL ? 0 : number(q->args[1]),
		.serializable = true,
		.fn = count_kv,
		.arg = &seen,
	};
	enum etcd_revision gone;
	struct etcd_range_end end;
	int rc;

	if ((rc = etcd_range_get(q->client, &range, &end, &gone, err)) < 0) {
		printf("gone=%d\n", gone);
		return rc;
	}
	printf("seen=%" PRIu64 "\ncount=%" PRIu64 "\nmore=%d\nrevision=%" PRIu64
	       "\n",
	    seen, end.count, end.more, end.header.revision);
	return 0;
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
print_record(
    uint64_t main, uint64_t sub, bool tombstone, const uint8_t *p, size_t n)
{
	size_t i;

	printf("%" PRIu64 " %" PRIu64 " %c ", main, sub, tombstone ? 't' : '-');
	for (i = 0; i < n; i++)
		printf("%02x", p[i]);
	printf("\n");
}

/* Take the events of a batch; return how many. */
static uint64_t
take_batch(struct etcd_batch *b, bool print, long nap)
{
	const struct timespec t = { nap / 1000, nap % 1000 * 1000000 };
	struct etcd_event ev;
	uint64_t n = 0;

	for (; etcd_batch_next(b, &ev); n++)
		if (print)
			print_record(ev.kv.mod_revision, ev.sub, ev.deleted,
			    ev.record, ev.nrecord);
	if (n > 0 && nap > 0)
		(void)nanosleep(&t, NULL);
	return n;
}

/* Until ${until} is complete, also by the server's word. */
static int
take_events(struct etcd_watch *w, uint64_t until, bool print, long nap,
    uint64_t *taken, struct err *err)
{
	struct etcd_batch b;
	int rc;

	for (;;) {
		if ((rc = etcd_watch_next(w, 2000, &b, err)) < 0)
			return rc;
		if (b.what == ETCD_WATCH_COMPACTED) {
			printf("compacted %" PRIu64 "\n", b.compacted);
			return 0;
		}
		if (b.what == ETCD_WATCH_PROGRESS && b.complete >= until) {
			printf("complete %" PRIu64 "\n", b.complete);
			return 0;
		}
		*taken += take_batch(&b, print, nap);
		if (b.complete >= until && (rc = etcd_watch_ask(w, err)) < 0)
			return rc;
	}
}

static int
watch(const struct question *q, bool print, struct err *err)
{
	CLEANUP(freep_etcd_watch) struct etcd_watch *w = NULL;
	const char *command = getenv("ON_CREATED");
	uint64_t taken = 0;
	struct rusage use;
	double start;
	int rc;

	if ((rc = etcd_watch_open(q->client, number(q->args[0]), &w, err)) < 0)
		return rc;
	if (command != NULL && system(command) != 0)
		return err_set(err, HF_EBUG, "'%s' has failed", command);
	start = now();
	rc = take_events(w, number(q->args[1]), print, (long)number(q->args[2]),
	    &taken, err);
	(void)getrusage(RUSAGE_SELF, &use);
	if (!print)
		printf("events %" PRIu64 "\nper second %.0f\nrss %ld\n", taken,
		    (double)taken / (now() - start), use.ru_maxrss);
	if (rc < 0)
		printf("next %" PRIu64 "\n", etcd_watch_next_revision(w));
	return rc;
}

static int
ask_watch(const struct question *q, struct err *err)
{
	return watch(q, true, err);
}

static int
ask_drain(const struct question *q, struct err *err)
{
	return watch(q, false, err);
}

static uint64_t
be64(const uint8_t *p)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static int
ask_records(const struct question *q, struct err *err)
{
	CLEANUP(freep_test_bolt_disk) struct test_bolt_disk *disk = NULL;
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	struct etcd_bolt b;
	int rc;

	if ((rc = test_bolt_disk_open(q->args[0], &disk, err)) < 0 ||
	    (rc = etcd_bolt_open(&b, test_bolt_disk_file(disk), err)) < 0 ||
	    (rc = etcd_bolt_bucket(&b, "key", &c, err)) < 0)
		return rc;
	while ((rc = etcd_bolt_next(c, &item, err)) == 1)
		print_record(be64(item.key), be64(item.key + 9),
		    item.nkey == 18, item.value, item.nvalue);
	return rc;
}

static const struct {
	const char *word;
	int (*ask)(const struct question *, struct err *);
} questions[] = {
	{ "hashkv", ask_hashkv },
	{ "members", ask_members },
	{ "leases", ask_leases },
	{ "range", ask_range },
	{ "watch", ask_watch },
	{ "drain", ask_drain },
	{ "records", ask_records },
};

static int
ask(char *argv[], struct err *err)
{
	CLEANUP(freep_etcd_client) struct etcd_client *c = NULL;
	const struct etcd_conn_opts opts = { .ca = getenv("ASK_CA"),
		.cert = getenv("ASK_CERT"),
		.key = getenv("ASK_KEY"),
		.connect_ms = 3000,
		.stall_ms = 30000 };
	struct question q = { .args = argv + 3 };
	size_t i;
	int rc;

	if ((rc = etcd_client_new(argv[1], &opts, getenv("ASK_USER"),
		 getenv("ASK_PASSWORD"), &c, err)) < 0)
		return rc;
	q.client = c;
	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (strcmp(questions[i].word, argv[2]) == 0)
			return questions[i].ask(&q, err);
	return err_set(err, HF_EUSAGE, "no question '%s'", argv[2]);
}

int
main(int argc, char *argv[])
{
	struct err err = ERR_INIT;
	int rc;

	if (argc < 3) {
		fprintf(stderr, "usage: etcd_ask URL WHAT...\n");
		return 2;
	}
	if ((rc = ask(argv, &err)) == 0)
		return 0;
	fprintf(stderr, "%s: %s\n", err_class_of(rc)->word, err.msg);
	if (err.hint[0] != '\0')
		fprintf(stderr, "hint: %s\n", err.hint);
	return err_class_of(rc)->exit_status;
}
