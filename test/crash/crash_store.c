#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "crash_store.h"
#include "store/fault/store_fault.h"
#include "store/fs/store_fs.h"
#include "store/store.h"

static const struct {
	const char *word;
	enum store_fault_kind kind;
	unsigned ops;
	bool rest; /* All after the Nth, too. */
} kinds[] = {
	{ "kill:", STORE_FAULT_KILL, STORE_OP_WRITES, false },
	{ "kill-after:", STORE_FAULT_KILL_AFTER, STORE_OP_WRITES, false },
	{ "fail:", STORE_FAULT_FAIL, STORE_OP_WRITES, false },
	{ "full:", STORE_FAULT_FAIL, STORE_OP_WRITES, true },
	{ "lost:", STORE_FAULT_LOST, STORE_OP_WRITES, false },
	{ "drop:", STORE_FAULT_DROP, STORE_OP_WRITES, false },
	{ "flip:", STORE_FAULT_FLIP, STORE_OP_GET, false },
	{ "cut:", STORE_FAULT_CUT, STORE_OP_GET, false },
};

/* What HOLDFAST_FAULT says. */
struct plan {
	struct store_fault fault;
	uint64_t nth; /* 0: nothing. */
	bool rest;
};

static atomic_uint_fast64_t count;

static int
bad_plan(const char *text, struct err *err)
{
	return err_set(
	    err, HF_EUSAGE, "HOLDFAST_FAULT '%s' is not KIND:N[:WORD]", text);
}

static int
code_of(const char *word, enum hf_code *code)
{
	const struct err_class *c;
	int i;

	for (i = 0; (c = err_class_at(i)) != NULL; i++)
		if (strcmp(c->word, word) == 0) {
			*code = c->code;
			return 0;
		}
	return -1;
}

static int
read_plan(struct plan *p, struct err *err)
{
	const char *text = getenv("HOLDFAST_FAULT"), *rest = NULL;
	char *end;
	size_t i;

	*p = (struct plan){ .fault.code = HF_EUNAVAIL };
	if (text == NULL)
		return 0;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((rest = str_has_prefix(text, kinds[i].word)) != NULL)
			break;
	if (rest == NULL)
		return bad_plan(text, err);
	p->fault.kind = kinds[i].kind;
	p->fault.ops = kinds[i].ops;
	p->rest = kinds[i].rest;
	p->fault.times = 1;
	p->nth = strtoull(rest, &end, 10);
	if (p->nth == 0 || (*end != '\0' && *end != ':') ||
	    (*end == ':' && code_of(end + 1, &p->fault.code) < 0))
		return bad_plan(text, err);
	return 0;
}

/* Count, and let the fault hit the operation that is about to be done. */
static int
arm(void *arg, enum store_op op, const char *name, struct err *err)
{
	struct plan p;
	uint64_t n;
	int rc;

	(void)name;
	if ((rc = read_plan(&p, err)) < 0)
		return rc;
	if (!(p.fault.ops & op))
		return 0;
	n = atomic_fetch_add(&count, 1) + 1;
	if (n != p.nth && !(p.rest && n > p.nth))
		return 0;
	return store_fault_add(arg, &p.fault, err);
}

static int
crash_open(const struct params *params, enum store_power power,
    struct store **ret, struct err *err)
{
	CLEANUP(freep_store) struct store *fs = NULL;
	struct store *fault;
	struct plan p;
	int rc;

	if ((rc = read_plan(&p, err)) < 0 ||
	    (rc = store_fs_driver.open(params, power, &fs, err)) < 0 ||
	    (rc = store_fault_new(fs, &fault, err)) < 0)
		return rc;
	(void)TAKE(fs);
	store_fault_hook(fault, arm, fault);
	*ret = fault;
	return 0;
}

const struct store_driver crash_store_driver = {
	.scheme = "file",
	.open = crash_open,
};
