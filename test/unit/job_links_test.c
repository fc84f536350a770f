#include <stdio.h>

#include "job/job_links.h"
#include "test.h"

TEST(links__are_found_by_the_file_that_they_name)
{
	CLEANUP(job_links_clear) struct job_links l = { .limit = limit_of(0) };
	char file[16], link[16];
	struct err e = ERR_INIT;
	int i;

	CHECK(job_links_find(&l, "f1") == NULL);
	for (i = 0; i < 1000; i++) {
		(void)snprintf(file, sizeof(file), "f%d", i * 7 % 1000);
		(void)snprintf(link, sizeof(link), "l%d", i * 7 % 1000);
		CHECK_OK(job_links_add(&l, file, link, &e), &e);
	}
	for (i = 0; i < 1000; i++) {
		(void)snprintf(file, sizeof(file), "f%d", i);
		(void)snprintf(link, sizeof(link), "l%d", i);
		CHECK_STR(job_links_find(&l, file), link);
	}
	CHECK(job_links_find(&l, "f1000") == NULL);
	CHECK(l.limit.used > 1000 * 10);
}

TEST(links__survive_running_out_of_memory_anywhere)
{
	CLEANUP(job_links_clear) struct job_links l = { .limit = limit_of(0) };
	struct err e = ERR_INIT;
	int rc = 0;

	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = job_links_add(&l, "file", "link", &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM && job_links_find(&l, "file") == NULL);
	}
	test_malloc_fail(0);
	CHECK_OK(rc, &e);
	CHECK_STR(job_links_find(&l, "file"), "link");
}
