#include "cmd/cmd_progress.h"
#include "test.h"

TEST(progress__is_due_at_first_and_then_at_its_pace)
{
	struct progress p = { 0 };

	CHECK(progress_due(&p, "backup", 1000, 100));
	CHECK(!progress_due(&p, "backup", 1099, 100));
	CHECK(progress_due(&p, "backup", 1100, 100));
	CHECK(!progress_due(&p, "backup", 1199, 100));
	/* Something else begins: show it at once. */
	CHECK(progress_due(&p, "verify", 1101, 100));
}

TEST(progress__tells_rate_and_time_left)
{
	struct progress p = { 0 };
	char text[PROGRESS_TEXT_MAX];

	CHECK(progress_due(&p, "backup", 1000, 100));
	progress_update(&p, 1000, 0);
	CHECK_STR(progress_text(&p, 1000, 0, 1 << 30, text),
	    "backup  0 B of 1.0 GiB  0 %  0s");
	progress_update(&p, 2000, 64 << 20);
	CHECK_STR(progress_text(&p, 2000, 64 << 20, 1 << 30, text),
	    "backup  64.0 MiB of 1.0 GiB  6 %  64.0 MiB/s  15s left");
	/* The total is not known: tell how long it has taken. */
	CHECK_STR(progress_text(&p, 2000, 64 << 20, 0, text),
	    "backup  64.0 MiB  64.0 MiB/s  1s");
	/* More than was expected: no percentage above a hundred. */
	CHECK_STR(progress_text(&p, 2000, 64 << 20, 1, text),
	    "backup  64.0 MiB  64.0 MiB/s  1s");
}

TEST(progress__smooths_the_rate_and_ignores_a_step_back)
{
	struct progress p = { 0 };

	CHECK(progress_due(&p, "x", 1000, 100));
	progress_update(&p, 2000, 1000);
	CHECK(p.rate > 999 && p.rate < 1001);
	progress_update(&p, 2100, 9000); /* Too soon to count. */
	CHECK(p.rate > 999 && p.rate < 1001);
	progress_update(&p, 3000, 1000); /* Stalled. */
	CHECK(p.rate > 699 && p.rate < 701);
	progress_update(&p, 4000, 10);
	CHECK(p.rate > 699 && p.rate < 701);
}
