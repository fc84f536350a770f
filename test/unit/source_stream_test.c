#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/params.h"
#include "source/stream/source_stream.h"
#include "source_record.h"
#include "test.h"

static const struct source_driver *const drivers[] = { &source_stream_driver,
	NULL };

static int
open_stream(
    const char *command, const char *name, struct source **s, struct err *err)
{
	CLEANUP(freep_params) struct params *p = NULL;

	CHECK_OK(params_new(&p, err), err);
	CHECK_OK(params_add(p, "type", "stream", err), err);
	CHECK_OK(params_add(p, "command", command, err), err);
	if (name != NULL)
		CHECK_OK(params_add(p, "name", name, err), err);
	return source_open(drivers, p, s, err);
}

static int
read_stream(const char *command, struct record *r, struct err *err)
{
	CLEANUP(freep_source) struct source *s = NULL;

	CHECK_OK(open_stream(command, NULL, &s, err), err);
	return source_read(s, &r->sink, err);
}

/* Nothing of ours runs any more, and nothing is left to wait for. */
static bool
no_children(void)
{
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

TEST(stream__is_one_file)
{
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;

	record_init(&r);
	r.lend = 3;
	CHECK_OK(read_stream("exec:printf hello; printf ' world'", &r, &e), &e);
	CHECK(r.n == 1 && r.nwarnings == 0);
	CHECK_STR(r.v[0].e.path, "stream");
	CHECK(r.v[0].e.type == ENTRY_FILE && r.v[0].e.mode == 0600);
	CHECK(r.v[0].e.size == 11);
	CHECK(memcmp(r.v[0].data.p, "hello world", 11) == 0);
	CHECK(r.v[0].e.mtime_ns > INT64_C(1600000000) * 1000000000);
	CHECK(no_children());
}

TEST(stream__has_the_name_it_was_given)
{
	CLEANUP(freep_source) struct source *s = NULL;
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;

	record_init(&r);
	CHECK_OK(open_stream("exec:true", "db.sql", &s, &e), &e);
	CHECK_OK(source_read(s, &r.sink, &e), &e);
	CHECK_STR(r.v[0].e.path, "db.sql");
	/* An empty dump is rarely what was meant. */
	CHECK(record_warned(&r, "db.sql") != NULL);
}

TEST(stream__counts_only_if_the_command_succeeds)
{
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;

	record_init(&r);
	CHECK_FAIL(
	    read_stream("exec:echo half; exit 3", &r, &e), &e, HF_ESOURCE);
	CHECK(strstr(e.msg, "status 3") != NULL);
	CHECK_FAIL(
	    read_stream("exec:echo half; kill -9 $$", &r, &e), &e, HF_ESOURCE);
	CHECK(strstr(e.msg, "signal 9") != NULL);
	CHECK_FAIL(read_stream("exec:/no/such/program 2>/dev/null", &r, &e), &e,
	    HF_ESOURCE);
	CHECK(e.hint[0] != '\0');
	/* It closes the pipe first and fails later. */
	CHECK_FAIL(read_stream("exec:exec >&-; sleep 0.2; exit 4", &r, &e), &e,
	    HF_ESOURCE);
	CHECK(r.n == 0 && no_children());
}

TEST(stream__command_starts_as_from_a_shell)
{
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;

	record_init(&r);
	(void)signal(SIGPIPE, SIG_IGN);
	/* Nothing to read, SIGPIPE as usual, a group of its own (proc(5)). */
	CHECK_OK(
	    read_stream("exec:cat; sh -c 'kill -PIPE $$; echo ignored';"
			"set -- $(cat /proc/$$/stat); test $5 = $$ && echo own",
		&r, &e),
	    &e);
	CHECK(r.v[0].data.len == 4 && memcmp(r.v[0].data.p, "own\n", 4) == 0);
}

TEST(stream__command_is_ended_when_asked_to_stop)
{
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;

	record_init(&r);
	r.stop_after = 3;
	CHECK_FAIL(
	    read_stream("exec:sleep 1000 | sleep 1000", &r, &e), &e, HF_EINTR);
	CHECK(no_children());
}

TEST(stream__command_that_will_not_end_is_made_to)
{
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;

	record_init(&r);
	r.stop_after = 3;
	CHECK_FAIL(read_stream("exec:trap '' TERM; echo x; while :; "
			       "do sleep 1; done",
		       &r, &e),
	    &e, HF_EINTR);
	CHECK(no_children());
}

TEST(stream__command_is_ended_when_the_storage_fails)
{
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;

	record_init(&r);
	r.fail_after = 100000;
	CHECK_FAIL(read_stream("exec:cat /dev/zero", &r, &e), &e, HF_ENOSPC);
	CHECK(no_children());
}

TEST(stream__reads_standard_input)
{
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;
	int saved = dup(STDIN_FILENO), fds[2], rc;

	record_init(&r);
	CHECK(pipe(fds) == 0 && write(fds[1], "abc", 3) == 3);
	CHECK(close(fds[1]) == 0);
	CHECK(dup2(fds[0], STDIN_FILENO) == STDIN_FILENO);
	rc = read_stream("-", &r, &e);
	(void)close(fds[0]);
	if (saved >= 0)
		(void)dup2(saved, STDIN_FILENO), (void)close(saved);
	CHECK_OK(rc, &e);
	CHECK(r.v[0].data.len == 3 && memcmp(r.v[0].data.p, "abc", 3) == 0);
}

TEST(stream__refuses_words_that_make_no_sense)
{
	CLEANUP(freep_source) struct source *s = NULL;
	struct err e = ERR_INIT;

	CHECK_FAIL(open_stream("ls", NULL, &s, &e), &e, HF_ECONFIG);
	CHECK_FAIL(open_stream("exec:", NULL, &s, &e), &e, HF_ECONFIG);
	CHECK_FAIL(open_stream("", NULL, &s, &e), &e, HF_ECONFIG);
	CHECK_FAIL(open_stream("-", "a/b", &s, &e), &e, HF_ECONFIG);
	CHECK_FAIL(open_stream("-", "..", &s, &e), &e, HF_ECONFIG);
	CHECK(e.hint[0] != '\0' && s == NULL);
}

TEST(stream__survives_running_out_of_memory)
{
	struct err e = ERR_INIT;
	int rc;

	TEST_TORTURE (n) {
		CLEANUP(freep_params) struct params *p = NULL;
		CLEANUP(freep_source) struct source *s = NULL;
		CLEANUP(freep_record) struct record r;

		record_init(&r);
		CHECK_OK(params_new(&p, &e), &e);
		CHECK_OK(params_add(p, "type", "stream", &e), &e);
		CHECK_OK(params_add(p, "command", "exec:echo x", &e), &e);
		test_malloc_fail(n);
		if ((rc = source_open(drivers, p, &s, &e)) == 0)
			rc = source_read(s, &r.sink, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM && no_children());
	}
	test_malloc_fail(0);
	CHECK_OK(rc, &e);
}
