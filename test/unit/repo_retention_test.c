#include "base/time.h"
#include "repo/repo_catalogue_impl.h"
#include "repo/repo_retention.h"
#include "test.h"

/*
 * Which backups stay.  A test lists the times at which its backups were
 * stored, oldest first, and then says of each why it stays ("" if it goes).
 */

#define MAX 32
#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

static struct repo_backup backups[MAX];
static bool good[MAX];
static struct retention_verdict verdicts[MAX];
static struct repo_catalogue cat = { .backups = backups };
static char db[] = "db", www[] = "www";

static int64_t
at(const char *text)
{
	struct err e = ERR_INIT;
	int64_t ms;

	CHECK_OK(time_parse(text, &ms, &e), &e);
	return ms;
}

static void
begin(void)
{
	memset(backups, 0, sizeof(backups));
	memset(verdicts, 0xff, sizeof(verdicts));
	cat.n = 0;
}

static void
add_ms(char *source, int64_t ms, bool is_good)
{
	CHECK(cat.n < MAX);
	backups[cat.n].m.source = source;
	backups[cat.n].stored_ms = ms;
	good[cat.n++] = is_good;
}

static void
add(const char *text)
{
	add_ms(db, at(text), true);
}

static void
plan(const struct retention *rule, const char *now)
{
	struct err e = ERR_INIT;

	CHECK_OK(repo_backups_by_hash(backups, cat.n, &cat.by_hash, &e), &e);
	CHECK_OK(retention_plan(rule, &cat, at(now), good, verdicts, &e), &e);
	free(cat.by_hash);
}

#define STAYS(i, text)                                                         \
	do {                                                                   \
		CHECK_STR(verdicts[i].why, text);                              \
		CHECK(verdicts[i].keep);                                       \
	} while (0)
#define GOES(i, text)                                                          \
	do {                                                                   \
		CHECK_STR(verdicts[i].why, text);                              \
		CHECK(!verdicts[i].keep);                                      \
	} while (0)

TEST(retention__without_a_number_is_refused)
{
	const struct retention none = { 0 }, min = { .min_count = 3 };
	struct err e = ERR_INIT;

	begin();
	CHECK_FAIL(
	    retention_plan(&none, &cat, 0, good, verdicts, &e), &e, HF_EUSAGE);
	CHECK_FAIL(
	    retention_plan(&min, &cat, 0, good, verdicts, &e), &e, HF_EUSAGE);
	CHECK(e.hint[0] != '\0');
}

TEST(retention__of_nothing_is_nothing)
{
	const struct retention rule = { .last = 1 };

	begin();
	plan(&rule, "2026-11-20");
}

TEST(retention__keeps_the_last_few)
{
	const struct retention rule = { .last = 2 };

	begin();
	add("2026-11-01");
	add("2026-11-02");
	add("2026-11-03");
	plan(&rule, "2026-11-20");
	GOES(0, "no rule keeps it");
	STAYS(1, "last 2");
	STAYS(2, "last 1");
}

TEST(retention__keeps_the_newest_of_each_hour)
{
	const struct retention rule = { .hourly = 2 };

	begin();
	add("2026-11-20T08:10Z");
	add("2026-11-20T09:00Z");
	add("2026-11-20T09:59Z");
	add("2026-11-20T11:00Z");
	plan(&rule, "2026-11-20T11:30Z");
	GOES(0, "no rule keeps it");
	GOES(1, "no rule keeps it");
	STAYS(2, "hourly 2026-11-20T09");
	STAYS(3, "hourly 2026-11-20T11");
}

TEST(retention__counts_days_that_have_a_backup_not_days_that_passed)
{
	const struct retention rule = { .daily = 3 };

	begin();
	add("2026-01-01T23:00Z");
	add("2026-03-05T01:00Z");
	add("2026-03-05T23:59Z");
	add("2026-11-20T00:00Z");
	plan(&rule, "2026-11-20");
	STAYS(0, "daily 2026-01-01");
	GOES(1, "no rule keeps it");
	STAYS(2, "daily 2026-03-05");
	STAYS(3, "daily 2026-11-20");
}

TEST(retention__has_days_of_utc)
{
	const struct retention rule = { .daily = 9 };

	/* One evening in Paris, the night that summer time ends. */
	begin();
	add("2026-10-25T00:30+02:00");
	add("2026-10-25T02:30+02:00");
	add("2026-10-25T02:30+01:00");
	plan(&rule, "2026-11-20");
	STAYS(0, "daily 2026-10-24");
	GOES(1, "no rule keeps it");
	STAYS(2, "daily 2026-10-25");
}

