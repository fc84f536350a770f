#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/params.h"
#include "base/time.h"
#include "etcd/etcd_clock.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_watch.h"
#include "fake/fake_h2c.h"
#include "job/job_etcd_chain.h"
#include "job/job_etcd_choose.h"
#include "job/job_etcd_db.h"
#include "job/job_etcd_db_log.h"
#include "job/job_follow_impl.h"
#include "repo/repo.h"
#include "source/etcd/source_etcd.h"
#include "source/source.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_etcd.h"
#include "test_repo.h"

/*
 * A follower whose parts are called one by one, in the order that a test
 * wants.  What is backed up is an etcd that was never there, read when the
 * test says so; what is asked, a member that follows a script, a letter for
 * each request (and refuses what comes after the last):
 *
 *	S  its status			E  an empty answer: no alarms
 *	W  it watches			K  its hash is HASH
 *	X  its hash is another		C  it was compacted away
 *	M  one member			K  also: authentication is on
 */
#define HASH 4711
#define DAY_MS ((int64_t)86400 * 1000)

struct made {
	struct store *store;
	struct repo *repo;
	int64_t now;
	struct repo_catalogue cat;
	struct fake_h2c *server;
	char script[40];
	struct source *cluster;

	struct source slow;
	struct test_etcd backup; /* What a backup has, */
	struct test_etcd etcd;   /* and what happens. */
	size_t done;             /* So many of its changes are gathered. */
	atomic_bool go;          /* The backup may be read. */
	int fail;
	const char *state; /* Which it tells, or NULL. */

	struct job job;
	struct job_follow_opts opts;
	struct follow f;
	int bases, logs, warned; /* What was told. */
	char warning[1024];
	uint64_t seen;
};

static struct made *made; /* For a source, which has no argument. */

static void
header(struct buf *b, uint64_t revision)
{
	CLEANUP(freep_buf) struct buf h = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(pb_add_uint(&h, 1, 1, &e), &e);
	CHECK_OK(pb_add_uint(&h, 2, 1, &e), &e);
	CHECK_OK(pb_add_uint(&h, 3, revision, &e), &e);
	CHECK_OK(pb_add_bytes(b, 1, h.p, h.len, &e), &e);
}

static void
refuse(const struct fake_h2c_stream *s, const char *code, const char *words)
{
	const char *const fields[] = { ":status", "200", "content-type",
		"application/grpc", "grpc-status", code, "grpc-message", words,
		NULL };

	fake_h2c_headers(s, fields, true);
}

static void
serve(const struct fake_h2c_stream *s, void *arg)
{
	const struct made *m = arg;
	const size_t nth = (size_t)s->nth;
	const char what = nth < strlen(m->script) ? m->script[nth] : 'R';
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (what == 'R' || what == 'C') {
		refuse(s, what == 'C' ? "11" : "14",
		    what == 'C' ? "etcdserver: mvcc: required revision has "
				  "been compacted"
				: "etcdserver: try again");
		return;
	}
	fake_grpc_begin(s);
	header(&b, 1000);
	if (what == 'S') {
		CHECK_OK(pb_add_bytes(&b, 2, "3.5.1", 5, &e), &e);
		CHECK_OK(pb_add_uint(&b, 4, 1, &e), &e);
	} else if (what == 'W') {
		CHECK_OK(pb_add_uint(&b, 3, 1, &e), &e);
	} else if (what == 'K' || what == 'X') {
		CHECK_OK(pb_add_uint(&b, 2, HASH + (what == 'X'), &e), &e);
	} else if (what == 'M') {
		/* A member without a name, which has not started yet. */
		CHECK_OK(pb_add_bytes(&b, 2, "\x08\x01", 2, &e), &e);
	}
	fake_grpc_message(s, b.p, what == 'E' ? 0 : b.len);
	if (what != 'W')
		fake_grpc_end(s, "0", "");
}

