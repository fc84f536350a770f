#include <poll.h>
#include <sodium.h>

#include "base/err.h"
#include "base/time.h"
#include "net/net_policy.h"
#include "net/retry.h"

#define NAP_MS 100 /* How soon a wait notices that it was cancelled. */

uint32_t
retry_longest_ms(const struct retry *r)
{
	uint64_t ms = r->base_ms;
	unsigned i;

	for (i = 1; i < r->done && ms < r->cap_ms; i++)
		ms *= 2;
	return ms < r->cap_ms ? (uint32_t)ms : r->cap_ms;
}

/* Return false if the operator does not want to wait any more. */
static bool
wait_ms(uint32_t ms)
{
	int64_t left, end = time_mono_ms() + ms;

	while (!net_cancelled()) {
		if ((left = end - time_mono_ms()) <= 0)
			return true;
		(void)poll(NULL, 0, left < NAP_MS ? (int)left : NAP_MS);
	}
	return false;
}

bool
retry_wait(struct retry *r, struct err *err)
{
	r->done++;
	if (!err->retry)
		return false;
	if (r->done >= r->tries) {
		(void)err_wrap(err, "gave up after %u tries", r->done);
		return false;
	}
	if (wait_ms(randombytes_uniform(retry_longest_ms(r) + 1)))
		return true;
	(void)err_set(err, HF_EINTR, "stopped while waiting to try again");
	return false;
}
