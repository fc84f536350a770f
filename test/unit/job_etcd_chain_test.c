#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "job/job_etcd_chain.h"
#include "job/job_etcd_choose.h"
#include "repo/repo.h"
#include "test.h"

/* A catalogue of manifests that say no more than they must. */
struct made {
	struct repo_catalogue cat;
	struct repo_backup b[16], *by_hash[16];
	struct repo_fact facts[16][8];
	char text[16][8][24];
};

static void
fact(struct made *m, struct repo_backup *b, const char *name, uint64_t value)
{
	size_t i = (size_t)(b - m->b), k = b->m.nevidence++;

	(void)snprintf(m->text[i][k], sizeof(m->text[i][k]), "%" PRIu64, value);
	b->m.evidence = m->facts[i];
	m->facts[i][k] = (struct repo_fact){ .name = (char *)(uintptr_t)name,
		.value = m->text[i][k] };
}

static struct repo_backup *
add(struct made *m, uint8_t kind)
{
	static char source[] = "cp", type[] = "etcd";
	struct repo_backup *b = &m->b[m->cat.n++];

	b->m.kind = kind;
	b->m.source = source;
	b->m.type = type;
	b->m.sha256[0] = (uint8_t)m->cat.n;
	m->by_hash[m->cat.n - 1] = b; /* Hashes ascend. */
	m->cat.backups = m->b;
	m->cat.by_hash = m->by_hash;
	return b;
}

static struct repo_backup *
add_base(struct made *m, uint64_t compact, uint64_t revision)
{
	struct repo_backup *b = add(m, REPO_FULL);

	fact(m, b, "etcd.revision", revision);
	fact(m, b, "etcd.compact_revision", compact);
	return b;
}

static struct repo_backup *
add_log(struct made *m, const struct repo_backup *base, uint64_t first,
    uint64_t last)
{
	struct repo_backup *b = add(m, REPO_LOG);

	memcpy(b->m.base, base->m.sha256, SHA256_LEN);
	fact(m, b, "etcd.log.first", first);
	fact(m, b, "etcd.log.last", last);
	fact(m, b, "etcd.log.from_ms", 1000 * m->cat.n);
	fact(m, b, "etcd.log.to_ms", 1000 * m->cat.n + 999);
	return b;
}

/* Where the chain of ${base} goes: "base first-last first-last ...". */
static const char *
chain(struct made *m, const struct repo_backup *base)
{
	CLEANUP(freep_job_etcd_chain) struct job_etcd_chain c = { 0 };
	static char text[256];
	struct err e = ERR_INIT;
	size_t i, n;

	CHECK_OK(job_etcd_chain_find(&m->cat, base, &c, &e), &e);
	n = (size_t)snprintf(text, sizeof(text), "%" PRIu64, c.revision);
	for (i = 0; i < c.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    " %" PRIu64 "-%" PRIu64, c.logs[i].first, c.logs[i].last);
	if (c.beyond != 0)
		(void)snprintf(
		    text + n, sizeof(text) - n, " gap %" PRIu64, c.beyond);
	return text;
}

TEST(chain__joins_what_goes_on_where_the_last_ended)
{
	struct made m = { 0 };
	struct repo_backup *base = add_base(&m, 3, 10);

	CHECK_STR(chain(&m, base), "10");
	add_log(&m, base, 21, 30);
	add_log(&m, base, 11, 20);
	CHECK_STR(chain(&m, base), "10 11-20 21-30");
}

TEST(chain__ends_at_a_gap_and_says_so)
{
	struct made m = { 0 };
	struct repo_backup *base = add_base(&m, 3, 10);

	add_log(&m, base, 11, 20);
	add_log(&m, base, 22, 30);
	add_log(&m, base, 31, 40);
	CHECK_STR(chain(&m, base), "10 11-20 gap 22");
	/* What was removed is not there. */
	add_log(&m, base, 21, 21)->removed = true;
	CHECK_STR(chain(&m, base), "10 11-20 gap 22");
	add_log(&m, base, 21, 21);
	CHECK_STR(chain(&m, base), "10 11-20 21-21 22-30 31-40");
}

TEST(chain__keeps_logs_in_which_nothing_happened)
{
	struct made m = { 0 };
	struct repo_backup *base = add_base(&m, 0, 10);

	add_log(&m, base, 11, 10);
	add_log(&m, base, 11, 20);
	add_log(&m, base, 21, 20);
	add_log(&m, base, 21, 20);
	add_log(&m, base, 21, 22);
	CHECK_STR(chain(&m, base), "10 11-10 11-20 21-20 21-20 21-22");
}

