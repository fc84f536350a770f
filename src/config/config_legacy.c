#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/suggest.h"
#include "base/yaml.h"
#include "config/config_legacy.h"

#define RETRIES_MAX 1000
#define PATH_LEN 128 /* "s3_client.auth.key_auth", or what was written. */

/* Each key that holds a text, with its place in the file and in the struct. */
static const struct word {
	const char *path;
	size_t at; /* Of a char *. */
} words[] = {
#define WORD(path, member)                                                     \
	{                                                                      \
		path, offsetof(struct config_legacy, member)                   \
	}
	WORD("etcd_client.connection_timeout", etcd_connect),
	WORD("etcd_client.request_timeout", etcd_request),
	WORD("etcd_client.retries", retries_text),
	WORD("etcd_client.auth.ca_cert", etcd_ca),
	WORD("etcd_client.auth.password_auth", etcd_password_auth),
	WORD("etcd_client.auth.client_cert", etcd_cert),
	WORD("etcd_client.auth.client_key", etcd_key),
	WORD("snapshot_path", snapshot_path),
	WORD("encryption_key_path", encryption_key_path),
	WORD("s3_client.objects_prefix", prefix),
	WORD("s3_client.endpoint", endpoint),
	WORD("s3_client.bucket", bucket),
	WORD("s3_client.auth.ca_cert", s3_ca),
	WORD("s3_client.auth.key_auth", s3_key_auth),
	WORD("s3_client.region", region),
	WORD("s3_client.connection_timeout", s3_connect),
	WORD("s3_client.request_timeout", s3_request),
	WORD("log_level", log_level),
};
#define WORDS (sizeof(words) / sizeof(words[0]))

#define ENDPOINTS "etcd_client.endpoints"
static const char *const maps[] = { "etcd_client", "etcd_client.auth",
	"s3_client", "s3_client.auth" };

static char **
slot(struct config_legacy *c, const struct word *w)
{
	return (char **)(void *)((char *)c + w->at);
}

void
config_legacy_free(struct config_legacy *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < WORDS; i++)
		free(*slot(c, &words[i]));
	for (i = 0; i < c->nendpoints; i++)
		free(c->endpoints[i]);
	free(c->endpoints);
	free(c->path);
	free(c);
}

static const struct word *
word_named(const char *path)
{
	size_t i;

	for (i = 0; i < WORDS; i++)
		if (strcmp(words[i].path, path) == 0)
			return &words[i];
	return NULL;
}

