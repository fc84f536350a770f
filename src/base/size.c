#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/size.h"

static const char letters[] = "KMGTP";

/* The value of the unit at ${s}, which must end there; 0 if it is none. */
static uint64_t
unit_of(const char *s)
{
	uint64_t base = 1024, unit = 1;
	const char *at;

	if (*s == '\0' || strcasecmp(s, "b") == 0)
		return 1;
	if ((at = strchr(letters, toupper((unsigned char)*s))) == NULL)
		return 0;
	if (strcasecmp(s + 1, "b") == 0)
		base = 1000;
	else if (s[1] != '\0' && strcasecmp(s + 1, "ib") != 0)
		return 0;
	for (; at >= letters; at--)
		unit *= base;
	return unit;
}

static bool
parse(const char *s, uint64_t *ret)
{
	/* 19 digits of whole and 9 of fraction fit 128 bits with any unit. */
	unsigned __int128 v = 0, scale = 1;
	uint64_t unit;
	int n = 0;

	for (; isdigit((unsigned char)*s); s++, n++) {
		if (n == 19)
			return false;
		v = v * 10 + (unsigned)(*s - '0');
	}
	if (n == 0)
		return false;
	if (*s == '.') {
		for (s++, n = 0; isdigit((unsigned char)*s); s++, n++) {
			if (n == 9)
				return false;
			v = v * 10 + (unsigned)(*s - '0');
			scale *= 10;
		}
		if (n == 0)
			return false;
	}
	while (*s == ' ')
		s++;
	if ((unit = unit_of(s)) == 0 || v > INT64_MAX * scale / unit)
		return false;
	*ret = (uint64_t)(v * unit / scale);
	return true;
}

int
size_parse(const char *s, uint64_t *bytes, struct err *err)
{
	if (parse(s, bytes))
		return 0;
	(void)err_set(err, HF_EUSAGE, "'%.64s' is not a size", s);
	return err_hint(err, "write it like 4096, 96MiB or 1.5G");
}

char *
size_format(uint64_t bytes, char *to)
{
	uint64_t unit = 1, tenths;
	size_t i = 0;

	if (bytes < 1024) {
		(void)snprintf(to, SIZE_TEXT_MAX, "%" PRIu64 " B", bytes);
		return to;
	}
	for (; i < sizeof(letters) - 1 && bytes / unit >= 1024; i++)
		unit *= 1024;
	/* 1023.96 KiB rounds to 1024.0 KiB: say 1.0 MiB. */
	tenths = (uint64_t)(((unsigned __int128)bytes * 10 + unit / 2) / unit);
	if (tenths >= 10240 && i < sizeof(letters) - 1) {
		tenths = 10;
		i++;
	}
	if (tenths < 1000)
		(void)snprintf(to, SIZE_TEXT_MAX, "%" PRIu64 ".%u %ciB",
		    tenths / 10, (unsigned)(tenths % 10), letters[i - 1]);
	else
		(void)snprintf(to, SIZE_TEXT_MAX, "%" PRIu64 " %ciB",
		    (tenths + 5) / 10, letters[i - 1]);
	return to;
}