static int
slow_read(struct source *src, struct sink *s, struct err *err)
{
	struct made *m = made;
	int rc;

	(void)src;
	while (!atomic_load(&m->go)) {
		if ((rc = sink_check(s, err)) < 0)
			return rc;
		(void)usleep(1000);
	}
	if (m->fail != 0)
		return err_set(err, (enum hf_code)m->fail, "it cannot be read");
	if ((rc = sink_evidence(s, "etcd.cluster_id", "1", err)) < 0 ||
	    (rc = sink_evidence(s, "etcd.hashkv", "4711", err)) < 0)
		return rc;
	if (m->state != NULL &&
	    (rc = sink_evidence(s, "etcd.state", m->state, err)) < 0)
		return rc;
	return source_read(&m->backup.source, s, err);
}

static const struct source_ops slow_ops = {
	.name = "slow",
	.read = slow_read,
};

static void
on_event(void *arg, const struct job_event *ev)
{
	struct made *m = arg;

	if (ev->kind != JOB_WARNING)
		return;
	m->warned++;
	(void)snprintf(m->warning, sizeof(m->warning), "%s", ev->text);
}

static int
on_commit(void *arg, const struct job_follow_commit *c, struct err *err)
{
	struct made *m = arg;

	(void)err;
	m->bases += c->base;
	m->logs += !c->base;
	return 0;
}

static void
open_cluster(struct made *m)
{
	static const struct source_driver *const drivers[] = {
		&source_etcd_driver, NULL
	};
	CLEANUP(freep_params) struct params *p = NULL;
	struct err e = ERR_INIT;

	CHECK((m->server = fake_h2c_start_duplex(serve, m)) != NULL);
	CHECK_OK(params_new(&p, &e), &e);
	CHECK_OK(params_add(p, "type", "etcd", &e), &e);
	CHECK_OK(params_add(p, "endpoints", fake_h2c_url(m->server), &e), &e);
	CHECK_OK(source_open(drivers, p, &m->cluster, &e), &e);
}

/* Both etcds have the same of it: revisions 2 to 4. */
static void
begin_history(struct test_etcd *t)
{
	test_etcd_init(t);
	test_etcd_put(t, "a", "1");
	test_etcd_put(t, "b", "1");
	test_etcd_put(t, "a", "2");
}

static void
begin_follow(struct made *m)
{
	struct err e = ERR_INIT;

	m->f = (struct follow){ .job = &m->job,
		.opts = &m->opts,
		.repo = m->repo,
		.source = &m->slow };
	CHECK_OK(source_etcd_follow_new(m->cluster, &m->f.cluster, &e), &e);
	CHECK_OK(source_etcd_log_new(&m->f.log, &e), &e);
}

static void
end_follow(struct made *m)
{
	job_follow_base_end(&m->f);
	job_follow_carry_clear(&m->f);
	freep_source_etcd_log(&m->f.log);
	source_etcd_follow_free(m->f.cluster);
	etcd_lease_file_clear(&m->f.leases);
	repo_key_cache_clear(&m->f.keys);
}

static void
make(struct made *m, const char *script)
{
	static int n;
	struct err e = ERR_INIT;
	char host[16];

	memset(m, 0, sizeof(*m));
	made = m;
	m->slow.ops = &slow_ops;
	m->job = (struct job){ .workers = 2, .on_event = on_event, .arg = m };
	m->opts = (struct job_follow_opts){ .source = "cp",
		.type = "etcd",
		.label = "etcd:test",
		.interval_ms = 1000,
		.bytes = 1u << 20,
		.base_every_ms = DAY_MS,
		.committed = on_commit,
		.arg = m };
	(void)snprintf(m->script, sizeof(m->script), "%s", script);
	CHECK_OK(store_mem_new(&m->store, &e), &e);
	m->now = time_now_ms();
	store_mem_set_time(m->store, m->now);
	/* A host knows one repository in a place. */
	(void)snprintf(host, sizeof(host), "host%d", n++);
	CHECK_OK(test_repo_init(m->store, host, "1", &e), &e);
	CHECK_OK(test_repo_open(m->store, host, "1", &m->repo, &e), &e);
	open_cluster(m);
	begin_history(&m->backup);
	begin_history(&m->etcd);
	m->done = m->etcd.n;
	begin_follow(m);
}