TEST(chain__takes_what_is_there_twice_once)
{
	struct made m = { 0 };
	struct repo_backup *base = add_base(&m, 0, 10);

	add_log(&m, base, 11, 20);
	add_log(&m, base, 11, 25); /* It did not know of the first. */
	add_log(&m, base, 15, 40); /* Another host follows, too. */
	add_log(&m, base, 26, 30);
	add_log(&m, base, 31, 35);
	CHECK_STR(chain(&m, base), "10 11-25 15-40");
}

TEST(chain__has_only_logs_of_this_very_backup)
{
	struct made m = { 0 };
	struct repo_backup *a = add_base(&m, 0, 10);
	struct repo_backup *b = add_base(&m, 0, 10);

	add_log(&m, a, 11, 20);
	add_log(&m, b, 11, 12);
	CHECK_STR(chain(&m, a), "10 11-20");
	CHECK_STR(chain(&m, b), "10 11-12");
	CHECK(job_etcd_chain_newest(&m.cat, "cp") == b);
	CHECK(job_etcd_chain_newest(&m.cat, "other") == NULL);
	b->removed = true;
	CHECK(job_etcd_chain_newest(&m.cat, "cp") == a);
}

TEST(chain__passes_over_logs_that_make_no_sense)
{
	struct made m = { 0 };
	struct repo_backup *base = add_base(&m, 0, 10);
	struct repo_backup *b;

	b = add_log(&m, base, 11, 20);
	strcpy(b->m.evidence[1].value, "-1");
	b = add_log(&m, base, 11, 20);
	strcpy(b->m.evidence[1].value, "99999999999999999999");
	add_log(&m, base, 0, 50);
	add_log(&m, base, 20, 11);
	CHECK_STR(chain(&m, base), "10");
}

/* What is said if nothing has it. */
static const char *
hint_of(
    struct made *m, const struct repo_backup *b, uint64_t revision, int64_t ms)
{
	const struct job_etcd_at at = { .revision = revision, .time_ms = ms };
	struct job_etcd_chain c;
	static struct err e;

	CHECK_FAIL(job_etcd_choose(&m->cat, b, &at, &c, &e), &e, HF_ENOTFOUND);
	return e.hint;
}

/* The first revision of the log at that time; 0: there is none. */
static uint64_t
first_at(struct made *m, const struct repo_backup *base, int64_t ms)
{
	CLEANUP(freep_job_etcd_chain) struct job_etcd_chain c = { 0 };
	const struct job_etcd_log *l;
	struct err e = ERR_INIT;

	CHECK_OK(job_etcd_chain_find(&m->cat, base, &c, &e), &e);
	l = job_etcd_chain_log_at(&c, ms);
	return l != NULL ? l->first : 0;
}

/* The second is from a clock that was ahead, and was then set right. */
TEST(chain__finds_the_later_log_of_a_time_that_was_twice)
{
	struct made m = { 0 };
	struct repo_backup *base = add_base(&m, 0, 10), *log;

	add_log(&m, base, 11, 20);
	log = add_log(&m, base, 21, 30);
	strcpy(log->m.evidence[3].value, "9000");
	log = add_log(&m, base, 31, 40);
	strcpy(log->m.evidence[2].value, "4000");
	strcpy(log->m.evidence[3].value, "5000");
	CHECK(first_at(&m, base, 1999) == 0);
	CHECK(first_at(&m, base, 2500) == 11);
	CHECK(first_at(&m, base, 3500) == 21);
	CHECK(first_at(&m, base, 4500) == 31);
	CHECK(first_at(&m, base, 6000) == 21);
	CHECK(first_at(&m, base, 9010) == 0);
	strcpy(log->m.evidence[3].value, "9223372036854775807");
	CHECK(first_at(&m, base, 9010) == 31);
	CHECK(hint_of(&m, base, 0, 1) != NULL);
}

/* Which base the newest of all is found with; NULL: it is no chain. */
static const struct repo_backup *
chosen(struct made *m, const struct repo_backup *b, uint64_t revision)
{
	CLEANUP(freep_job_etcd_chain) struct job_etcd_chain c = { 0 };
	const struct job_etcd_at at = { .revision = revision };
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < m->cat.n; i++)
		m->b[i].stored_ms = (int64_t)(1000 * (i + 1));
	if (job_etcd_choose(&m->cat, b, &at, &c, &e) == 0)
		return c.base;
	CHECK(e.code == -HF_EUSAGE);
	return NULL;
}

TEST(chain__takes_nothing_older_for_the_newest_snapshot)
{
	struct made m = { 0 };
	struct repo_backup *base = add_base(&m, 3, 10), *snapshot;

	add_log(&m, base, 11, 20);
	CHECK(chosen(&m, base, 0) == base);
	snapshot = add(&m, REPO_FULL);
	CHECK(chosen(&m, snapshot, 0) == NULL);
	/* A revision is asked of those that have it. */
	CHECK(chosen(&m, snapshot, 15) == base);
	/* And what was followed beyond it is newer. */
	add_log(&m, base, 21, 30);
	CHECK(chosen(&m, snapshot, 0) == base);
}

