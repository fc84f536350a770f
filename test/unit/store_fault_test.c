#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/fault/store_fault.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "store/trace/store_trace.h"
#include "test.h"

static struct store *
new_fault(const struct store_fault *fault)
{
	struct store *mem = NULL, *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(store_mem_new(&mem, &e), &e);
	CHECK_OK(store_fault_new(mem, &s, &e), &e);
	if (fault != NULL)
		CHECK_OK(store_fault_add(s, fault, &e), &e);
	return s;
}

static int
put(struct store *s, const char *name, struct err *e)
{
	const struct store_blob blob = { .p = (const uint8_t *)"text",
		.len = 4 };

	return store_put(s, name, &blob, e);
}

static bool
has(struct store *s, const char *name)
{
	struct store_info info;
	struct err e = ERR_INIT;

	return store_head(s, name, &info, &e) == 0;
}

TEST(fail__hits_the_nth_and_stores_nothing)
{
	static const struct store_fault second = { .kind = STORE_FAULT_FAIL,
		.ops = STORE_OP_PUT,
		.nth = 2,
		.times = 1,
		.code = HF_EUNAVAIL };
	CLEANUP(freep_store) struct store *s = new_fault(&second);
	struct err e = ERR_INIT;

	CHECK_OK(put(s, "a", &e), &e);
	CHECK_FAIL(put(s, "b", &e), &e, HF_EUNAVAIL);
	CHECK(e.retry);
	CHECK_OK(put(s, "c", &e), &e);
	CHECK(has(s, "a") && !has(s, "b") && has(s, "c"));
	CHECK(store_fault_count(s, STORE_OP_PUT) == 3);
	CHECK(store_fault_count(s, STORE_OP_ALL) == 6);
}

TEST(fail__hits_all_from_the_nth_until_it_is_taken_back)
{
	static const struct store_fault full = { .kind = STORE_FAULT_FAIL,
		.ops = STORE_OP_WRITES,
		.prefix = "p/",
		.nth = 2,
		.code = HF_ENOSPC };
	CLEANUP(freep_store) struct store *s = new_fault(&full);
	struct err e = ERR_INIT;

	CHECK_OK(put(s, "p/1", &e), &e);
	CHECK_OK(put(s, "q", &e), &e);
	CHECK_FAIL(put(s, "p/2", &e), &e, HF_ENOSPC);
	CHECK_FAIL(put(s, "p/3", &e), &e, HF_ENOSPC);
	store_fault_clear(s);
	CHECK_OK(put(s, "p/4", &e), &e);
}

TEST(lost__stores_and_fails)
{
	static const struct store_fault lost = { .kind = STORE_FAULT_LOST,
		.ops = STORE_OP_PUT,
		.times = 1,
		.code = HF_EUNAVAIL };
	CLEANUP(freep_store) struct store *s = new_fault(&lost);
	struct err e = ERR_INIT;

	CHECK_FAIL(put(s, "a", &e), &e, HF_EUNAVAIL);
	CHECK(has(s, "a"));
	CHECK_FAIL(put(s, "a", &e), &e, HF_EEXISTS);
}

TEST(drop__says_that_it_is_stored)
{
	static const struct store_fault drop = { .kind = STORE_FAULT_DROP,
		.ops = STORE_OP_PUT | STORE_OP_GET,
		.prefix = "a" };
	CLEANUP(freep_store) struct store *s = new_fault(&drop);
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(put(s, "a", &e), &e);
	CHECK_OK(put(s, "b", &e), &e);
	CHECK(!has(s, "a") && has(s, "b"));
	store_fault_clear(s);
	CHECK_OK(put(s, "a", &e), &e);
	CHECK_OK(store_fault_add(s, &drop, &e), &e);
	CHECK_FAIL(store_get(s, "a", 9, &b, &e), &e, HF_ENOTFOUND);
}

TEST(flip_and_cut__change_what_get_gives)
{
	static const struct store_fault flip = {
		.kind = STORE_FAULT_FLIP, .ops = STORE_OP_GET, .value = 8
	};
	static const struct store_fault cut = { .kind = STORE_FAULT_CUT,
		.ops = STORE_OP_GET };
	CLEANUP(freep_store) struct store *s = new_fault(&flip);
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(put(s, "a", &e), &e);
	CHECK_OK(store_get(s, "a", 9, &b, &e), &e);
	CHECK(b.len == 4 && memcmp(b.p, "tdxt", 4) == 0);
	store_fault_clear(s);
	CHECK_OK(store_fault_add(s, &cut, &e), &e);
	CHECK_OK(store_get(s, "a", 9, &b, &e), &e);
	CHECK(b.len == 6 && memcmp(b.p, "tdxtte", 6) == 0);
}