static void
clear(struct made *m)
{
	end_follow(m);
	repo_catalogue_clear(&m->cat);
	source_free(m->cluster);
	fake_h2c_stop(m->server);
	test_etcd_clear(&m->backup);
	test_etcd_clear(&m->etcd);
	repo_free(m->repo);
	store_free(m->store);
}

static void
pass(struct made *m, int64_t ms)
{
	m->now += ms;
	store_mem_set_time(m->store, m->now);
}

/* Let the backup that is being taken be read, and hear that it is there. */
static void
let_go(struct made *m)
{
	struct err e = ERR_INIT;
	int i;

	atomic_store(&m->go, true);
	for (i = 0; i < 60000 && m->f.base != NULL; i++) {
		CHECK_OK(job_follow_renew(&m->f, &e), &e);
		(void)usleep(1000);
	}
	CHECK(m->f.base == NULL);
	atomic_store(&m->go, false);
}

/* Follow from a first backup on: revision 4, and a watch behind it. */
static void
start(struct made *m)
{
	struct err e = ERR_INIT;

	m->f.why = "there is none yet";
	CHECK_OK(job_follow_renew(&m->f, &e), &e);
	CHECK(m->f.base != NULL);
	let_go(m);
	CHECK(m->f.have_next && m->bases == 1);
	CHECK_OK(job_follow_advance(&m->f, &e), &e);
	CHECK(m->f.known && !m->f.have_next && m->f.trail.revision == 4);
	CHECK_OK(job_follow_connect(&m->f, &e), &e);
	CHECK(source_etcd_follow_watch(m->f.cluster) != NULL);
	/* Its state is asked for by who tests that. */
	m->f.state_after = INT64_MAX;
}

/* Something happens to both etcds, or to what is watched alone. */
static void
happen(struct made *m, bool both)
{
	char value[8];

	(void)snprintf(value, sizeof(value), "%zu", m->etcd.n);
	test_etcd_put(&m->etcd, "a", value);
	if (both)
		test_etcd_put(&m->backup, "a", value);
}

/* The log sees it. */
static void
gather(struct made *m)
{
	test_etcd_watch(&m->etcd, &m->done, m->f.log, time_now_ms());
}

static void
lay_down(struct made *m)
{
	struct err e = ERR_INIT;

	pass(m, 1000);
	gather(m);
	CHECK_OK(job_follow_commit(&m->f, &e), &e);
}

static void
reload(struct made *m)
{
	struct err e = ERR_INIT;

	repo_catalogue_clear(&m->cat);
	CHECK_OK(repo_catalogue_load(m->repo, &m->cat, &e), &e);
}

static int
see(void *arg, const struct etcd_record *r, struct err *err)
{
	struct made *m = arg;

	(void)err;
	CHECK(r->main == 2 + m->seen);
	m->seen++;
	return 0;
}

/* Every revision of the chain ${c} from that of its backup on is there. */
static void
check_restores(struct made *m, const struct job_etcd_chain *c)
{
	struct job_etcd_at at = { .revision = c->revision };
	struct err e = ERR_INIT;

	for (; at.revision <= c->last; at.revision++) {
		CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;

		CHECK_OK(job_etcd_db_open_log(
			     &m->job, m->repo, c, &at, NULL, &db, &e),
		    &e);
		m->seen = 0;
		CHECK_OK(job_etcd_db_records(db, 0, see, m, &e), &e);
		CHECK(m->seen == at.revision - 1);
	}
}

/*
 * Killed now, everything up to ${revision} can be restored, is the latest, and
 * is where the next run goes on.
 */
