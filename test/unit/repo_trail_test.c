#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "repo/repo_trail.h"
#include "store/mem/store_mem.h"
#include "test.h"
#include "test_repo.h"

static const struct repo_trail some = {
	.base = { 1, 2 },
	.last = { 3 },
	.base_ms = 17,
	.revision = 4711,
	.to_ms = 99,
	.cluster_id = UINT64_MAX,
	.state = "as it is",
	.past = { 4700, 12, 0xfedcba98 },
};

TEST(trail__is_there_again_for_its_source_alone)
{
	CLEANUP(freep_store) struct store *s = NULL;
	CLEANUP(freep_repo) struct repo *r = NULL;
	struct repo_trail t = { .state = "" };
	struct err e = ERR_INIT;
	bool known = true;

	CHECK_OK(store_mem_new(&s, &e), &e);
	CHECK_OK(test_repo_init(s, "host", "1", &e), &e);
	CHECK_OK(test_repo_open(s, "host", "1", &r, &e), &e);
	CHECK_OK(repo_trail_load(r, "cp", &t, &known, &e), &e);
	CHECK(!known);
	CHECK_OK(repo_trail_save(r, "cp", &some, &e), &e);
	CHECK_OK(repo_trail_load(r, "cp", &t, &known, &e), &e);
	CHECK(known && memcmp(t.base, some.base, SHA256_LEN) == 0 &&
	      memcmp(t.last, some.last, SHA256_LEN) == 0);
	CHECK(t.revision == 4711 && t.base_ms == 17 && t.to_ms == 99 &&
	      t.cluster_id == UINT64_MAX);
	CHECK_STR(t.state, "as it is");
	CHECK(t.past.revision == 4700 && t.past.compact == 12 &&
	      t.past.hash == 0xfedcba98);
	CHECK_OK(repo_trail_load(r, "other", &t, &known, &e), &e);
	CHECK(!known);
}

/* Cut or overwrite every file that begins with "trail-" below ${dir}. */
static void
damage(const char *dir, const char *how)
{
	char cmd[512];

	(void)snprintf(cmd, sizeof(cmd),
	    "find '%s' -name 'trail-*' -exec %s {} \\; | grep -q . || true",
	    dir, how);
	CHECK(system(cmd) == 0);
}

TEST(trail__that_is_damaged_counts_for_nothing)
{
	CLEANUP(freep_store) struct store *s = NULL;
	CLEANUP(freep_repo) struct repo *r = NULL;
	struct repo_trail t = { .state = "" };
	struct err e = ERR_INIT;
	bool known;

	CHECK_OK(store_mem_new(&s, &e), &e);
	CHECK_OK(test_repo_init(s, "host", "1", &e), &e);
	CHECK_OK(test_repo_open(s, "host", "1", &r, &e), &e);
	CHECK_OK(repo_trail_save(r, "cp", &some, &e), &e);
	damage(test_dir(), "truncate -s 40");
	CHECK_OK(repo_trail_load(r, "cp", &t, &known, &e), &e);
	CHECK(!known && t.revision == 0);
	damage(test_dir(), "truncate -s 100000");
	CHECK_OK(repo_trail_load(r, "cp", &t, &known, &e), &e);
	CHECK(!known && t.revision == 0);
}
