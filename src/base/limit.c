#include <inttypes.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/limit.h"
#include "base/size.h"

#define FIRST_ROOM 16 /* elements */

int
limit_take(struct limit *l, uint64_t n, const char *what, struct err *err)
{
	char max[SIZE_TEXT_MAX];

	if (n <= l->max - l->used) {
		l->used += n;
		return 0;
	}
	(void)err_set(err, HF_ENOSPC, "%s takes more than %s of memory", what,
	    size_format(l->max, max));
	return err_hint(err,
	    "it is very large, or made to exhaust this host: if you trust "
	    "who made it, try again with --memory %" PRIu64 "MiB",
	    4 * (l->max >> 20));
}

void *
limit_grow(struct limit *l, void *v, size_t *cap, size_t size, const char *what,
    struct err *err)
{
	const size_t more = *cap > 0 ? *cap : FIRST_ROOM;
	void *grown;

	if (limit_take(l, (uint64_t)more * size, what, err) < 0)
		return NULL;
	if ((grown = reallocarray(v, *cap + more, size)) == NULL) {
		l->used -= (uint64_t)more * size;
		(void)err_nomem(err);
		return NULL;
	}
	*cap += more;
	return grown;
}