static void
killed_now(struct made *m, uint64_t revision)
{
	CLEANUP(freep_job_etcd_chain) struct job_etcd_chain c = { 0 };
	static const struct job_etcd_at latest = { 0 };
	struct follow after = {
		.job = &m->job, .opts = &m->opts, .repo = m->repo
	};
	struct err e = ERR_INIT;

	reload(m);
	CHECK_OK(job_etcd_choose(&m->cat, job_etcd_chain_newest(&m->cat, "cp"),
		     &latest, &c, &e),
	    &e);
	CHECK(c.last == revision && c.beyond == 0);
	check_restores(m, &c);
	CHECK_OK(job_follow_resume(&after, &e), &e);
	CHECK(after.known && after.trail.revision == revision);
}

/*
 * A backup is taken; logs to revisions 6 and 8 are laid down meanwhile, and
 * 9 is gathered.  It has revision ${has}.
 */
static void
follow_through_a_backup(struct made *m, uint64_t has)
{
	struct err e = ERR_INIT;
	uint64_t i;

	m->f.why = NULL;
	m->f.trail.base_ms = 0;
	pass(m, 1000);
	CHECK_OK(job_follow_renew(&m->f, &e), &e);
	CHECK(m->f.base != NULL);
	for (i = 5; i <= 9; i++) {
		happen(m, i <= has);
		if (i % 2 == 0)
			lay_down(m);
		if (i % 2 == 0)
			killed_now(m, i);
	}
	for (; i <= has; i++)
		test_etcd_put(&m->backup, "a", "later");
	gather(m);
	CHECK(m->f.base != NULL && m->bases == 1 && m->logs == 2);
	let_go(m);
	CHECK(m->f.have_next && m->bases == 2 && m->f.why == NULL);
}

/* What is done again and again, but for the watch: one backup is enough. */
static void
advance(struct made *m)
{
	struct err e = ERR_INIT;

	CHECK_OK(job_follow_renew(&m->f, &e), &e);
	CHECK_OK(job_follow_advance(&m->f, &e), &e);
	CHECK(m->f.base == NULL && m->f.why == NULL);
}

static const uint8_t *
base_of(const struct made *m)
{
	return m->cat.backups[m->cat.n - 1].m.base;
}

TEST(follow__lays_logs_down_while_a_backup_is_taken)
{
	CLEANUP(clear) struct made m;
	struct job_etcd_chain c = { 0 };
	struct err e = ERR_INIT;
	int steps;

	make(&m, "SEWRRRRRK");
	start(&m);
	follow_through_a_backup(&m, 5);
	/* The log of 5 and 6 is its own, too, and then that of 7 and 8. */
	for (steps = 0; m.f.have_next; steps++) {
		CHECK(steps < 5);
		killed_now(&m, 8);
		advance(&m);
	}
	CHECK_OK(job_follow_renew(&m.f, &e), &e);
	CHECK(m.f.base == NULL);
	CHECK(steps == 3 && m.logs == 2);
	CHECK(source_etcd_follow_watch(m.f.cluster) != NULL);
	CHECK(m.f.log->first == 9 && m.f.log->last == 9);
	killed_now(&m, 8);
	happen(&m, false);
	lay_down(&m);
	killed_now(&m, 10);
	CHECK(memcmp(base_of(&m), m.f.trail.base, SHA256_LEN) == 0);
	CHECK_OK(job_etcd_chain_find(
		     &m.cat, job_etcd_chain_newest(&m.cat, "cp"), &c, &e),
	    &e);
	CHECK(c.revision == 5 && c.n == 3 && c.logs[0].first == 5);
	check_restores(&m, &c);
	job_etcd_chain_clear(&c);
}

TEST(follow__stores_nothing_twice_for_the_new_backup)
{
	CLEANUP(clear) struct made m;
	size_t packs;

	make(&m, "SEWRRRRRK");
	start(&m);
	follow_through_a_backup(&m, 4);
	packs = test_count(m.store, "hf1/main/p/");
	while (m.f.have_next)
		advance(&m);
	CHECK(test_count(m.store, "hf1/main/p/") == packs);
	CHECK(m.f.trail.revision == 8);
	killed_now(&m, 8);
}