TEST(retention__has_iso_weeks_that_cross_the_year)
{
	const struct retention rule = { .weekly = 9 };

	begin();
	add("2026-12-27"); /* Sunday of week 52 */
	add("2026-12-28"); /* Monday of week 53 */
	add("2027-01-03"); /* Sunday of week 53 */
	add("2027-01-04"); /* Monday of week 1 */
	plan(&rule, "2027-02-01");
	STAYS(0, "weekly 2026-W52");
	GOES(1, "no rule keeps it");
	STAYS(2, "weekly 2026-W53");
	STAYS(3, "weekly 2027-W01");
}

TEST(retention__keeps_months_and_years)
{
	const struct retention rule = { .monthly = 2, .yearly = 2 };

	begin();
	add("2024-12-31");
	add("2025-12-30");
	add("2025-12-31");
	add("2026-10-01");
	add("2026-11-19");
	plan(&rule, "2026-11-20");
	GOES(0, "no rule keeps it");
	GOES(1, "no rule keeps it");
	STAYS(2, "yearly 2025");
	STAYS(3, "monthly 2026-10");
	STAYS(4, "monthly 2026-11");
}

TEST(retention__tells_the_first_rule_that_keeps_a_backup)
{
	const struct retention rule = {
		.last = 1, .daily = 1, .yearly = 1, .max_age_ms = DAY_MS
	};

	begin();
	add("2026-11-20");
	plan(&rule, "2026-11-20");
	STAYS(0, "last 1");
}

TEST(retention__by_age_keeps_what_is_exactly_as_old)
{
	const struct retention rule = { .max_age_ms = 15 * DAY_MS };

	begin();
	add("2026-11-01");
	add_ms(db, at("2026-11-05") - 1, true);
	add("2026-11-05");
	add("2026-11-19");
	plan(&rule, "2026-11-20");
	CHECK(!verdicts[0].keep && !verdicts[1].keep);
	CHECK(strncmp(verdicts[0].why, "older than ", 11) == 0);
	CHECK(verdicts[2].keep && verdicts[3].keep);
	CHECK(strncmp(verdicts[2].why, "younger than ", 13) == 0);
}

TEST(retention__with_counts_and_age_keeps_what_either_keeps)
{
	const struct retention rule = { .monthly = 2,
		.max_age_ms = 2 * DAY_MS };

	begin();
	add("2026-10-10");
	add("2026-11-18");
	add("2026-11-19");
	plan(&rule, "2026-11-20");
	STAYS(0, "monthly 2026-10");
	CHECK(verdicts[1].keep && verdicts[2].keep);
}

TEST(retention__never_leaves_fewer_than_the_minimum)
{
	const struct retention rule = { .max_age_ms = DAY_MS, .min_count = 3 };

	begin();
	add("2025-01-01");
	add("2025-01-02");
	add("2025-01-03");
	add("2025-01-04");
	plan(&rule, "2026-11-20");
	CHECK(!verdicts[0].keep);
	STAYS(1, "at least 3");
	STAYS(2, "at least 3");
	STAYS(3, "the newest good one");
}

TEST(retention__counts_what_other_rules_keep_towards_the_minimum)
{
	const struct retention rule = { .yearly = 3, .min_count = 3 };

	begin();
	add("2024-05-01");
	add("2025-05-01");
	add("2026-05-01");
	add("2026-06-01");
	plan(&rule, "2026-11-20");
	STAYS(0, "yearly 2024");
	STAYS(1, "yearly 2025");
	GOES(2, "no rule keeps it");
	STAYS(3, "yearly 2026");
}

TEST(retention__never_counts_a_bad_backup)
{
	const struct retention rule = { .last = 1, .daily = 2, .min_count = 2 };

	begin();
	add("2026-11-17");
	add("2026-11-18");
	add_ms(db, at("2026-11-19T10:00Z"), false);
	add_ms(db, at("2026-11-19T12:00Z"), true);
	add_ms(db, at("2026-11-19T14:00Z"), false);
	plan(&rule, "2026-11-20");
	GOES(0, "no rule keeps it");
	STAYS(1, "daily 2026-11-18");
	GOES(2, "no rule keeps it");
	STAYS(3, "last 1");
	STAYS(4, "newer than the last good one");
}

TEST(retention__keeps_the_last_good_one_when_all_are_old)
{
	const struct retention rule = { .max_age_ms = DAY_MS };

	begin();
	add("2020-01-01");
	add_ms(db, at("2020-01-02"), false);
	add_ms(db, at("2020-01-03"), false);
	plan(&rule, "2026-11-20");
	STAYS(0, "the only good one");
	STAYS(1, "newer than the last good one");
	STAYS(2, "newer than the last good one");
}

