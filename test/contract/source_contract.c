#include "source_contract.h"
#include "base/entry.h"
#include "source_record.h"
#include "test.h"

/* Read anew; what ${r} was set up with (lend, stop, fail) applies. */
static int
read_anew(struct source *(*open)(void *), void *arg, struct record *r,
    struct err *err)
{
	CLEANUP(freep_source) struct source *s = open(arg);

	return source_read(s, &r->sink, err);
}

/* Is there a folder for ${path} among the entries before ${n}? */
static bool
has_parent(const struct record *r, size_t n, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) : 0, i;

	if (slash == NULL)
		return true;
	for (i = 0; i < n; i++)
		if (r->v[i].e.type == ENTRY_DIR &&
		    strlen(r->v[i].e.path) == len &&
		    memcmp(r->v[i].e.path, path, len) == 0)
			return true;
	return false;
}

static void
entries_ascend_and_parents_come_first(const struct record *r)
{
	size_t i;

	CHECK(r->n > 0);
	for (i = 0; i < r->n; i++) {
		const char *path = r->v[i].e.path;

		CHECK(entry_path_ok(path));
		CHECK(has_parent(r, i, path));
		CHECK(i == 0 || entry_path_cmp(r->v[i - 1].e.path, path) < 0);
	}
}

/* However little the sink lends at a time, the bytes are the same. */
static void
data_does_not_depend_on_the_room(
    const struct record *a, struct source *(*open)(void *), void *arg)
{
	CLEANUP(freep_record) struct record b;
	struct err e = ERR_INIT;
	size_t i;

	record_init(&b);
	b.lend = 3;
	CHECK_OK(read_anew(open, arg, &b, &e), &e);
	CHECK(a->n == b.n);
	for (i = 0; i < a->n; i++) {
		CHECK_STR(a->v[i].e.path, b.v[i].e.path);
		CHECK(a->v[i].data.len == b.v[i].data.len);
		CHECK(a->v[i].data.len == 0 ||
		      memcmp(a->v[i].data.p, b.v[i].data.p, b.v[i].data.len) ==
			  0);
	}
}

static void
errors_of_the_sink_end_it(struct source *(*open)(void *), void *arg)
{
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;

	record_init(&r);
	r.lend = 3;
	r.fail_after = 5;
	CHECK_FAIL(read_anew(open, arg, &r, &e), &e, HF_ENOSPC);
	record_clear(&r);
	r.stop_after = 1;
	CHECK_FAIL(read_anew(open, arg, &r, &e), &e, HF_EINTR);
}

static void
probing_reads_nothing_and_changes_nothing(
    struct source *(*open)(void *), void *arg)
{
	CLEANUP(freep_source) struct source *s = open(arg);
	struct err e = ERR_INIT;

	CHECK_OK(source_probe(s, &e), &e);
	CHECK(e.code == 0 && s->label[0] != '\0');
}

void
source_contract_run(struct source *(*open)(void *), void *arg)
{
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;

	record_init(&r);
	probing_reads_nothing_and_changes_nothing(open, arg);
	CHECK_OK(read_anew(open, arg, &r, &e), &e);
	CHECK(r.total >= 8 && r.nwarnings == 0);
	entries_ascend_and_parents_come_first(&r);
	data_does_not_depend_on_the_room(&r, open, arg);
	errors_of_the_sink_end_it(open, arg);
}