/* What happened up to it is the older one's, so that it can be restored. */
TEST(follow__waits_for_what_came_before_the_new_backup)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;

	make(&m, "SEWRRRRRK");
	start(&m);
	follow_through_a_backup(&m, 10);
	CHECK_OK(job_follow_advance(&m.f, &e), &e);
	CHECK(m.f.have_next && m.f.log->last == 9);
	happen(&m, false);
	gather(&m);
	CHECK_OK(job_follow_advance(&m.f, &e), &e);
	CHECK(!m.f.have_next && m.f.log->first == 11 && m.logs == 3);
	killed_now(&m, 10);
	CHECK(source_etcd_follow_watch(m.f.cluster) != NULL);
}

/* It begins to watch anew behind the backup, which tells of another past. */
static void
check_begins_anew(struct made *m)
{
	struct err e = ERR_INIT;

	CHECK_OK(job_follow_advance(&m->f, &e), &e);
	CHECK(!m->f.have_next && m->f.known && m->logs == 3);
	CHECK(source_etcd_follow_watch(m->f.cluster) == NULL);
	CHECK(m->f.log->first == 6 && m->f.trail.revision == 5);
	CHECK(m->f.trail.past.hash == HASH && m->f.trail.past.revision == 5);
}

TEST(follow__trusts_no_log_of_a_watch_with_another_past)
{
	CLEANUP(clear) struct made m;

	make(&m, "SEWRRRRRX");
	start(&m);
	follow_through_a_backup(&m, 5);
	check_begins_anew(&m);
	killed_now(&m, 9);
}

TEST(follow__trusts_no_log_of_a_watch_that_broke_meanwhile)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;

	make(&m, "SEWRRRRRSEWR");
	start(&m);
	follow_through_a_backup(&m, 5);
	source_etcd_follow_close(m.f.cluster);
	CHECK_OK(job_follow_connect(&m.f, &e), &e);
	CHECK(source_etcd_follow_watch(m.f.cluster) != NULL);
	check_begins_anew(&m);
}

TEST(follow__trusts_a_watch_whose_member_was_compacted_meanwhile)
{
	CLEANUP(clear) struct made m;

	make(&m, "SEWRRRRRC");
	start(&m);
	follow_through_a_backup(&m, 5);
	while (m.f.have_next)
		advance(&m);
	CHECK(m.f.trail.revision == 8 && m.f.log->first == 9);
}

TEST(follow__names_no_pack_that_is_older_than_the_reuse_window)
{
	CLEANUP(clear) struct made m;

	make(&m, "SEWRRRRRK");
	start(&m);
	follow_through_a_backup(&m, 5);
	CHECK(repo_head(m.repo)->reuse_s == 7 * 86400);
	pass(&m, 7 * DAY_MS);
	while (m.f.have_next)
		advance(&m);
	CHECK(m.f.trail.revision == 5 && m.f.log->first == 6);
}

TEST(follow__goes_over_at_once_if_its_logs_have_a_gap)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;

	make(&m, "SEWRRRRRRR");
	start(&m);
	follow_through_a_backup(&m, 5);
	m.f.broken = true;
	m.f.why = "the logs have a gap";
	m.f.gap = 9;
	m.f.next.past.compact = 20;
	CHECK_OK(job_follow_advance(&m.f, &e), &e);
	CHECK(!m.f.have_next && !m.f.broken && m.f.trail.revision == 5);
	CHECK(m.f.why == NULL);
	CHECK(strstr(m.warning, "the revisions 9 to 19 are lost") != NULL);
}

TEST(follow__goes_on_when_no_backup_can_be_taken)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;

	make(&m, "SEWRRRRRRR");
	start(&m);
	m.fail = HF_EUNAVAIL;
	m.f.why = "the backup is old";
	CHECK_OK(job_follow_renew(&m.f, &e), &e);
	let_go(&m);
	CHECK(!m.f.have_next && m.f.why != NULL);
	CHECK(strstr(m.warning, "(the backup is old) and cannot be taken") !=
	      NULL);
	/* Not at once again. */
	CHECK_OK(job_follow_renew(&m.f, &e), &e);
	CHECK(m.f.base == NULL);
	/* Our password was changed, say, and will be in our file, too. */
	m.fail = HF_EDENIED;
	m.f.base_after = 0;
	atomic_store(&m.go, false);
	CHECK_OK(job_follow_renew(&m.f, &e), &e);
	let_go(&m);
	CHECK(m.warned == 2 && !m.f.have_next && m.f.why != NULL);
	happen(&m, false);
	lay_down(&m);
	killed_now(&m, 5);
}