TEST(retention__keeps_all_of_a_source_that_has_no_good_one)
{
	const struct retention rule = { .last = 1 };

	begin();
	add_ms(db, at("2020-01-01"), false);
	add_ms(db, at("2020-01-02"), false);
	plan(&rule, "2026-11-20");
	STAYS(0, "no good one is known");
	STAYS(1, "no good one is known");
}

TEST(retention__counts_every_source_by_itself)
{
	const struct retention rule = { .last = 1 };

	begin();
	add_ms(www, at("2026-11-01"), true);
	add_ms(db, at("2026-11-02"), true);
	add_ms(www, at("2026-11-03"), true);
	add_ms(db, at("2026-11-04"), true);
	plan(&rule, "2026-11-20");
	GOES(0, "no rule keeps it");
	GOES(1, "no rule keeps it");
	STAYS(2, "last 1");
	STAYS(3, "last 1");
}

TEST(retention__leaves_removed_backups_out_of_every_count)
{
	const struct retention rule = { .last = 2 };

	begin();
	add("2026-11-01");
	add("2026-11-02");
	add("2026-11-03");
	backups[1].removed = true;
	plan(&rule, "2026-11-20");
	STAYS(0, "last 2");
	GOES(1, "removed");
	STAYS(2, "last 1");
}

TEST(retention__believes_the_store_and_no_clients_clock)
{
	const struct retention rule = { .last = 1 };

	begin();
	add("2026-11-01");
	add("2026-11-02");
	backups[0].m.commit_ms = at("2030-01-01"); /* says the client */
	backups[0].m.start_ms = at("2030-01-01");
	plan(&rule, "2026-11-20");
	GOES(0, "no rule keeps it");
	STAYS(1, "last 1");
}

TEST(retention__breaks_a_tie_by_the_order_of_the_catalogue)
{
	const struct retention rule = { .last = 1 };

	begin();
	add("2026-11-01");
	add("2026-11-01");
	add("2026-11-01");
	plan(&rule, "2026-11-20");
	GOES(0, "no rule keeps it");
	GOES(1, "no rule keeps it");
	STAYS(2, "last 1");
}

TEST(retention__keeps_what_the_store_says_is_from_tomorrow)
{
	const struct retention rule = { .max_age_ms = HOUR_MS };

	begin();
	add("2026-11-20T00:00Z");
	add("2026-11-21T00:00Z");
	add("2026-11-22T00:00Z");
	plan(&rule, "2026-11-20T00:00Z");
	CHECK(verdicts[0].keep && verdicts[1].keep && verdicts[2].keep);
}

TEST(retention__survives_running_out_of_memory)
{
	const struct retention rule = { .last = 1 };
	struct err e = ERR_INIT;
	int rc;

	begin();
	add("2026-11-20");
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = retention_plan(&rule, &cat, 0, good, verdicts, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM);
	}
	test_malloc_fail(0);
}

/* Who lies about the time of his backups competes with his like alone. */
TEST(retention__does_not_let_what_was_stored_again_push_out_the_rest)
{
	const struct retention rule = { .monthly = 2 };

	begin();
	add("2026-09-20T10:00:00Z");
	add("2026-09-30T23:59:59Z"); /* Stored in November, it says this. */
	backups[1].again = true;
	add("2026-10-20T10:00:00Z");
	plan(&rule, "2026-11-25T10:00:00Z");
	STAYS(0, "monthly 2026-09");
	STAYS(1, "monthly 2026-09");
	STAYS(2, "monthly 2026-10");
}

/* A log of what has the number ${base}. */
static void
add_log(const char *text, uint8_t base)
{
	add(text);
	backups[cat.n - 1].m.kind = REPO_LOG;
	memset(backups[cat.n - 1].m.base, base, SHA256_LEN);
}

TEST(retention__keeps_a_log_as_long_as_its_base_and_does_not_count_it)
{
	const struct retention rule = { .last = 1 };
	size_t i;

	begin();
	add("2026-11-01");
	add_log("2026-11-02", 1);
	add("2026-11-03");
	add_log("2026-11-04", 1);
	add_log("2026-11-05", 3);
	add_log("2026-11-06", 9);
	for (i = 0; i < cat.n; i++) {
		memset(backups[i].m.sha256, (int)i + 1, SHA256_LEN);
		backups[i].id[0] = 'b';
		backups[i].id[1] = (char)('0' + i);
	}
	plan(&rule, "2026-11-20");
	GOES(0, "no rule keeps it");
	GOES(1, "its base b0 goes");
	STAYS(2, "last 1");
	GOES(3, "its base b0 goes");
	STAYS(4, "its base b2 stays");
	STAYS(5, "its base is unknown");

	backups[2].removed = true;
	plan(&rule, "2026-11-20");
	STAYS(0, "last 1");
	STAYS(1, "its base b0 stays");
	GOES(4, "its base b2 goes");
}
