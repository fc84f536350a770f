#include <inttypes.h>

#include "base/err.h"
#include "repo/repo_deadline.h"
#include "repo/repo_impl.h"
#include "store/store.h"

#define MARGIN_S 900 /* A request that is under way may take so long. */

int
repo_deadline_check(
    const struct repo *r, int64_t start_ms, int64_t now_ms, struct err *err)
{
	int64_t limit = 1000 * ((int64_t)r->head.deadline_s - MARGIN_S);

	if (now_ms - start_ms <= limit)
		return 0;
	(void)err_set(err, HF_ECLOCK,
	    "the backup began %" PRId64 " s ago by the store's clock, and "
	    "must be committed within %" PRId64 " s",
	    (now_ms - start_ms) / 1000, limit / 1000);
	return err_hint(err, "prune may already have taken what it stored: "
			     "start it again; if it is that large, split "
			     "the source");
}

int
repo_in_time(struct repo *r, const struct repo_manifest *m, struct err *err)
{
	int64_t now;

	if (store_now(r->store, &now, err) < 0)
		return err->code;
	return repo_deadline_check(r, m->start_ms, now, err);
}
