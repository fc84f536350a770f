#include <assert.h>

#include "base/err.h"
#include "source/target.h"

int
target_begin(struct target *t, const struct entry *e, struct err *err)
{
	assert(t != NULL && e != NULL && err != NULL);
	return t->ops->begin(t, e, err);
}

int
target_write(struct target *t, uint64_t off, const uint8_t *p, size_t n,
    struct err *err)
{
	assert(t != NULL && err != NULL);
	return t->ops->write(t, off, p, n, err);
}

int
target_end(struct target *t, const struct entry *e, struct err *err)
{
	assert(t != NULL && e != NULL && err != NULL);
	return t->ops->end(t, e, err);
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
	return t->ops->finish(t, err);
}

void
target_free(struct target *t)
{
	/* Behave consistently with free(NULL). */
	if (t == NULL)
		return;
	t->ops->free(t);
}