static bool
is_map(const char *path)
{
	size_t i;

	for (i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (strcmp(maps[i], path) == 0)
			return true;
	return false;
}

static int
unknown(const struct yaml_node *n, const char *path, struct err *err)
{
	struct suggest s = { .typed = path };
	size_t i;

	for (i = 0; i < WORDS; i++)
		suggest_offer(&s, words[i].path);
	suggest_offer(&s, ENDPOINTS);
	for (i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		suggest_offer(&s, maps[i]);
	(void)yaml_fail(n, err, "unknown key '%.100s'", path);
	if (suggest_best(&s) != NULL)
		return err_hint(err, "did you mean '%s'?", suggest_best(&s));
	return err->code;
}

static int
take_text(
    const struct yaml_node *n, const char *path, char **to, struct err *err)
{
	if (n->kind != YAML_SCALAR)
		return yaml_fail(n, err, "'%s' must be a single value", path);
	/* "key:" and "key: ''" were the same as no key at all. */
	if (yaml_is_null(n) || n->value[0] == '\0')
		return 0;
	return str_dup(n->value, to, err);
}

static int
take_endpoint(
    struct config_legacy *c, const struct yaml_node *n, struct err *err)
{
	char **grown;
	int rc;

	if (n->kind != YAML_SCALAR || yaml_is_null(n) || n->value[0] == '\0')
		return yaml_fail(n, err, "an endpoint is written ip:port");
	grown = reallocarray(c->endpoints, c->nendpoints + 1, sizeof(*grown));
	if (grown == NULL)
		return err_nomem(err);
	c->endpoints = grown;
	rc = str_dup(n->value, &grown[c->nendpoints], err);
	c->nendpoints += rc == 0;
	return rc;
}

static int
take_endpoints(
    struct config_legacy *c, const struct yaml_node *n, struct err *err)
{
	const struct yaml_node *item;
	int rc = 0;

	if (n->kind != YAML_LIST)
		return yaml_fail(n, err, "'" ENDPOINTS "' must be a list");
	for (item = n->child; item != NULL && rc == 0; item = item->next)
		rc = take_endpoint(c, item, err);
	return rc;
}

/* Read a map; its depth is that of the table, for others are refused. */
static int
take_map(struct config_legacy *c, const struct yaml_node *map,
    const char *above, struct err *err)
{
	const struct yaml_node *n;
	const struct word *w;
	char path[PATH_LEN];
	bool dotted;
	int rc = 0;

	for (n = map->child; n != NULL && rc == 0; n = n->next) {
		(void)snprintf(path, sizeof(path), "%s%s%.64s", above,
		    above[0] != '\0' ? "." : "", n->key);
		/* A key with a dot is none of ours, wherever it stands. */
		dotted = strchr(n->key, '.') != NULL;
		w = dotted ? NULL : word_named(path);
		if (w != NULL)
			rc = take_text(n, path, slot(c, w), err);
		else if (!dotted && strcmp(path, ENDPOINTS) == 0)
			rc = take_endpoints(c, n, err);
		else if (dotted || !is_map(path))
			rc = unknown(n, path, err);
		else if (n->kind == YAML_MAP)
			rc = take_map(c, n, path, err);
		else if (n->kind != YAML_SCALAR || !yaml_is_null(n))
			rc = yaml_fail(n, err, "'%s' must be a map", path);
	}
	return rc;
}

static int
wrong_value(const struct config_legacy *c, const char *path, struct err *err)
{
	err->code = -HF_ECONFIG;
	return err_wrap(err, "%s: '%s'", c->path, path);
}

static int
take_duration(const struct config_legacy *c, const char *path, const char *text,
    int64_t *ms, struct err *err)
{
	if (text == NULL || config_legacy_duration(text, ms, err) == 0)
		return 0;
	return wrong_value(c, path, err);
}

static int
take_numbers(struct config_legacy *c, struct err *err)
{
	const char *r = c->retries_text;
	char *end;
	int rc;

	if ((rc = take_duration(c, "etcd_client.connection_timeout",
		 c->etcd_connect, &c->etcd_connect_ms, err)) < 0 ||
	    (rc = take_duration(c, "etcd_client.request_timeout",
		 c->etcd_request, &c->etcd_request_ms, err)) < 0 ||
	    (rc = take_duration(c, "s3_client.connection_timeout",
		 c->s3_connect, &c->s3_connect_ms, err)) < 0 ||
	    (rc = take_duration(c, "s3_client.request_timeout", c->s3_request,
		 &c->s3_request_ms, err)) < 0)
		return rc;
	if (r == NULL)
		return 0;
	errno = 0;
	c->retries = (unsigned)strtoul(r, &end, 10);
	if (r[0] >= '0' && r[0] <= '9' && *end == '\0' && errno == 0 &&
	    strlen(r) <= 4 && c->retries <= RETRIES_MAX)
		return 0;
	(void)err_set(err, HF_ECONFIG, "'%.64s' is no number from 0 to %d", r,
	    RETRIES_MAX);
	return wrong_value(c, "etcd_client.retries", err);
}

int
config_legacy_parse(const char *name, const void *p, size_t n,
    struct config_legacy **ret, struct err *err)
{
	CLEANUP(freep_config_legacy) struct config_legacy *c = NULL;
	CLEANUP(freep_yaml_node) struct yaml_node *root = NULL;
	int rc;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_nomem(err);
	if ((rc = str_dup(name, &c->path, err)) < 0 ||
	    (rc = yaml_parse(name, p, n, &root, err)) < 0)
		return rc;
	if (root->kind != YAML_MAP && !yaml_is_null(root))
		return yaml_fail(root, err, "this is not a map");
	if ((rc = take_map(c, root, "", err)) < 0 ||
	    (rc = take_numbers(c, err)) < 0)
		return rc;
	if (c->prefix == NULL && (rc = str_dup("backup", &c->prefix, err)) < 0)
		return rc;
	*ret = TAKE(c);
	return 0;
}

int
config_legacy_load(
    const char *path, struct config_legacy **ret, struct err *err)
{
	CLEANUP(freep_buf) struct buf text = BUF_INIT;
	int rc;

	/* One byte more than allowed, so that yaml_parse says what is wrong. */
	if ((rc = file_read(path, YAML_MAX + 1, &text, err)) < 0) {
		if (rc == -(int)HF_ECORRUPT)
			err->code = -(int)HF_ECONFIG;
		return err_wrap(err, "read the configuration");
	}
	return config_legacy_parse(path, text.p, text.len, ret, err);
}

int
config_legacy_need(const struct config_legacy *c, const char *value,
    const char *word, struct err *err)
{
	return value != NULL ? 0
			     : err_set(err, HF_ECONFIG, "%s: there is no '%s'",
				   c->path, word);
}

/* The longest that a duration may be: a thousand years. */
#define MOST_MS (1000.0 * 365 * 86400 * 1000)

static const struct unit {
	const char *name;
	double ms;
} units[] = {
	/* "ms" before "m". */
	{ "ns", 1e-6 },
	{ "us", 1e-3 },
	{ "\302\265s", 1e-3 },
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60e3 },
	{ "h", 3600e3 },
	{ "d", 86400e3 },
	{ "w", 7 * 86400e3 },
	{ "y", 365 * 86400e3 },
};

/* One number and its unit; NULL if it is none. */
static const char *
parse_part(const char *s, double *total)
{
	double n = 0, weight = 1;
	bool digit = false;
	size_t i;

	for (; *s >= '0' && *s <= '9'; s++, digit = true)
		n = n * 10 + (*s - '0');
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++, digit = true)
			n += (*s - '0') * (weight /= 10);
	for (i = 0; digit && i < sizeof(units) / sizeof(units[0]); i++) {
		if (str_has_prefix(s, units[i].name) == NULL)
			continue;
		*total += n * units[i].ms;
		return s + strlen(units[i].name);
	}
	return NULL;
}

int
config_legacy_duration(const char *s, int64_t *ms, struct err *err)
{
	const char *at = s;
	double total = 0;

	if (strcmp(s, "0") == 0) {
		*ms = 0;
		return 0;
	}
	do
		at = parse_part(at, &total);
	while (at != NULL && *at != '\0' && total <= MOST_MS);
	if (at == NULL || !(total <= MOST_MS)) {
		(void)err_set(err, HF_EUSAGE, "'%.64s' is not a duration", s);
		return err_hint(err, "write it like 30s, 1h30m, 15d, 10w or "
				     "1y");
	}
	/* A duration that is more than nothing must not become nothing. */
	*ms = (int64_t)(total + 0.5);
	if (*ms == 0 && total > 0)
		*ms = 1;
	return 0;
}