TEST(clock__stamps_objects_ahead)
{
	CLEANUP(freep_store) struct store *mem = NULL;
	CLEANUP(freep_store) struct store *s = NULL;
	struct store_info info;
	struct err e = ERR_INIT;
	int64_t ms;

	CHECK_OK(store_mem_new(&mem, &e), &e);
	store_mem_set_time(mem, 5000);
	CHECK_OK(store_fault_new(mem, &s, &e), &e);
	(void)TAKE(mem);
	store_fault_clock(s, 1000);
	CHECK_OK(put(s, "a", &e), &e);
	CHECK_OK(store_now(s, &ms, &e), &e);
	CHECK_OK(store_head(s, "a", &info, &e), &e);
	CHECK(ms == 6000 && info.mtime_ms == 6000);
}

static int
status_of_child(struct store *s)
{
	struct err e = ERR_INIT;
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		(void)put(s, "a", &e);
		(void)put(s, "b", &e);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

TEST(kill__ends_the_process_at_the_nth)
{
	static const struct store_fault second = {
		.kind = STORE_FAULT_KILL, .ops = STORE_OP_PUT, .nth = 2
	};
	static const struct store_fault third = {
		.kind = STORE_FAULT_KILL_AFTER, .ops = STORE_OP_PUT, .nth = 3
	};
	CLEANUP(freep_store) struct store *s = new_fault(&second);
	CLEANUP(freep_store) struct store *s3 = new_fault(&third);

	CHECK(status_of_child(s) == STORE_FAULT_KILLED);
	CHECK(status_of_child(s3) == 0);
}

static int
refuse_b(void *arg, enum store_op op, const char *name, struct err *e)
{
	*(unsigned *)arg |= op;
	if (name != NULL && strcmp(name, "b") == 0)
		return err_set(e, HF_EINTR, "not b");
	return 0;
}

TEST(hook__sees_each_operation_and_may_refuse_it)
{
	CLEANUP(freep_store) struct store *s = new_fault(NULL);
	struct err e = ERR_INIT;
	unsigned seen = 0;

	store_fault_hook(s, refuse_b, &seen);
	CHECK_OK(put(s, "a", &e), &e);
	CHECK_FAIL(put(s, "b", &e), &e, HF_EINTR);
	CHECK_OK(store_probe(s, STORE_READ, &e), &e);
	CHECK(seen == (STORE_OP_PUT | STORE_OP_PROBE));
}

TEST(trace__keeps_what_happened_in_order)
{
	static const struct store_fault full = { .kind = STORE_FAULT_FAIL,
		.ops = STORE_OP_PUT,
		.nth = 2,
		.code = HF_ENOSPC };
	CLEANUP(freep_store) struct store *fault = new_fault(&full);
	CLEANUP(freep_store) struct store *s = NULL;
	CLEANUP(freep_mem) char *text = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(store_trace_new(fault, NULL, NULL, &s, &e), &e);
	(void)TAKE(fault);
	CHECK_OK(put(s, "a", &e), &e);
	CHECK_FAIL(put(s, "b", &e), &e, HF_ENOSPC);
	CHECK(!has(s, "b"));
	CHECK((text = store_trace_text(s)) != NULL);
	CHECK_STR(text, "put a\nput a ok\nput b\nput b no-space\n"
			"head b\nhead b not-found\n");
}

static void
add_len(void *arg, const struct store_event *e)
{
	*(size_t *)arg += e->done ? e->len : 0;
}

TEST(trace__tells_a_listener)
{
	struct store *mem = NULL;
	CLEANUP(freep_store) struct store *s = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	size_t bytes = 0;

	CHECK_OK(store_mem_new(&mem, &e), &e);
	CHECK_OK(store_trace_new(mem, add_len, &bytes, &s, &e), &e);
	CHECK_OK(put(s, "a", &e), &e);
	CHECK(bytes == 4);
	CHECK_OK(store_get_range(s, "a", 1, 2, &b, &e), &e);
	CHECK(bytes == 6);
}