/* Times of a chain do not go back: without it, all until then had that time. */
TEST(follow__takes_another_backup_when_the_clock_was_set_back)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;

	make(&m, "SEWKRRRRRRR");
	start(&m);
	m.f.log->to_ms = time_now_ms() + 30000;
	CHECK_OK(job_follow_renew(&m.f, &e), &e);
	CHECK(m.f.base == NULL && m.warned == 0);
	m.f.log->to_ms = time_now_ms() + DAY_MS;
	CHECK_OK(job_follow_renew(&m.f, &e), &e);
	CHECK(m.f.base != NULL && m.warned == 1);
	CHECK(strstr(m.warning, "clock was set back") != NULL);
	let_go(&m);
	while (m.f.have_next)
		CHECK_OK(job_follow_advance(&m.f, &e), &e);
	CHECK(m.f.log->to_ms <= time_now_ms() && m.f.why == NULL);
	CHECK(m.f.trail.to_ms <= time_now_ms());
	CHECK(m.f.log->first == m.f.trail.revision + 1);
	CHECK_OK(job_follow_renew(&m.f, &e), &e);
	CHECK(m.f.base == NULL && m.warned == 1);
}

TEST(follow__ends_if_the_first_backup_cannot_be_taken)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;
	int i, rc = 0;

	make(&m, "");
	m.fail = HF_ESOURCE;
	m.f.why = "there is none yet";
	atomic_store(&m.go, true);
	CHECK_OK(job_follow_renew(&m.f, &e), &e);
	for (i = 0; i < 60000 && rc == 0; i++) {
		rc = job_follow_renew(&m.f, &e);
		(void)usleep(1000);
	}
	CHECK(rc == -HF_ESOURCE && m.f.base == NULL && !m.f.have_next);
}

TEST(follow__that_is_stopped_does_not_wait_for_a_backup)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;

	make(&m, "SEWRRRRRRR");
	start(&m);
	m.f.why = "the backup is old";
	CHECK_OK(job_follow_renew(&m.f, &e), &e);
	job_follow_base_stop(&m.f);
	happen(&m, false);
	lay_down(&m);
	job_follow_base_end(&m.f);
	CHECK(m.f.base == NULL && !m.f.have_next && m.bases == 1);
	killed_now(&m, 5);
}

TEST(follow__on_a_host_that_may_only_write_goes_on_without_a_new_backup)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;

	/* K: what the last log amounts to; then the status and the watch of
	 * the next run, and the same hash. */
	make(&m, "SEWRKRRRSEWK");
	start(&m);
	m.store->power = STORE_WRITE;
	happen(&m, false);
	lay_down(&m);
	CHECK(m.f.trail.past.revision == 5 && m.f.trail.past.hash == HASH);
	end_follow(&m);
	begin_follow(&m);
	CHECK_OK(job_follow_resume(&m.f, &e), &e);
	CHECK(m.f.known && m.f.trail.revision == 5);
	source_etcd_log_begin(m.f.log, 6, m.f.trail.to_ms);
	CHECK_OK(job_follow_connect(&m.f, &e), &e);
	CHECK(source_etcd_follow_watch(m.f.cluster) != NULL);
	CHECK(m.f.why == NULL && !m.f.broken && m.warned == 0);
	m.store->power = STORE_READ | STORE_WRITE;
}

