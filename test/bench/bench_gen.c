#include <stdio.h>
#include <stdlib.h>

#include "bench_data.h"

/* bench_gen MIB: write so much of bench_data.h to standard output. */
int
main(int argc, char *argv[])
{
	static uint8_t buf[1 << 20];
	struct bench_data d;
	long mib = argc == 2 ? strtol(argv[1], NULL, 10) : 0;

	if (mib <= 0) {
		(void)fprintf(stderr, "usage: bench_gen MIB > FILE\n");
		return 2;
	}
	bench_data_init(&d);
	for (; mib > 0; mib--) {
		bench_data_fill(&d, buf, sizeof(buf));
		if (fwrite(buf, 1, sizeof(buf), stdout) != sizeof(buf))
			return 1;
	}
	return fflush(stdout) != 0;
}
