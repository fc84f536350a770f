#include <inttypes.h>

#include "base/err.h"
#include "base/limit.h"
#include "base/size.h"

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
