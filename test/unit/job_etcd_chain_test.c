#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "job/job_etcd_chain.h"
#include "repo/repo.h"
#include "test.h"

/* A catalogue of manifests that say no more than they must. */
struct made {
	struct repo_catalogue cat;
	struct repo_backup b[16];
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
	m->cat.backups = m->b;
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
	if (job_etcd_chain_choose(&m->cat, b, &at, &c, &e) == 0)
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
}
