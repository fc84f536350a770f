#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/time.h"

#define DAY_MS INT64_C(86400000)

static int64_t
clock_ms(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
time_now_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

int64_t
time_mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

/* Split ${ms} into the calendar and the milliseconds left over. */
static int
split(int64_t ms, struct tm *tm)
{
	int64_t rest = ms % 1000;
	time_t s = (time_t)(ms / 1000);

	/* Division rounds towards zero; time before 1970 must round down. */
	if (rest < 0) {
		rest += 1000;
		s--;
	}
	if (gmtime_r(&s, tm) == NULL)
		*tm = (struct tm){ .tm_mday = 1, .tm_year = 70 };
	return (int)rest;
}

char *
time_format(int64_t ms, char *to)
{
	struct tm tm;
	int rest = split(ms, &tm);
	int n;

	n = snprintf(to, TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
	if (rest > 0)
		(void)snprintf(
		    to + n, TIME_TEXT_MAX - (size_t)n, ".%03dZ", rest);
	else
		(void)snprintf(to + n, TIME_TEXT_MAX - (size_t)n, "Z");
	return to;
}

char *
time_stamp(int64_t ms, char *to)
{
	struct tm tm;

	(void)split(ms, &tm);
	(void)snprintf(to, TIME_TEXT_MAX, "%04d%02d%02dT%02d%02d%02dZ",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
	return to;
}

/* Read exactly ${n} digits at ${*s} and step over them. */
static bool
digits(const char **s, int n, int *ret)
{
	int v = 0;

	while (n-- > 0) {
		if (!isdigit((unsigned char)**s))
			return false;
		v = v * 10 + (*(*s)++ - '0');
	}
	*ret = v;
	return true;
}

static bool
literal(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static bool
parse_date(const char **s, struct tm *tm)
{
	if (!digits(s, 4, &tm->tm_year) || !literal(s, '-') ||
	    !digits(s, 2, &tm->tm_mon) || !literal(s, '-') ||
	    !digits(s, 2, &tm->tm_mday))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	return true;
}

/* ":30" or ":30.123": digits behind the third are read and dropped. */
static bool
parse_seconds(const char **s, struct tm *tm, int *ms)
{
	int weight = 100;

	if (!literal(s, ':'))
		return true;
	if (!digits(s, 2, &tm->tm_sec))
		return false;
	if (!literal(s, '.'))
		return true;
	if (!isdigit((unsigned char)**s))
		return false;
	for (; isdigit((unsigned char)**s); (*s)++, weight /= 10)
		*ms += (**s - '0') * weight;
	return true;
}

/* "Z", "+01:00": minutes east of Greenwich. */
static bool
parse_zone(const char **s, int *minutes)
{
	int h, m, sign = **s == '-' ? -1 : 1;

	*minutes = 0;
	if (literal(s, 'Z') || literal(s, 'z'))
		return true;
	if (!literal(s, '+') && !literal(s, '-'))
		return false;
	if (!digits(s, 2, &h) || !literal(s, ':') || !digits(s, 2, &m) ||
	    h > 23 || m > 59)
		return false;
	*minutes = sign * (h * 60 + m);
	return true;
}

/* Turn ${tm} into seconds; false if there is no such day or time of day. */
static bool
join(const struct tm *tm, int64_t *s)
{
	struct tm t = *tm;

	/* timegm turns February 30 into March 2, which was not meant. */
	*s = (int64_t)timegm(&t);
	return t.tm_year == tm->tm_year && t.tm_mon == tm->tm_mon &&
	       t.tm_mday == tm->tm_mday && t.tm_hour == tm->tm_hour &&
	       t.tm_min == tm->tm_min && t.tm_sec == tm->tm_sec;
}

static bool
parse_time(const char *s, int64_t *ret)
{
	struct tm tm = { 0 };
	int ms = 0, zone = 0;
	int64_t sec;

	if (!parse_date(&s, &tm))
		return false;
	if (*s != '\0' &&
	    ((!literal(&s, 'T') && !literal(&s, 't') && !literal(&s, ' ')) ||
		!digits(&s, 2, &tm.tm_hour) || !literal(&s, ':') ||
		!digits(&s, 2, &tm.tm_min) || !parse_seconds(&s, &tm, &ms) ||
		!parse_zone(&s, &zone)))
		return false;
	if (*s != '\0' || !join(&tm, &sec))
		return false;
	*ret = (sec - (int64_t)zone * 60) * 1000 + ms;
	return true;
}

int
time_parse(const char *s, int64_t *ms, struct err *err)
{
	if (parse_time(s, ms))
		return 0;
	(void)err_set(err, HF_EUSAGE, "'%.64s' is not a time", s);
	return err_hint(err, "write it like 2026-11-20T10:00Z");
}

static const struct unit {
	const char *name;
	int64_t ms;
} units[] = {
	{ "y", 365 * DAY_MS },
	{ "w", 7 * DAY_MS },
	{ "d", DAY_MS },
	{ "h", DAY_MS / 24 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};
#define UNITS (sizeof(units) / sizeof(units[0]))

static const struct unit *
unit_of(char c)
{
	size_t i;

	/* All units but "ms", which is accepted but not suggested. */
	for (i = 0; i < UNITS - 1; i++)
		if (units[i].name[0] == c)
			return &units[i];
	return NULL;
}

static bool
parse_duration(const char *s, int64_t *ret)
{
	const int64_t most = 1000 * 365 * DAY_MS;
	const struct unit *u;
	int64_t total = 0, n;

	do {
		if (!isdigit((unsigned char)*s))
			return false;
		for (n = 0; isdigit((unsigned char)*s); s++) {
			n = n * 10 + (*s - '0');
			if (n > most / 1000)
				return false;
		}
		if ((u = unit_of(*s)) == NULL || n > most / u->ms)
			return false;
		total += n * u->ms;
		if (total > most)
			return false;
	} while (*++s != '\0');
	*ret = total;
	return true;
}

int
duration_parse(const char *s, int64_t *ms, struct err *err)
{
	if (parse_duration(s, ms))
		return 0;
	(void)err_set(err, HF_EUSAGE, "'%.64s' is not a duration", s);
	return err_hint(err,
	    "write a number with s, m, h, d, w or y, like 90s, 24h or 15d");
}

char *
duration_format(int64_t ms, char *to)
{
	size_t i = 0;
	int n;

	/* No time at all has no unit: use one that duration_parse accepts. */
	if (ms <= 0)
		return memcpy(to, "0s", sizeof("0s"));
	while (i < UNITS - 1 && ms < units[i].ms)
		i++;
	n = snprintf(to, TIME_TEXT_MAX, "%" PRId64 "%s", ms / units[i].ms,
	    units[i].name);
	/* "2d3h", but "12s" rather than "12s340ms". */
	ms %= units[i].ms;
	if (i + 2 < UNITS && (ms /= units[i + 1].ms) > 0)
		(void)snprintf(to + n, TIME_TEXT_MAX - (size_t)n,
		    "%" PRId64 "%s", ms, units[i + 1].name);
	return to;
}
