#ifndef CONFIG_CONFIG_LEGACY_H_
#define CONFIG_CONFIG_LEGACY_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct config_legacy;
struct err;

/*
 * The configuration of the tool "etcd-backup": every key that it knows, each
 * with the meaning that it documents.  Others are refused, with file and
 * line, for the tool passed them over without a word, and a slip of the
 * finger with them.  ("log_level" is known, and means nothing there or here.)
 */
struct config_legacy {
	char *path; /* Of the file, for messages. */

	char **endpoints; /* "ip:port", or a URL. */
	size_t nendpoints;
	char *etcd_connect, *etcd_request; /* Durations, as they stood. */
	int64_t etcd_connect_ms, etcd_request_ms; /* 0: not given. */
	char *retries_text;
	unsigned retries;
	char *etcd_ca, *etcd_password_auth, *etcd_cert, *etcd_key;

	char *snapshot_path, *encryption_key_path;

	char *prefix; /* "backup" if it was not given. */
	char *endpoint, *bucket, *region;
	char *s3_ca, *s3_key_auth;
	char *s3_connect, *s3_request;
	int64_t s3_connect_ms, s3_request_ms;

	char *log_level;
};

/**
 * config_legacy_load(path, ret, err):
 * Read the file ${path}.  HF_ECONFIG "FILE:LINE: ..." if anything is wrong.
 */
int config_legacy_load(const char *, struct config_legacy **, struct err *);

/**
 * config_legacy_parse(name, p, n, ret, err):
 * Likewise from ${n} bytes of text that messages call ${name}.
 */
int config_legacy_parse(
    const char *, const void *, size_t, struct config_legacy **, struct err *);
void config_legacy_free(struct config_legacy *);
CLEANUP_DEFINE(config_legacy);

/**
 * config_legacy_need(c, value, word, err):
 * HF_ECONFIG, naming the file and the ${word} "s3_client.bucket", if ${value}
 * is NULL: what one command needs is not needed by all.
 */
int config_legacy_need(
    const struct config_legacy *, const char *, const char *, struct err *);

/**
 * config_legacy_duration(s, ms, err):
 * Read a duration as Go writes it ("1m", "1.5h", "300ms") or as that tool's
 * manual does ("15d", "10w", "1y" of 365 days); "0" is one, too.
 */
int config_legacy_duration(const char *, int64_t *, struct err *);

#endif /* !CONFIG_CONFIG_LEGACY_H_ */
