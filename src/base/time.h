#ifndef BASE_TIME_H_
#define BASE_TIME_H_

#include <stdint.h>

/* Opaque types. */
struct err;

/*
 * Times are milliseconds since 1970-01-01T00:00:00Z, leap seconds left out;
 * durations are milliseconds.  Text is always UTC: a backup made in one time
 * zone is looked for in another.
 */

#define TIME_TEXT_MAX 48 /* Bytes that the functions below may write. */

/**
 * time_now_ms():
 * Return this host's clock.
 */
int64_t time_now_ms(void);

/**
 * time_mono_ms():
 * Return a clock that only ever runs forward, for measuring.
 */
int64_t time_mono_ms(void);

/**
 * time_format(ms, to):
 * Write ${ms} as RFC 3339, "2026-11-20T10:00:00Z" (".123" before the Z if
 * there are milliseconds), into ${to} of TIME_TEXT_MAX bytes; return ${to}.
 */
char *time_format(int64_t, char *);

/**
 * time_stamp(ms, to):
 * Likewise in the form that object names use, "20261120T100000Z".
 */
char *time_stamp(int64_t, char *);

/**
 * time_parse(s, ms, err):
 * Read an RFC 3339 time with 'Z' or an offset ("+01:00").  Seconds, or the
 * whole time of day, may be left out: "2026-11-20T10:00Z", "2026-11-20" (its
 * first millisecond, UTC).  HF_EUSAGE if ${s} is anything else.
 */
int time_parse(const char *, int64_t *, struct err *);

/**
 * duration_parse(s, ms, err):
 * Read a duration: numbers with the units s, m, h, d, w (7 days) or y (365
 * days), as in "90s", "15d" or "1h30m".  HF_EUSAGE if ${s} is anything else
 * or longer than 1000 years.
 */
int duration_parse(const char *, int64_t *, struct err *);

/**
 * duration_format(ms, to):
 * Write ${ms} for people, with the two largest units that matter ("2d3h",
 * "1m12s", "350ms"), into ${to} of TIME_TEXT_MAX bytes; return ${to}.
 */
char *duration_format(int64_t, char *);

#endif /* !BASE_TIME_H_ */