TEST(chain__needs_a_backup_in_the_form_of_records)
{
	struct made m = { 0 };
	struct repo_backup *b = add(&m, REPO_FULL);
	struct job_etcd_chain c;
	struct err e;

	CHECK_FAIL(job_etcd_chain_find(&m.cat, b, &c, &e), &e, HF_EUSAGE);
	CHECK(job_etcd_chain_newest(&m.cat, "cp") == NULL);
	b = add_log(&m, add_base(&m, 0, 10), 11, 20);
	CHECK_FAIL(job_etcd_chain_find(&m.cat, b, &c, &e), &e, HF_EUSAGE);
	CHECK(strstr(e.msg, "is a log") != NULL);
	CHECK(strstr(e.hint, "'latest:cp', and the revision 20") != NULL);
}

/* What happened to a base is at second ${s} by the store's clock. */
static void
at_second(struct repo_backup *b, int64_t s)
{
	b->m.start_ms = 1000 * s;
	b->stored_ms = 1000 * s + 500;
}

/* Where the latest of "cp" ends. */
static uint64_t
latest(struct made *m)
{
	CLEANUP(freep_job_etcd_chain) struct job_etcd_chain c = { 0 };
	static const struct job_etcd_at at = { 0 };
	struct err e = ERR_INIT;

	CHECK_OK(job_etcd_choose(&m->cat, job_etcd_chain_newest(&m->cat, "cp"),
		     &at, &c, &e),
	    &e);
	return c.last;
}

/* An older backup with a log, and a newer one that began at second 10. */
static void
two_bases(struct made *m, struct repo_backup **a, struct repo_backup **b)
{
	*a = add_base(m, 0, 10);
	at_second(*a, 1);
	fact(m, *a, "etcd.cluster_id", 7);
	at_second(add_log(m, *a, 11, 20), 5);
	*b = add_base(m, 0, 15);
	at_second(*b, 10);
	(*b)->stored_ms += 20 * 1000;
	fact(m, *b, "etcd.cluster_id", 7);
}

TEST(chain__of_the_latest_is_the_older_one_while_that_goes_on)
{
	struct made m = { 0 };
	struct repo_backup *a, *b, *log;

	two_bases(&m, &a, &b);
	CHECK(latest(&m) == 15);
	log = add_log(&m, a, 21, 30);
	at_second(log, 31);
	CHECK(latest(&m) == 30);
	/* The newer one has it, too, and then more. */
	at_second(add_log(&m, b, 11, 30), 32);
	at_second(add_log(&m, b, 31, 31), 33);
	CHECK(latest(&m) == 31);
	log->removed = true;
	CHECK(latest(&m) == 31);
}

/* But if logs go on behind it, they tell of what came after it. */
TEST(chain__of_the_latest_is_none_if_that_is_a_snapshot)
{
	static const struct job_etcd_at at = { 0 };
	struct made m = { 0 };
	struct repo_backup *a, *b, *s;
	struct job_etcd_chain c;
	struct err e;

	two_bases(&m, &a, &b);
	s = add(&m, REPO_FULL);
	at_second(s, 40);
	CHECK_FAIL(job_etcd_choose(&m.cat, s, &at, &c, &e), &e, HF_EUSAGE);
	at_second(add_log(&m, b, 16, 17), 50);
	CHECK_OK(job_etcd_choose(&m.cat, s, &at, &c, &e), &e);
	CHECK(c.base == b && c.last == 17);
	job_etcd_chain_clear(&c);
}

TEST(chain__of_the_latest_is_of_a_backup_that_is_good)
{
	struct made m = { 0 };
	struct repo_backup *a, *b;

	two_bases(&m, &a, &b);
	at_second(add_log(&m, a, 21, 30), 31);
	a->bad = true;
	CHECK(latest(&m) == 15);
	a->bad = false;
	a->removed = true;
	CHECK(latest(&m) == 15);
}

/* It counts once more what is void: what began before does not go on. */
TEST(chain__of_the_latest_is_not_that_of_before_a_cluster_was_set_back)
{
	struct made m = { 0 };
	struct repo_backup *a, *b, *log;

	two_bases(&m, &a, &b);
	log = add_log(&m, a, 21, 30);
	at_second(log, 9);
	log->stored_ms = 12000;
	CHECK(latest(&m) == 15);
	/* Or it is another cluster altogether. */
	at_second(log, 31);
	CHECK(latest(&m) == 30);
	strcpy(a->m.evidence[2].value, "8");
	CHECK(latest(&m) == 15);
}

/*
 * An older backup that is at 10 and followed to 30, and a newer one at 25 that
 * has been compacted to 15.
 */
