#include <string.h>

#include "base/err.h"
#include "crypto/secret.h"
#include "fuzz.h"
#include "repo/legacy/repo_legacy.h"

/*
 * The objects of etcd-backup as somebody left them.  The first byte says what
 * the rest is: 'n' a name, 'm' a master key's file, 'k' a key object, 'p' a
 * plain dump, else an encrypted one under a key of zeroes.
 */

static int
swallow(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	(void)p, (void)err;
	*(uint64_t *)arg += n;
	return 0;
}

static void
open_dump(const struct secret *key, const uint8_t *p, size_t n)
{
	CLEANUP(freep_repo_legacy_open) struct repo_legacy_open *o = NULL;
	struct repo_legacy_whole w = { .size = 0 };
	uint64_t out = 0;
	const struct repo_legacy_out to = { swallow, &out };
	struct err err = ERR_INIT;
	int64_t ms = n >= 8 ? repo_legacy_nonce_time(p) : 0;
	size_t step = n > 2 ? n / 2 : 1;
	int rc = 0;

	MUST(repo_legacy_open_new(key, ms, &to, &o, &err) == 0);
	for (; n > 0 && rc == 0; p += step, n -= step) {
		step = step < n ? step : n;
		rc = repo_legacy_open_feed(o, p, step, &err);
	}
	if (rc == 0)
		rc = repo_legacy_open_finish(o, &w, &err);
	MUST(rc == 0 || (rc == -HF_ECORRUPT && err.msg[0] != '\0'));
	MUST(rc != 0 || (w.size == out && w.size % 512 == 32));
}

static void
name(const uint8_t *p, size_t n)
{
	char text[600], again[REPO_LEGACY_NAME_MAX];
	enum repo_legacy_kind kind;
	int64_t ms;

	n = n < sizeof(text) - 1 ? n : sizeof(text) - 1;
	memcpy(text, p, n);
	text[n] = '\0';
	if (!repo_legacy_name_parse("b", text, &ms, &kind))
		return;
	MUST(ms % 1000 == 0);
	(void)repo_legacy_name("b", ms, kind, again);
	MUST(strstr(text, "Z.") == NULL || strcmp(text, again) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	CLEANUP(freep_secret) struct secret *key = NULL;
	CLEANUP(freep_secret) struct secret *got = NULL;
	struct err err = ERR_INIT;

	MUST(secret_new(32, &key, &err) == 0);
	if (n == 0)
		return 0;
	switch (*p) {
	case 'n':
		name(p + 1, n - 1);
		break;
	case 'm':
		if (repo_legacy_master_parse(p + 1, n - 1, &got, &err) < 0)
			MUST(err.code == -HF_ECONFIG);
		break;
	case 'k':
		if (repo_legacy_unwrap(key, p + 1, n - 1, &got, &err) < 0)
			MUST(err.code == -HF_EKEY || err.code == -HF_ECORRUPT);
		break;
	case 'p':
		open_dump(NULL, p + 1, n - 1);
		break;
	default:
		open_dump(key, p, n);
		break;
	}
	return 0;
}
