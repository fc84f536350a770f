#include <sys/stat.h>

#include "base/params.h"
#include "source/stream/source_stream.h"
#include "source/tree/source_tree.h"
#include "source_contract.h"
#include "test.h"

static const struct source_driver *const drivers[] = { &source_tree_driver,
	&source_stream_driver, NULL };

static struct source *
open_source(const char *type, const char *word, const char *value)
{
	CLEANUP(freep_params) struct params *p = NULL;
	struct source *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(params_new(&p, &e), &e);
	CHECK_OK(params_add(p, "type", type, &e), &e);
	CHECK_OK(params_add(p, word, value, &e), &e);
	CHECK_OK(source_open(drivers, p, &s, &e), &e);
	return s;
}

static struct source *
open_tree(void *arg)
{
	return open_source("tree", "path", arg);
}

static struct source *
open_stream(void *arg)
{
	return open_source("stream", "command", arg);
}

TEST(source_tree__keeps_the_promises_of_every_source)
{
	static const char *const names[] = { "b", "a/x", "a-", "a.b", "Z" };
	char top[256], path[512];
	size_t i;
	FILE *f;

	(void)snprintf(top, sizeof(top), "%s", test_dir());
	(void)snprintf(path, sizeof(path), "%s/a", top);
	CHECK(mkdir(path, 0755) == 0);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", top, names[i]);
		CHECK((f = fopen(path, "w")) != NULL);
		CHECK(fprintf(f, "this is %s", names[i]) > 0);
		CHECK(fclose(f) == 0);
	}
	source_contract_run(open_tree, top);
}

TEST(source_stream__keeps_the_promises_of_every_source)
{
	char command[] = "exec:echo one two three";

	source_contract_run(open_stream, command);
}

TEST(source_open__names_the_types_there_are)
{
	CLEANUP(freep_params) struct params *p = NULL;
	struct source *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(params_new(&p, &e), &e);
	CHECK_FAIL(source_open(drivers, p, &s, &e), &e, HF_ECONFIG);
	CHECK_OK(params_add(p, "type", "tape", &e), &e);
	CHECK_FAIL(source_open(drivers, p, &s, &e), &e, HF_ECONFIG);
	CHECK_STR(e.hint, "types are: tree, stream");
	CHECK(s == NULL);
}
