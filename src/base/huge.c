#include <stdlib.h>
#include <sys/mman.h>

#include "base/huge.h"

#define PAGE ((size_t)4 << 10)
#define HUGE_PAGE ((size_t)2 << 20) /* Of x86-64, and mostly of arm64. */

void *
huge_alloc(size_t n)
{
	const size_t align = n < HUGE_PAGE ? PAGE : HUGE_PAGE;
	void *p;

	if (posix_memalign(&p, align, n) != 0)
		return NULL;
	/*
	 * This is only a wish: a kernel without huge pages, or short of them,
	 * ignores it.
	 */
	if (n >= HUGE_PAGE)
		(void)madvise(p, n - n % HUGE_PAGE, MADV_HUGEPAGE);
	return p;
}
