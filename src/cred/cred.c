#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/params.h"
#include "base/str.h"
#include "cred/cred.h"
#include "cred/cred_profile.h"
#include "crypto/secret.h"

#define KEY_MAX 4096    /* Bytes of an id or a key. */
#define TOKEN_MAX 16384 /* Bytes of a session token. */

void
cred_free(struct cred *c)
{
	if (c == NULL)
		return;
	free(c->access_key);
	secret_free(c->secret_key);
	secret_free(c->session_token);
	free(c->region);
	free(c->from);
	free(c);
}

static int
half(struct err *err, const char *there, const char *missing)
{
	return err_set(
	    err, HF_ECONFIG, "'%s' is set, but not '%s'", there, missing);
}

/* The id is no secret, but is loaded as one because it lies beside one. */
static int
load_access_key(const char *ref, char **ret, struct err *err)
{
	CLEANUP(freep_secret) struct secret *s = NULL;
	size_t n;
	int rc;

	if ((rc = secret_load(ref, "access_key", KEY_MAX, &s, err)) < 0)
		return rc;
	n = secret_len(s);
	if (n == 0 || memchr(secret_p(s), '\0', n) != NULL)
		return err_set(err, HF_ECONFIG, "'access_key' is empty");
	return str_printf(ret, err, "%.*s", (int)n, (const char *)secret_p(s));
}

static int
from_params(const struct params *p, struct cred *c, struct err *err)
{
	const char *id = params_get(p, "access_key");
	const char *key = params_get(p, "secret_key");
	const char *token = params_get(p, "session_token");
	int rc;

	if (key == NULL)
		return half(err, "access_key", "secret_key");
	if (id == NULL)
		return half(err, "secret_key", "access_key");
	if ((rc = load_access_key(id, &c->access_key, err)) < 0 ||
	    (rc = secret_load(
		 key, "secret_key", KEY_MAX, &c->secret_key, err)) < 0)
		return rc;
	if (token != NULL && (rc = secret_load(token, "session_token",
				  TOKEN_MAX, &c->session_token, err)) < 0)
		return rc;
	return str_dup("the configuration", &c->from, err);
}

/* Return a variable's value, or NULL if it is missing or empty. */
static const char *
env(const char *name)
{
	const char *v = getenv(name);

	return v == NULL || v[0] == '\0' ? NULL : v;
}

/*
 * The variables stay in the environment: they are not ours, and a command
 * that is backed up may need them too.
 */
static int
from_env(struct cred *c, struct err *err)
{
	const char *id = env("AWS_ACCESS_KEY_ID");
	const char *key = env("AWS_SECRET_ACCESS_KEY");
	const char *token = env("AWS_SESSION_TOKEN");
	int rc;

	if (key == NULL)
		return half(err, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
	if (id == NULL)
		return half(err, "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID");
	if ((rc = str_dup(id, &c->access_key, err)) < 0 ||
	    (rc = secret_copy(key, strlen(key), &c->secret_key, err)) < 0)
		return rc;
	if (token != NULL && (rc = secret_copy(token, strlen(token),
				  &c->session_token, err)) < 0)
		return rc;
	return str_dup("the environment", &c->from, err);
}

static int
from_profile(const char *asked, struct cred *c, struct err *err)
{
	const char *name = asked != NULL ? asked : env("AWS_PROFILE");
	int rc;

	rc = cred_profile_find(
	    name != NULL ? name : "default", name != NULL, c, err);
	if (rc != -HF_ENOTFOUND)
		return rc;
	(void)err_set(err, HF_ECONFIG, "no credentials");
	return err_hint(err,
	    "set access_key and secret_key (file:/path, env:NAME), or "
	    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in "
	    "~/.aws/credentials");
}

int
cred_find(const struct params *p, struct cred **ret, struct err *err)
{
	CLEANUP(freep_cred) struct cred *c = NULL;
	const char *profile = params_get(p, "profile");
	int rc;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_nomem(err);
	if (params_get(p, "access_key") != NULL ||
	    params_get(p, "secret_key") != NULL)
		rc = from_params(p, c, err);
	else if (profile == NULL && (env("AWS_ACCESS_KEY_ID") != NULL ||
					env("AWS_SECRET_ACCESS_KEY") != NULL))
		rc = from_env(c, err);
	else
		rc = from_profile(profile, c, err);
	if (rc < 0)
		return rc;
	*ret = TAKE(c);
	return 0;
}
