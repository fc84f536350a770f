#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "fuzz.h"

/*
 * Replay a corpus without libFuzzer: every file of the folders named, each
 * also cut at every length and with every byte inverted.
 */

#define INPUT_MAX (1 << 20)   /* bytes */
#define CHANGED_MAX (4 << 10) /* longer inputs are replayed as they are */

/* Hand over a copy of exactly that size, so that ASan sees its end. */
static void
run(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n == 0 ? 1 : n);

	MUST(copy != NULL);
	if (n > 0)
		memcpy(copy, p, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static void
run_changed(uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		run(p, i);
		p[i] ^= 0xff;
		run(p, n);
		p[i] ^= 0xff;
	}
}

static int
run_folder(const char *path)
{
	const struct dirent *e;
	DIR *d = opendir(path);
	int n = 0;

	if (d == NULL)
		return 0;
	while ((e = readdir(d)) != NULL) {
		CLEANUP(freep_buf) struct buf b = BUF_INIT;
		struct err err = ERR_INIT;
		char name[4096];

		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (file_read(name, INPUT_MAX, &b, &err) < 0) {
			(void)fprintf(stderr, "%s\n", err.msg);
			continue;
		}
		run(b.p, b.len);
		if (b.len <= CHANGED_MAX)
			run_changed(b.p, b.len);
		n++;
	}
	(void)closedir(d);
	return n;
}

int
main(int argc, char *argv[])
{
	int i, n = 0;

	for (i = 1; i < argc; i++)
		n += run_folder(argv[i]);
	printf("%d inputs\n", n);
	/* A corpus that is not there tests nothing. */
	return n == 0;
}