/* The revision that the newest chain which has that time tells of. */
static uint64_t
revision_at(struct made *m, int64_t ms)
{
	CLEANUP(freep_job_etcd_chain) struct job_etcd_chain c = { 0 };
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
	const struct job_etcd_at at = { .time_ms = ms };
	struct err e = ERR_INIT;

	reload(m);
	CHECK_OK(job_etcd_choose(&m->cat, job_etcd_chain_newest(&m->cat, "cp"),
		     &at, &c, &e),
	    &e);
	CHECK_OK(
	    job_etcd_db_open_log(&m->job, m->repo, &c, &at, NULL, &db, &e), &e);
	return job_etcd_db_facts(db)->revision;
}

/* Killed, and run again, as the script goes on. */
static void
run_again(struct made *m)
{
	struct err e = ERR_INIT;

	end_follow(m);
	begin_follow(m);
	CHECK_OK(job_follow_resume(&m->f, &e), &e);
	CHECK(m->f.known);
	source_etcd_log_begin(
	    m->f.log, m->f.trail.revision + 1, m->f.trail.to_ms);
	CHECK_OK(job_follow_connect(&m->f, &e), &e);
	CHECK(source_etcd_follow_watch(m->f.cluster) != NULL && !m->f.broken);
}

/*
 * There is a backup of revision 10, logs of the older one end at 8, and both
 * are taken up again: the time between is in a log then.
 */
TEST(follow__killed_behind_a_new_backup_goes_on_with_the_older_one)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;
	int64_t killed;

	make(&m, "SEWRRRRRSEWRK");
	start(&m);
	follow_through_a_backup(&m, 10);
	killed = time_now_ms();
	run_again(&m);
	CHECK(m.f.trail.revision == 8 && m.f.log->first == 9);
	CHECK(m.f.have_next && m.f.next.revision == 10);
	CHECK(m.f.next.past.revision == 10 && m.f.next.past.hash == HASH);
	m.done -= 1;
	happen(&m, false);
	gather(&m);
	CHECK_OK(job_follow_advance(&m.f, &e), &e);
	CHECK(!m.f.have_next && m.f.trail.revision == 10 && m.logs == 3);
	CHECK(source_etcd_follow_watch(m.f.cluster) != NULL);
	CHECK(m.f.log->first == 11);
	CHECK(revision_at(&m, killed) == 8);
	killed_now(&m, 10);
}

/* Where nothing happened between, the next log tells of the time. */
TEST(follow__killed_behind_a_new_backup_loses_no_time)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;
	int64_t killed;

	make(&m, "SEWRRRRRRRSEWRK");
	start(&m);
	follow_through_a_backup(&m, 9);
	lay_down(&m);
	killed = time_now_ms() + 2 * ETCD_CLOCK_TICK_MS;
	run_again(&m);
	CHECK(m.f.have_next && m.f.trail.revision == 9);
	CHECK_OK(job_follow_advance(&m.f, &e), &e);
	CHECK(!m.f.have_next && m.f.log->first == 10 && m.logs == 3);
	while (time_now_ms() < killed + ETCD_CLOCK_TICK_MS)
		(void)usleep(1000);
	lay_down(&m);
	CHECK(revision_at(&m, killed) == 9);
}

TEST(follow__on_a_cluster_that_was_set_back_takes_a_new_backup)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;

	make(&m, "SEWKRRRSEWX");
	start(&m);
	happen(&m, false);
	lay_down(&m);
	source_etcd_follow_close(m.f.cluster);
	CHECK_OK(job_follow_connect(&m.f, &e), &e);
	CHECK(m.f.broken && m.f.why != NULL);
	CHECK(strstr(m.warning, "the cluster was set back") != NULL);
}

TEST(follow__with_no_memory_for_a_manifest_does_without)
{
	CLEANUP(clear) struct made m;
	struct repo_manifest man = { .start_ms = 1 };

	make(&m, "");
	m.f.log->first = 5;
	m.f.log->last = 6;
	test_malloc_fail(1);
	job_follow_carry_add(&m.f, &man);
	test_malloc_fail(0);
	CHECK(m.f.carry.n == 0 && man.start_ms == 1);
	job_follow_carry_add(&m.f, &man);
	CHECK(m.f.carry.n == 1 && man.start_ms == 0);
}

