#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "fuzz.h"
#include "repo/repo_cache.h"
#include "repo/repo_listing.h"

/*
 * A file of copies.  Whatever is in it: a copy that is found has the listed
 * length, and can be read; one is added; and who opens the file again finds it.
 */
static const char *
folder(void)
{
	static char dir[] = "/tmp/repo-cache-fuzz-XXXXXX", *made;

	if (made == NULL)
		MUST((made = mkdtemp(dir)) != NULL);
	return made;
}

static void
look(bool again)
{
	static char one[] = "s/one", two[] = "s/two";
	static const uint8_t vault[REPO_ID_LEN];
	struct repo_listed v[2] = { { .name = one, .len = 5 },
		{ .name = two, .len = 7 } };
	struct repo_listing l = { v, 2 };
	struct repo_listing *const all[] = { &l };
	CLEANUP(freep_repo_cache) struct repo_cache *c = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	size_t i;

	MUST((c = repo_cache_open(folder(), vault, 1u << 20)) != NULL);
	repo_cache_look(c, all, 1);
	for (i = 0; i < 2; i++) {
		b.len = 0;
		MUST(v[i].copy == 0 ||
		     repo_cache_get(c, v[i].copy, (size_t)v[i].len, &b));
		MUST(b.len == 0 || b.len == v[i].len);
	}
	MUST(!again || (v[0].copy != 0 && v[1].copy != 0));
	for (i = 0; i < 2 && !again; i++) {
		b.len = 0;
		MUST(buf_add(&b, "1234567", (size_t)v[i].len, &err) == 0);
		repo_cache_add(c, &v[i], &b);
	}
	repo_cache_settle(c, all, 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct err err = ERR_INIT;
	char path[64];

	if (n > 1u << 19)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/cache", folder());
	MUST(file_replace(path, 0600, p, n, &err) == 0);
	look(false);
	look(true);
	return 0;
}
