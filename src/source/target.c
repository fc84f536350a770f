#include <assert.h>

#include "base/err.h"
#include "source/target.h"

/* Give an error of lacking room its remedy: it is always the same. */
static int
checked(int rc, struct err *err)
{
	if (rc == -HF_ENOSPC)
		return err_hint(err,
		    "make room there, or restore to another place; "
		    "what was written so far is removed");
	return rc;
}

int
target_begin(struct target *t, const struct entry *e, struct err *err)
{
	assert(t != NULL && e != NULL && err != NULL);
	return checked(t->ops->begin(t, e, err), err);
}

int
target_write(
    struct target *t, uint64_t off, const uint8_t *p, size_t n, struct err *err)
{
	assert(t != NULL && err != NULL);
	return checked(t->ops->write(t, off, p, n, err), err);
}

int
target_end(struct target *t, const struct entry *e, struct err *err)
{
	assert(t != NULL && e != NULL && err != NULL);
	return checked(t->ops->end(t, e, err), err);
}

int
target_drop(struct target *t, struct err *err)
{
	assert(t != NULL && err != NULL);
	return t->ops->drop(t, err);
}

int
target_finish(struct target *t, struct err *err)
{
	assert(t != NULL && err != NULL);
	return checked(t->ops->finish(t, err), err);
}

void
target_free(struct target *t)
{
	/* As free(NULL) does. */
	if (t == NULL)
		return;
	t->ops->free(t);
}