/* Lay a log down, for which the state is asked, and no hash. */
static void
ask_state(struct made *m)
{
	m->f.hash_after = INT64_MAX;
	m->f.state_after = 0;
	happen(m, true);
	lay_down(m);
}

/* The backup that is wanted is taken, and logs continue it. */
static void
take_another(struct made *m)
{
	struct err e = ERR_INIT;

	CHECK_OK(job_follow_renew(&m->f, &e), &e);
	CHECK(m->f.base != NULL);
	let_go(m);
	CHECK(m->f.have_next);
	while (m->f.have_next)
		CHECK_OK(job_follow_advance(&m->f, &e), &e);
	CHECK_OK(job_follow_renew(&m->f, &e), &e);
	CHECK(m->f.base == NULL && m->f.why == NULL);
}

/*
 * In these scripts, the state is three answers, or two refusals (of which the
 * second is what version it is); then it is asked for leases, and tells none.
 */
TEST(follow__takes_one_more_backup_if_the_first_could_not_tell_its_state)
{
	CLEANUP(clear) struct made m;

	make(&m, "SEWK"
		 "RRR"
		 "RRR"
		 "EMER"
		 "K"
		 "EMER"
		 "KMER");
	start(&m);
	CHECK(m.f.trail.state[0] == '\0');
	ask_state(&m);
	CHECK(m.f.why == NULL && m.warned == 1);
	CHECK(strstr(m.warning, "does not tell its users") != NULL);
	ask_state(&m);
	CHECK(m.f.why == NULL && m.warned == 1);
	ask_state(&m);
	CHECK(m.f.why != NULL);
	take_another(&m);
	CHECK(m.bases == 2 && strcmp(m.f.trail.state, m.f.state) == 0);
	ask_state(&m);
	CHECK(m.f.why == NULL);
	ask_state(&m);
	CHECK(m.f.why != NULL && strcmp(m.f.why, "authentication") == 0);
	CHECK(m.warned == 1);
}

/*
 * Our password was changed, say: the watch goes on, and nothing else does.
 */
TEST(follow__warns_once_a_minute_has_passed_in_which_no_state_was_told)
{
	CLEANUP(clear) struct made m;

	make(&m, "SEWK"
		 "EMER"
		 "RRR"
		 "RRR"
		 "RRR"
		 "EMER"
		 "RRR");
	m.state = "000000000000000000000000000000000000000000000000";
	start(&m);
	strcpy(m.f.trail.state, m.state);
	ask_state(&m);
	strcpy(m.f.trail.state, m.f.state);
	m.f.why = NULL;
	ask_state(&m);
	CHECK(m.warned == 0 && m.f.state_since != 0);
	m.f.state_since -= 60001;
	ask_state(&m);
	CHECK(m.warned == 1);
	CHECK(strstr(m.warning, "does not tell its users") != NULL);
	m.f.state_since -= 60001;
	ask_state(&m);
	CHECK(m.warned == 1);
	/* It tells again, and the next silence is another. */
	ask_state(&m);
	CHECK(m.f.why == NULL && m.f.state_since == 0);
	ask_state(&m);
	CHECK(m.warned == 1 && m.f.state_since != 0);
	m.f.state_since -= 60001;
	CHECK(!m.f.told_blind);
}

/* As while a 3.4 is replaced: it says of users what a 3.5 never will. */
TEST(follow__takes_one_more_backup_if_members_tell_different_states)
{
	CLEANUP(clear) struct made m;

	make(&m, "SEWK"
		 "EMER"
		 "K"
		 "EMER");
	m.state = "000000000000000000000000000000000000000000000000";
	start(&m);
	CHECK(strcmp(m.f.trail.state, m.state) == 0);
	ask_state(&m);
	CHECK(m.f.why != NULL);
	take_another(&m);
	CHECK(m.bases == 2 && strcmp(m.f.trail.state, m.state) != 0);
	ask_state(&m);
	CHECK(m.f.why == NULL && m.warned == 0);
}
