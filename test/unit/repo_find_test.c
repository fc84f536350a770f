#include "base/time.h"
#include "repo/repo.h"
#include "test.h"

/* The ways in which an operator names a backup. */

static char db[] = "db", www[] = "www";
static struct repo_backup backups[] = {
	{ .id = "0123aaaaaaaaaaaa", .stored_ms = 1000, .m.source = db },
	{ .id = "0123bbbbbbbbbbbb", .stored_ms = 2000, .m.source = www },
	{ .id = "feedaaaaaaaaaaaa", .stored_ms = 3000, .m.source = db },
	{ .id = "deadaaaaaaaaaaaa",
	    .stored_ms = 4000,
	    .m.source = db,
	    .removed = true },
	{ .id = "1090aaaaaaaaaaaa",
	    .stored_ms = 5000,
	    .m = { .source = db, .kind = REPO_LOG } },
};
static const struct repo_catalogue cat = { .backups = backups, .n = 5 };

static const char *
find(const char *text)
{
	const struct repo_backup *b = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(repo_catalogue_find(&cat, text, &b, &e), &e);
	return b->id;
}

static int
fails(const char *text, struct err *e)
{
	const struct repo_backup *b = NULL;
	int rc = repo_catalogue_find(&cat, text, &b, e);

	CHECK(b == NULL);
	return rc;
}

TEST(find__takes_an_id_or_the_start_of_one)
{
	CHECK_STR(find("0123bbbbbbbbbbbb"), "0123bbbbbbbbbbbb");
	CHECK_STR(find("0123b"), "0123bbbbbbbbbbbb");
	CHECK_STR(find("FEED"), "feedaaaaaaaaaaaa");
}

TEST(find__takes_a_log_by_its_id_alone)
{
	CHECK_STR(find("1090"), "1090aaaaaaaaaaaa");
	CHECK_STR(find("latest:db"), "feedaaaaaaaaaaaa");
	CHECK_STR(find("1970-01-01T00:00:06Z"), "feedaaaaaaaaaaaa");
}

TEST(find__lists_what_an_ambiguous_start_may_stand_for)
{
	struct err e = ERR_INIT;

	CHECK_FAIL(fails("0123", &e), &e, HF_EUSAGE);
	CHECK(strstr(e.msg, "0123aaaaaaaaaaaa") != NULL);
	CHECK(strstr(e.msg, "0123bbbbbbbbbbbb") != NULL);
}

TEST(find__names_the_nearest_id)
{
	struct err e = ERR_INIT;

	CHECK_FAIL(fails("feedb", &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.hint, "feedaaaaaaaaaaaa") != NULL);
}

TEST(find__takes_latest_and_latest_of_a_source)
{
	struct err e = ERR_INIT;

	CHECK_STR(find("latest"), "feedaaaaaaaaaaaa");
	CHECK_STR(find("latest:www"), "0123bbbbbbbbbbbb");
	CHECK_FAIL(fails("latest:wwv", &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.hint, "'www'") != NULL);
}

TEST(find__takes_the_newest_that_is_not_after_a_time)
{
	struct err e = ERR_INIT;

	CHECK_STR(find("1970-01-01T00:00:01Z"), "0123aaaaaaaaaaaa");
	CHECK_STR(find("1970-01-01T00:00:02.999Z"), "0123bbbbbbbbbbbb");
	CHECK_STR(find("2026-11-20T10:00Z"), "feedaaaaaaaaaaaa");
	CHECK_FAIL(fails("1970-01-01T00:00Z", &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.hint, "0123aaaaaaaaaaaa") != NULL);
	CHECK_FAIL(fails("2026-13-01", &e), &e, HF_EUSAGE);
}

TEST(find__finds_a_removed_backup_by_its_id_alone)
{
	CHECK_STR(find("dead"), "deadaaaaaaaaaaaa");
	CHECK_STR(find("latest:db"), "feedaaaaaaaaaaaa");
}

TEST(find__refuses_what_names_nothing)
{
	struct err e = ERR_INIT;

	CHECK_FAIL(fails("", &e), &e, HF_EUSAGE);
	CHECK_FAIL(fails("012", &e), &e, HF_EUSAGE);
	CHECK_FAIL(fails("0123bbbbbbbbbbbbb", &e), &e, HF_EUSAGE);
	CHECK_FAIL(fails("newest", &e), &e, HF_EUSAGE);
}

TEST(find__in_an_empty_repository_says_so)
{
	const struct repo_catalogue empty = { 0 };
	const struct repo_backup *b = NULL;
	struct err e = ERR_INIT;

	CHECK_FAIL(
	    repo_catalogue_find(&empty, "latest", &b, &e), &e, HF_ENOTFOUND);
	CHECK_FAIL(
	    repo_catalogue_find(&empty, "0123", &b, &e), &e, HF_ENOTFOUND);
	CHECK_FAIL(repo_catalogue_find(&empty, "2026-11-20", &b, &e), &e,
	    HF_ENOTFOUND);
}

/* Of the source db: a tree, one removed, a log, a tree, and an etcd. */
static const char *
before(const struct repo_catalogue *c, size_t i, struct err *e)
{
	const struct repo_backup *b = NULL;

	if (repo_catalogue_before(c, &c->backups[i], &b, e) == 0)
		return b->id;
	CHECK(b == NULL);
	return "none";
}

TEST(before__finds_the_backup_of_the_same_source_and_type)
{
	static char tree[] = "tree", etcd[] = "etcd";
	static struct repo_backup v[] = {
		{ .id = "first", .m = { .source = db, .type = tree } },
		{ .id = "removed",
		    .removed = true,
		    .m = { .source = db, .type = tree } },
		{ .id = "log",
		    .m = { .source = db, .type = tree, .kind = REPO_LOG } },
		{ .id = "other", .m = { .source = www, .type = tree } },
		{ .id = "etcd", .m = { .source = db, .type = etcd } },
		{ .id = "second", .m = { .source = db, .type = tree } },
		{ .id = "third", .m = { .source = db, .type = tree } },
	};
	static const struct repo_catalogue c = { .backups = v, .n = 7 };
	struct err e = ERR_INIT;

	CHECK_STR(before(&c, 6, &e), "second");
	CHECK_STR(before(&c, 5, &e), "first");
	CHECK_STR(before(&c, 1, &e), "first");
	CHECK_STR(before(&c, 0, &e), "none");
	CHECK(e.code == -HF_ENOTFOUND && strstr(e.msg, "'first'") != NULL);
	CHECK_STR(before(&c, 3, &e), "none");
	CHECK_STR(before(&c, 4, &e), "none");
}
