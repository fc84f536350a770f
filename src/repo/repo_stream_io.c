#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/err.h"
#include "repo/repo_stream_io.h"

#define LOOK_UP_MS 200

/*
 * Wait until there is something to read.  Who cancels us cannot end a read(2)
 * that waits for a silent pipe.  So we wait here, and look at the flags from
 * time to time.
 */
static int
wait_for(const struct repo_stream_in *in, struct err *err)
{
	struct pollfd pfd = { .fd = in->fd, .events = POLLIN };
	int n;

	do {
		if ((in->cancel != NULL && *in->cancel != 0) ||
		    (in->stopped != NULL && atomic_load(in->stopped)))
			return err_set(err, HF_EINTR, "asked to stop");
		n = poll(&pfd, 1, LOOK_UP_MS);
	} while (n == 0 || (n < 0 && errno == EINTR));
	return n < 0 ? err_errno(err, errno, "cannot wait for input") : 0;
}

int
repo_stream_read(
    struct repo_stream_in *in, void *p, size_t n, size_t *got, struct err *err)
{
	size_t have = 0;
	ssize_t r;
	int rc;

	while (have < n) {
		if ((rc = wait_for(in, err)) < 0)
			return rc;
		r = read(in->fd, (uint8_t *)p + have, n - have);
		if (r < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (r < 0)
			return err_errno(err, errno, "cannot read");
		if (r == 0)
			break;
		have += (size_t)r;
	}
	in->pos += have;
	*got = have;
	return 0;
}
