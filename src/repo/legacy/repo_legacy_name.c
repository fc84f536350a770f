#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "repo/legacy/repo_legacy.h"
#include "store/store.h"

#define STAMP_MAX 25 /* "2026-11-20T10:00:00-05:00" */

static const char *const suffixes[] = {
	[REPO_LEGACY_KEY] = ".key",
	[REPO_LEGACY_DUMP] = ".dump",
};

int
repo_legacy_prefix_ok(const char *prefix, struct err *err)
{
	char name[REPO_LEGACY_NAME_MAX];
	int n;

	n = snprintf(
	    name, sizeof(name), "%s-2000-01-01T00:00:00-00:00.dump", prefix);
	if (prefix[0] != '\0' && n < (int)sizeof(name) && store_name_ok(name))
		return 0;
	(void)err_set(
	    err, HF_ECONFIG, "'%.64s' cannot begin an object's name", prefix);
	return err_hint(err,
	    "it may have letters, digits and _.-:=,@!$%%&'()*; and single '/' "
	    "between them");
}

char *
repo_legacy_name(const char *prefix, int64_t ms, enum repo_legacy_kind kind,
    char to[REPO_LEGACY_NAME_MAX])
{
	char stamp[TIME_TEXT_MAX];

	(void)snprintf(to, REPO_LEGACY_NAME_MAX, "%s-%s%s", prefix,
	    time_format(ms / 1000 * 1000, stamp), suffixes[kind]);
	return to;
}

/* "2026-11-20T10:00:00Z" or with an offset, in exactly this shape. */
static bool
parse_stamp(const char *s, size_t n, int64_t *ms)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd";
	struct err ignored = ERR_INIT;
	char text[STAMP_MAX + 1];
	size_t i;

	if (n > STAMP_MAX || n <= sizeof(shape) - 1)
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	for (i = 0; shape[i] != '\0'; i++)
		if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9'
				    : text[i] != shape[i])
			return false;
	/*
	 * time_parse also accepts a fraction and a small 'z'; this format has
	 * neither.
	 */
	if (strcmp(text + i, "Z") != 0 && text[i] != '-' && text[i] != '+')
		return false;
	return time_parse(text, ms, &ignored) == 0;
}

bool
repo_legacy_name_parse(const char *prefix, const char *name, int64_t *ms,
    enum repo_legacy_kind *kind)
{
	const char *rest = str_has_prefix(name, prefix);
	size_t n, len;
	unsigned k;

	if (rest == NULL || *rest++ != '-')
		return false;
	n = strlen(rest);
	for (k = 0; k < 2; k++) {
		len = strlen(suffixes[k]);
		if (n < len || strcmp(rest + n - len, suffixes[k]) != 0)
			continue;
		*kind = (enum repo_legacy_kind)k;
		return parse_stamp(rest, n - len, ms);
	}
	return false;
}

char *
repo_legacy_object(const struct repo_legacy_entry *e,
    enum repo_legacy_kind kind, char to[REPO_LEGACY_NAME_MAX])
{
	(void)snprintf(
	    to, REPO_LEGACY_NAME_MAX, "%s%s", e->stem, suffixes[kind]);
	return to;
}
