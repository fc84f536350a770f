#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/params.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "source/etcd/source_etcd.h"
#include "source/etcd/source_etcd_survey.h"

#define CONNECT_MS 3000
#define STALL_MS 30000
#define LONG_MS 30000

static void
etcd_free(struct source *base)
{
	struct source_etcd *s = (struct source_etcd *)base;
	size_t i;

	for (i = 0; i < s->nurls; i++)
		free(s->urls[i]);
	free(s->urls);
	free(s->ca);
	free(s->cert);
	free(s->key);
	free(s->user);
	free(s->password);
	free(s);
}

static const struct source_ops source_etcd_ops = {
	.name = "etcd",
	.read = source_etcd_read,
	.probe = source_etcd_probe,
	.free = etcd_free,
};

static int
add_url(struct source_etcd *s, const char *text, struct err *err)
{
	char **grown;
	int rc;

	grown = reallocarray(s->urls, s->nurls + 1, sizeof(*grown));
	if (grown == NULL)
		return err_nomem(err);
	s->urls = grown;
	if ((rc = etcd_endpoint_parse(text, &s->urls[s->nurls], err)) < 0)
		return rc;
	s->nurls++;
	return 0;
}

/* A value of the list may hold several, as on the command line. */
static int
add_urls(struct source_etcd *s, const char *value, struct err *err)
{
	CLEANUP(freep_mem) char *copy = NULL;
	char *one, *rest;
	int rc;

	if ((rc = str_dup(value, &copy, err)) < 0)
		return rc;
	rest = copy;
	while ((one = strsep(&rest, ",")) != NULL) {
		one += strspn(one, " \t");
		one[strcspn(one, " \t")] = '\0';
		if (one[0] != '\0' && (rc = add_url(s, one, err)) < 0)
			return rc;
	}
	return 0;
}

static int
set_endpoints(struct source_etcd *s, const struct params *p, struct err *err)
{
	const char *value;
	size_t i;
	int rc;

	for (i = 0; (value = params_at(p, "endpoints", i)) != NULL; i++)
		if ((rc = add_urls(s, value, err)) < 0)
			return rc;
	if (s->nurls > 0)
		return 0;
	(void)err_set(err, HF_ECONFIG, "a source of etcd needs 'endpoints'");
	return err_hint(err, "for example https://10.0.0.1:2379");
}

static int
set_identity(struct source_etcd *s, const struct params *p, struct err *err)
{
	CLEANUP(freep_secret) struct secret *password = NULL;
	int rc;

	if ((rc = str_dup(params_get(p, "ca"), &s->ca, err)) < 0 ||
	    (rc = str_dup(params_get(p, "cert"), &s->cert, err)) < 0 ||
	    (rc = str_dup(params_get(p, "key"), &s->key, err)) < 0 ||
	    (rc = str_dup(params_get(p, "user"), &s->user, err)) < 0 ||
	    (rc = str_dup(params_get(p, "password"), &s->password, err)) < 0)
		return rc;
	if ((s->user == NULL) != (s->password == NULL))
		return err_set(err, HF_ECONFIG,
		    "logging in to etcd needs both 'user' and 'password'");
	if ((s->cert == NULL) != (s->key == NULL))
		return err_set(err, HF_ECONFIG,
		    "a client certificate needs both 'cert' and 'key'");
	if (s->password == NULL)
		return 0;
	/* It is read at each login; one that cannot be is told at once. */
	return etcd_client_password(s->password, &password, err);
}

static void
freep_opened(struct source_etcd **s)
{
	if (*s != NULL)
		etcd_free(&(*s)->base);
}

static long
milliseconds(const struct params *p, const char *name, long absent)
{
	const char *v = params_get(p, name);
	long ms = v == NULL ? 0 : strtol(v, NULL, 10);

	return ms > 0 ? ms : absent;
}

static enum source_etcd_form
form_of(const char *name)
{
	if (name != NULL && strcmp(name, "snapshot") == 0)
		return SOURCE_ETCD_STREAM;
	if (name != NULL && strcmp(name, "pages") == 0)
		return SOURCE_ETCD_PAGES;
	return SOURCE_ETCD_RECORDS;
}

static int
etcd_open(const struct params *p, struct source **ret, struct err *err)
{
	CLEANUP(freep_opened) struct source_etcd *s = NULL;
	int rc;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	s->base.ops = &source_etcd_ops;
	s->connect_ms = milliseconds(p, "connect_ms", CONNECT_MS);
	s->stall_ms = milliseconds(p, "stall_ms", STALL_MS);
	s->long_ms = milliseconds(p, "long_ms", LONG_MS);
	s->allow_corrupt = params_flag(p, "allow_corrupt", false);
	s->form = form_of(params_get(p, "form"));
	if ((rc = set_endpoints(s, p, err)) < 0 ||
	    (rc = set_identity(s, p, err)) < 0)
		return rc;
	*ret = &TAKE(s)->base;
	return 0;
}

const struct source_driver source_etcd_driver = {
	.type = "etcd",
	.word = "endpoints",
	.open = etcd_open,
};
