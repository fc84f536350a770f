#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/params.h"
#include "base/str.h"
#include "cred/cred.h"
#include "net/net_policy.h"
#include "store/s3/store_s3.h"
#include "store/s3/store_s3_call.h"

#define CONNECTIONS 64
#define DEFAULT_REGION "us-east-1"

static void
s3_free(struct store *st)
{
	struct s3 *s = (struct s3 *)st;

	http_free(s->http);
	cred_free(s->cred);
	s3_place_clear(&s->place);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

static const struct store_ops s3_ops = {
	.name = "s3",
	.put = s3_put,
	.upload = s3_upload,
	.get = s3_get,
	.head = s3_head,
	.list = s3_list,
	.del = s3_del,
	.replace = s3_replace,
	.sweep = s3_sweep,
	.now = s3_now,
	.probe = s3_probe,
	.free = s3_free,
};

static int
choose_region(struct s3 *s, const struct params *p, struct err *err)
{
	const char *r = params_get(p, "region");
	size_t n;

	if (r == NULL || r[0] == '\0')
		r = getenv("AWS_REGION");
	if (r == NULL || r[0] == '\0')
		r = getenv("AWS_DEFAULT_REGION");
	if (r == NULL || r[0] == '\0')
		r = s->cred->region;
	if (r == NULL || r[0] == '\0')
		r = DEFAULT_REGION;
	/* It becomes part of a host's name and of what is signed. */
	n = strlen(r);
	if (n >= sizeof(s->region) ||
	    strspn(r, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		      "0123456789-_") != n) {
		(void)err_set(err, HF_ECONFIG, "'%s' is no region", r);
		return err_hint(err,
		    "correct the option 'region', or AWS_REGION; most servers "
		    "of one's own are in 'us-east-1'");
	}
	memcpy(s->region, r, n + 1);
	return 0;
}

/* 0, which means the default, if there is none. */
static long
number(const struct params *p, const char *name)
{
	const char *v = params_get(p, name);

	return v == NULL ? 0 : strtol(v, NULL, 10);
}

static int
start_http(struct s3 *s, const struct params *p, struct err *err)
{
	const struct net_policy policy = {
		.ca_file = params_get(p, "ca_file"),
		.proxy = params_get(p, "proxy"),
		.connect_ms = number(p, "connect_ms"),
		.silence_s = (number(p, "silence_ms") + 999) / 1000,
	};
	int rc;

	if ((rc = net_policy_check(&policy, err)) < 0)
		return rc;
	return http_new(&policy, CONNECTIONS, &s->http, err);
}

static int
fill(struct s3 *s, const struct params *p, struct err *err)
{
	int rc;

	if ((rc = s3_place_parse(p, &s->place, err)) < 0 ||
	    (rc = cred_find(p, &s->cred, err)) < 0 ||
	    (rc = choose_region(s, p, err)) < 0)
		return rc;
	(void)snprintf(
	    s->base.place, sizeof(s->base.place), "%s", params_get(p, "url"));
	return start_http(s, p, err);
}

static int
s3_open(const struct params *p, enum store_power power, struct store **ret,
    struct err *err)
{
	struct s3 *s;
	int rc;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	s->base.ops = &s3_ops;
	s->base.power = power;
	s->retry = (struct retry)RETRY_INIT;
	(void)pthread_mutex_init(&s->lock, NULL);
	if ((rc = fill(s, p, err)) < 0) {
		s3_free(&s->base);
		return err_wrap(err, "open '%s'", params_get(p, "url"));
	}
	*ret = &s->base;
	return 0;
}

const struct store_driver store_s3_driver = {
	.scheme = "s3",
	.open = s3_open,
};
