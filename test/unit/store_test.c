#include "base/buf.h"
#include "base/params.h"
#include "store/fault/store_fault.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"

/* The calls in front of every driver, against drivers that do wrong. */

static struct store *
new_fault(void)
{
	struct store *mem = NULL, *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(store_mem_new(&mem, &e), &e);
	CHECK_OK(store_fault_new(mem, &s, &e), &e);
	return s;
}

static void
put_text(struct store *s, const char *name, const char *text)
{
	const struct store_blob blob = { .p = (const uint8_t *)text,
		.len = strlen(text) };
	struct err e = ERR_INIT;

	CHECK_OK(store_put(s, name, &blob, &e), &e);
}

TEST(get_range__never_gives_fewer_bytes_with_success)
{
	static const struct store_fault cut = { .kind = STORE_FAULT_CUT,
		.ops = STORE_OP_GET };
	CLEANUP(freep_store) struct store *s = new_fault();
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	put_text(s, "a", "0123456789");
	CHECK_OK(store_fault_add(s, &cut, &e), &e);
	CHECK_FAIL(store_get_range(s, "a", 2, 4, &b, &e), &e, HF_ECORRUPT);
	CHECK(b.len == 0);
}

/* A driver whose listing is whatever the test says. */
static const char *const *lies;

static int
lie_list(struct store *s, const char *prefix, store_list_fn *fn, void *arg,
    struct err *e)
{
	struct store_info info = { .len = 1 };
	int i, rc;

	(void)s, (void)prefix;
	for (i = 0; lies[i] != NULL; i++) {
		info.name = lies[i];
		if ((rc = fn(arg, &info, e)) < 0)
			return rc;
	}
	return 0;
}

static int
count(void *arg, const struct store_info *info, struct err *e)
{
	(void)info, (void)e;
	++*(int *)arg;
	return 0;
}

TEST(list__refuses_what_is_out_of_order_or_elsewhere)
{
	static const struct store_ops ops = { .name = "lie", .list = lie_list };
	static const char *const order[] = { "p/b", "p/a", NULL };
	static const char *const twice[] = { "p/a", "p/a", NULL };
	static const char *const elsewhere[] = { "p/a", "q", NULL };
	static const char *const strange[] = { "p/", "p/../x", "p/a b", "p/a",
		"", NULL };
	struct store s = { .ops = &ops, .power = STORE_READ };
	struct err e = ERR_INIT;
	int n = 0;

	lies = order;
	CHECK_FAIL(store_list(&s, "p/", count, &n, &e), &e, HF_ECORRUPT);
	lies = twice;
	CHECK_FAIL(store_list(&s, "p/", count, &n, &e), &e, HF_ECORRUPT);
	lies = elsewhere;
	CHECK_FAIL(store_list(&s, "p/", count, &n, &e), &e, HF_ECORRUPT);
	n = 0;
	lies = strange;
	CHECK_OK(store_list(&s, "p/", count, &n, &e), &e);
	CHECK(n == 1);
}

TEST(write_only_store__cannot_be_read_nor_deleted_from)
{
	static const struct store_ops ops = { .name = "presigned",
		.caps = STORE_CAP_WRITE_ONLY };
	struct store s = { .ops = &ops, .power = STORE_READ | STORE_WRITE };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct store_eraser *er = NULL;
	struct store_info info;
	struct err e = ERR_INIT;
	int n = 0;

	CHECK_FAIL(store_get(&s, "a", 1, &b, &e), &e, HF_EDENIED);
	CHECK_FAIL(store_get_range(&s, "a", 0, 1, &b, &e), &e, HF_EDENIED);
	CHECK_FAIL(store_head(&s, "a", &info, &e), &e, HF_EDENIED);
	CHECK_FAIL(store_list(&s, "", count, &n, &e), &e, HF_EDENIED);
	CHECK_FAIL(store_probe(&s, STORE_READ, &e), &e, HF_EDENIED);
	CHECK_FAIL(store_eraser_new(&s, &er, &e), &e, HF_EDENIED);
}

static int
open_mem(const struct params *p, enum store_power power, struct store **ret,
    struct err *e)
{
	int rc;

	(void)p;
	if ((rc = store_mem_new(ret, e)) == 0)
		(*ret)->power = power;
	return rc;
}

static int
open_url(
    const char *url, enum store_power power, struct store **ret, struct err *e)
{
	static const struct store_driver one = { "one", open_mem };
	static const struct store_driver two = { "two", open_mem };
	static const struct store_driver *const drivers[] = { &one, &two,
		NULL };
	CLEANUP(freep_params) struct params *p = NULL;

	CHECK_OK(params_new(&p, e), e);
	if (url != NULL)
		CHECK_OK(params_set(p, "url", url, e), e);
	return store_open(drivers, p, power, ret, e);
}

TEST(open__finds_the_driver_by_the_scheme)
{
	CLEANUP(freep_store) struct store *s = NULL;
	struct store *none = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(open_url("two://x", STORE_READ, &s, &e), &e);
	CHECK(s != NULL && s->power == STORE_READ);
	CHECK_FAIL(open_url("three:x", 1, &none, &e), &e, HF_EUSAGE);
	CHECK(strstr(e.hint, "one:, two:") != NULL);
	CHECK_FAIL(open_url("twofold:x", 1, &none, &e), &e, HF_EUSAGE);
	CHECK_FAIL(open_url("two", 1, &none, &e), &e, HF_EUSAGE);
	CHECK_FAIL(open_url("", 1, &none, &e), &e, HF_EUSAGE);
	CHECK_FAIL(open_url(NULL, 1, &none, &e), &e, HF_EUSAGE);
	CHECK_FAIL(open_url("two:x", 0, &none, &e), &e, HF_EBUG);
	CHECK_FAIL(open_url("two:x", 4, &none, &e), &e, HF_EBUG);
	CHECK(none == NULL);
}
