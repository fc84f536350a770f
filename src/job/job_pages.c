#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "job/job.h"
#include "job/job_pages.h"
#include "source/source_pages.h"

#define PIECE ((size_t)64 << 10) /* bytes */

size_t
job_pages_memory(const struct job *j)
{
	return job_memory(j) / 8 / SOURCE_PAGES_BLOCK * SOURCE_PAGES_BLOCK;
}

int
job_pages_each(const struct job *j, struct source_pages *pages, uint64_t off,
    uint64_t size,
    int (*fn)(void *, uint64_t, const uint8_t *, size_t, struct err *),
    void *arg, struct err *err)
{
	CLEANUP(freep_mem) uint8_t *piece = NULL;
	size_t n;
	int rc;

	if ((piece = malloc(PIECE)) == NULL)
		return err_nomem(err);
	for (; size > 0; off += n, size -= n) {
		n = size < PIECE ? (size_t)size : PIECE;
		if ((rc = job_check(j, err)) < 0 ||
		    (rc = source_pages_read(pages, off, piece, n, err)) < 0 ||
		    (rc = fn(arg, off, piece, n, err)) < 0)
			return rc;
	}
	return 0;
}