static void
two_with_a_past(struct made *m, struct repo_backup **a, struct repo_backup **b)
{
	*a = add_base(m, 3, 10);
	fact(m, *a, "etcd.cluster_id", 7);
	add_log(m, *a, 11, 20);
	*b = add_base(m, 15, 25);
	fact(m, *b, "etcd.cluster_id", 7);
	fact(m, *b, "etcd.hashkv", 4711);
	at_second(*b, 10);
}

TEST(choose__takes_an_older_backup_if_the_newest_does_not_have_it)
{
	struct made m = { 0 };
	struct repo_backup *a, *b;

	two_with_a_past(&m, &a, &b);
	CHECK(chosen(&m, b, 3) == a && chosen(&m, b, 14) == a);
	CHECK(chosen(&m, b, 15) == b && chosen(&m, b, 25) == b);
}

TEST(choose__takes_the_logs_of_then_before_the_past_of_a_newer_backup)
{
	struct made m = { 0 };
	struct repo_backup *a, *b, *log;

	two_with_a_past(&m, &a, &b);
	log = add_log(&m, a, 21, 30);
	at_second(log, 11); /* When the newer one had been begun. */
	CHECK(chosen(&m, b, 15) == a && chosen(&m, b, 24) == a);
	CHECK(chosen(&m, b, 25) == b);
	/* Or a backup whose leases are of a nearer revision. */
	strcpy(b->m.evidence[1].value, "3");
	CHECK(chosen(&m, b, 4) == a);
	strcpy(b->m.evidence[1].value, "15");
	/* Before: a cluster that was set back had 25 twice. */
	at_second(log, 9);
	CHECK(chosen(&m, b, 15) == b && chosen(&m, b, 14) == a);
	/* Or it is another cluster altogether. */
	at_second(log, 11);
	strcpy(a->m.evidence[2].value, "8");
	CHECK(chosen(&m, b, 15) == b);
}

/* Nothing happened between the last log and the newer backup. */
TEST(choose__knows_by_the_hash_that_it_is_one_history)
{
	struct made m = { 0 };
	struct repo_backup *a, *b, *log;

	two_with_a_past(&m, &a, &b);
	log = add_log(&m, a, 21, 25);
	fact(&m, log, "etcd.hashkv", 4711);
	fact(&m, log, "etcd.hashkv.compact", 15);
	at_second(log, 9);
	CHECK(chosen(&m, b, 20) == a);
	strcpy(log->m.evidence[4].value, "4712");
	CHECK(chosen(&m, b, 20) == b);
	strcpy(log->m.evidence[4].value, "4711");
	strcpy(log->m.evidence[5].value, "14");
	CHECK(chosen(&m, b, 20) == b);
}

TEST(choose__takes_a_damaged_backup_last)
{
	struct made m = { 0 };
	struct repo_backup *a, *b;

	two_with_a_past(&m, &a, &b);
	b->bad = true;
	CHECK(chosen(&m, b, 17) == a && chosen(&m, b, 22) == b);
	b->bad = false;
	a->bad = true;
	CHECK(chosen(&m, b, 17) == b && chosen(&m, b, 12) == a);
}

TEST(choose__says_what_there_is_if_nobody_has_it)
{
	struct made m = { 0 };
	struct repo_backup *a, *b, *c;

	a = add_base(&m, 0, 10);
	CHECK(strstr(hint_of(&m, a, 11, 0), "revisions 1 to 10") != NULL);
	CHECK(strstr(hint_of(&m, a, 0, 2500), "no log has been") != NULL);
	add_log(&m, a, 11, 20);
	add_log(&m, a, 24, 30);
	b = add_base(&m, 19, 22);
	c = add_base(&m, 40, 50);
	add_log(&m, c, 51, 60);
	CHECK_STR(hint_of(&m, c, 30, 0),
	    "there are the revisions 1 to 22, 40 to 60; the log that has "
	    "revision 21 is missing");
	CHECK_STR(hint_of(&m, b, INT64_MAX, 0),
	    "there are the revisions 1 to 22, 40 to 60; the log that has "
	    "revision 21 is missing");
	CHECK_STR(hint_of(&m, c, 0, 4000),
	    "there are the times 1970-01-01T00:00:02Z to "
	    "1970-01-01T00:00:02.999Z, 1970-01-01T00:00:06Z to "
	    "1970-01-01T00:00:06.999Z; the log that has revision 21 is "
	    "missing");
}

TEST(choose__says_the_newest_of_many_ranges)
{
	struct repo_backup *b = NULL;
	struct made m = { 0 };
	uint64_t i;

	for (i = 0; i < 6; i++)
		b = add_base(&m, 10 * i + 1, 10 * i + 5);
	CHECK_STR(hint_of(&m, b, 8, 0),
	    "there are the revisions 21 to 25, 31 to 35, 41 to 45, 51 to 55, "
	    "and older ones");
}
