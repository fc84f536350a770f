#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "repo/repo_wire.h"

#define HOUR_S 3600
#define STAMP_MAX 48

/*
 * Write a time as strftime does; a time out of range becomes the nearest in it.
 */
static void
stamp(char to[STAMP_MAX], const char *fmt, int64_t ms)
{
	struct tm tm;
	time_t t;

	if (ms < 0)
		ms = 0;
	if (ms > REPO_TIME_MAX)
		ms = REPO_TIME_MAX;
	t = (time_t)(ms / 1000);
	(void)gmtime_r(&t, &tm);
	if (strftime(to, STAMP_MAX, fmt, &tm) == 0)
		to[0] = '\0';
}

void
repo_name_cert(char *name, const uint8_t fp[])
{
	char hex[2 * SIGN_FINGERPRINT_LEN + 1];

	(void)snprintf(name, REPO_NAME_MAX, "w/%s.hfw",
	    str_hex(hex, fp, SIGN_FINGERPRINT_LEN));
}

void
repo_name_wrapped(char *name, const uint8_t key_id[], const uint8_t opener[])
{
	char id[2 * REPO_ID_LEN + 1], fp[2 * KEY_FINGERPRINT_LEN + 1];

	(void)snprintf(name, REPO_NAME_MAX, "k/%s.%s.hfk",
	    str_hex(id, key_id, REPO_ID_LEN),
	    str_hex(fp, opener, KEY_FINGERPRINT_LEN));
}

bool
repo_name_wrapped_read(const char *name, uint8_t key_id[], uint8_t opener[])
{
	char again[REPO_NAME_MAX];

	/* Writing it again catches all that reading lets through. */
	if (strlen(name) !=
		strlen("k/..hfk") + 2 * REPO_ID_LEN + 2 * KEY_FINGERPRINT_LEN ||
	    !str_unhex(key_id, name + 2, REPO_ID_LEN) ||
	    !str_unhex(opener, name + 3 + 2 * REPO_ID_LEN, KEY_FINGERPRINT_LEN))
		return false;
	repo_name_wrapped(again, key_id, opener);
	return strcmp(again, name) == 0;
}

void
repo_name_pack(char *name, uint32_t hour, const uint8_t oid[])
{
	char when[STAMP_MAX], hex[2 * REPO_OID_LEN + 1];

	stamp(when, "%Y%m%dT%H", (int64_t)hour * HOUR_S * 1000);
	(void)snprintf(name, REPO_NAME_MAX, "p/%s/%s.hfp", when,
	    str_hex(hex, oid, REPO_OID_LEN));
}

/* Read "yyyymmddThh" as hours since 1970. */
static bool
parse_hour(const char *s, uint32_t *hour)
{
	struct err ignored = ERR_INIT;
	char text[32];
	int64_t ms;

	(void)snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:00Z", s, s + 4,
	    s + 6, s + 9);
	if (time_parse(text, &ms, &ignored) < 0 || ms < 0)
		return false;
	*hour = (uint32_t)(ms / 1000 / HOUR_S);
	return true;
}

bool
repo_name_pack_read(const char *name, uint32_t *hour, uint8_t oid[])
{
	const size_t at = strlen("p/yyyymmddThh/");
	char again[REPO_NAME_MAX];

	if (strlen(name) != at + 2 * REPO_OID_LEN + strlen(".hfp") ||
	    !parse_hour(name + 2, hour) ||
	    !str_unhex(oid, name + at, REPO_OID_LEN))
		return false;
	repo_name_pack(again, *hour, oid);
	return strcmp(again, name) == 0;
}

void
repo_name_manifest(char *name, uint64_t seq, int64_t ms, const uint8_t sha256[])
{
	char when[STAMP_MAX], id[REPO_BACKUP_ID_LEN + 1];

	stamp(when, "%Y%m%dT%H%M%SZ", ms);
	(void)snprintf(name, REPO_NAME_MAX, "s/%012" PRIu64 "-%s-%s.hfm", seq,
	    when, str_hex(id, sha256, REPO_BACKUP_ID_LEN / 2));
}

bool
repo_name_manifest_is(const char *name, uint64_t seq, const uint8_t sha256[])
{
	char want[REPO_NAME_MAX];
	size_t n, tail = strlen("-.hfm") + REPO_BACKUP_ID_LEN;

	repo_name_manifest(want, seq, 0, sha256);
	n = strlen(want);
	/* All but the time, which no hash covers. */
	return strlen(name) == n && memcmp(name, want, 2 + 12 + 1) == 0 &&
	       strcmp(name + n - tail, want + n - tail) == 0;
}

void
repo_name_tombstone(char *name, const uint8_t sha256[])
{
	char id[REPO_BACKUP_ID_LEN + 1];

	(void)snprintf(name, REPO_NAME_MAX, "t/%s.hft",
	    str_hex(id, sha256, REPO_BACKUP_ID_LEN / 2));
}

void
repo_name_undo(char *name, const uint8_t tombstone_sha256[])
{
	char hex[2 * SHA256_LEN + 1];

	(void)snprintf(name, REPO_NAME_MAX, "u/%s.hfu",
	    str_hex(hex, tombstone_sha256, SHA256_LEN));
}

void
repo_name_revocation(char *name, const uint8_t fp[])
{
	char hex[2 * SIGN_FINGERPRINT_LEN + 1];

	(void)snprintf(name, REPO_NAME_MAX, "r/%s.hfr",
	    str_hex(hex, fp, SIGN_FINGERPRINT_LEN));
}

void
repo_name_attest(
    char *name, const uint8_t sha256[], int64_t ms, const uint8_t rnd[4])
{
	char when[STAMP_MAX], id[REPO_BACKUP_ID_LEN + 1], hex[9];

	stamp(when, "%Y%m%dT%H%M%SZ", ms);
	(void)snprintf(name, REPO_NAME_MAX, "a/%s-%s-%s.hfa",
	    str_hex(id, sha256, REPO_BACKUP_ID_LEN / 2), when,
	    str_hex(hex, rnd, 4));
}

bool
repo_signer(const uint8_t *p, size_t n, uint8_t fp[SIGN_FINGERPRINT_LEN])
{
	size_t off;

	if (n < 4)
		return false;
	if (memcmp(p, "HFM1", 4) == 0)
		off = 8 + REPO_ID_LEN + REPO_ID_LEN;
	else if (memcmp(p, "HFT1", 4) == 0 || memcmp(p, "HFA1", 4) == 0 ||
		 memcmp(p, "HFU1", 4) == 0)
		off = 5 + REPO_ID_LEN;
	else
		return false;
	if (n < off + SIGN_FINGERPRINT_LEN)
		return false;
	memcpy(fp, p + off, SIGN_FINGERPRINT_LEN);
	return true;
}
