#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "base/file.h"
#include "test_memory.h"

static uint8_t page[4096]; /* What is looked at: no place to look at. */

static int
in_page(const uint8_t *masked, size_t n)
{
	int found = 0;
	size_t i, k;

	for (i = 0; i + n <= sizeof(page); i++) {
		for (k = 0; k < n; k++)
			if (page[i + k] != (masked[k] ^ TEST_MEMORY_MASK))
				break;
		found += k == n;
	}
	return found;
}

static int
in_range(int mem, uintptr_t from, uintptr_t to, const uint8_t *masked, size_t n)
{
	const uintptr_t own = (uintptr_t)page;
	int found = 0;

	for (; from < to; from += sizeof(page)) {
		if (from + sizeof(page) > own && from < own + sizeof(page))
			continue;
		if (pread(mem, page, sizeof(page), (off_t)from) !=
		    (ssize_t)sizeof(page))
			break; /* A guard page, or the kernel's. */
		found += in_page(masked, n);
	}
	return found;
}

int
test_memory_count(const uint8_t *masked, size_t n)
{
	CLEANUP(freep_fd) int mem = open("/proc/self/mem", O_RDONLY);
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	char line[512], mode[5];
	int found = 0;

	CHECK(mem >= 0 && maps != NULL);
	while (fgets(line, sizeof(line), maps) != NULL)
		if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) == 3 &&
		    mode[0] == 'r')
			found += in_range(mem, from, to, masked, n);
	(void)fclose(maps);
	memset(page, 0, sizeof(page));
	return found;
}

void
test_memory_mask(uint8_t *masked, const void *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		masked[i] = ((const uint8_t *)p)[i] ^ TEST_MEMORY_MASK;
}
