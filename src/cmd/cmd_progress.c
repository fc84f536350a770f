#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "base/time.h"
#include "cmd/cmd_progress.h"

bool
progress_due(
    struct progress *p, const char *what, int64_t now_ms, int64_t interval_ms)
{
	/* A changed name starts the clock and the rate anew. */
	if (p->shown_ms == 0 ||
	    strncmp(p->what, what, sizeof(p->what) - 1) != 0) {
		*p = (struct progress){ .start_ms = now_ms, .mark_ms = now_ms };
		(void)snprintf(p->what, sizeof(p->what), "%s", what);
	} else if (now_ms - p->shown_ms < interval_ms)
		return false;
	p->shown_ms = now_ms > 0 ? now_ms : 1;
	return true;
}

void
progress_update(struct progress *p, int64_t now_ms, uint64_t done)
{
	int64_t ms = now_ms - p->mark_ms;
	double rate;

	/* At least half a second: with less, the figure jumps. */
	if (ms < 500 || done < p->mark_done)
		return;
	rate = (double)(done - p->mark_done) * 1000 / (double)ms;
	p->rate = p->rate > 0 ? 0.7 * p->rate + 0.3 * rate : rate;
	p->mark_ms = now_ms;
	p->mark_done = done;
}

char *
progress_text(const struct progress *p, int64_t now_ms, uint64_t done,
    uint64_t total, char *to)
{
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX], t[TIME_TEXT_MAX];
	int n;

#define ADD(...)                                                               \
	n += snprintf(to + n, PROGRESS_TEXT_MAX - (size_t)n, __VA_ARGS__)
	n = snprintf(
	    to, PROGRESS_TEXT_MAX, "%s  %s", p->what, size_format(done, a));
	if (total > 0 && done <= total)
		ADD(" of %s  %u %%", size_format(total, b),
		    (unsigned)((double)done * 100 / (double)total));
	if (p->rate >= 1)
		ADD("  %s/s", size_format((uint64_t)p->rate, a));
	if (p->rate >= 1 && total > done)
		ADD("  %s left",
		    duration_format(
			1000 * (int64_t)((double)(total - done) / p->rate), t));
	else
		ADD("  %s",
		    duration_format((now_ms - p->start_ms) / 1000 * 1000, t));
#undef ADD
	return to;
}
