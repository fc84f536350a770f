#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/err.h"
#include "net/net_policy.h"

#define CONNECT_MS 15000L
#define SILENCE_S 60L

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode init_code;
static const volatile sig_atomic_t *cancel;

static void
init_curl(void)
{
	init_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

int
net_init(struct err *err)
{
	(void)pthread_once(&once, init_curl);
	if (init_code != CURLE_OK)
		return err_set(err, HF_EBUG, "initialise libcurl: %s",
		    curl_easy_strerror(init_code));
	return 0;
}

void
net_cancel(const volatile sig_atomic_t *flag)
{
	cancel = flag;
}

bool
net_cancelled(void)
{
	return cancel != NULL && *cancel != 0;
}

static int
check_file(
    const char *path, const char *what, const char *option, struct err *err)
{
	if (path == NULL || access(path, R_OK) == 0)
		return 0;
	(void)err_errno(err, errno, "read the %s '%s'", what, path);
	err->code = -HF_ECONFIG;
	return err_hint(err, "correct the option '%s'", option);
}

int
net_policy_check(const struct net_policy *p, struct err *err)
{
	int rc;

	if ((rc = check_file(p->ca_file, "CA file", "ca_file", err)) < 0 ||
	    (rc = check_file(p->cert_file, "client certificate", "cert", err)) <
		0 ||
	    (rc = check_file(p->key_file, "client key", "key", err)) < 0)
		return rc;
	return 0;
}

static CURLcode
apply_transport(const struct net_policy *p, CURL *c)
{
	CURLcode rc;

	if ((rc = curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https")) !=
		CURLE_OK ||
	    (rc = curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L)) !=
		CURLE_OK ||
	    (rc = curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L)) != CURLE_OK ||
	    (rc = curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L)) != CURLE_OK ||
	    (rc = curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
		 p->connect_ms > 0 ? p->connect_ms : CONNECT_MS)) != CURLE_OK ||
	    (rc = curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L)) !=
		CURLE_OK ||
	    (rc = curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME,
		 p->silence_s > 0 ? p->silence_s : SILENCE_S)) != CURLE_OK)
		return rc;
	if (p->proxy != NULL)
		rc = curl_easy_setopt(c, CURLOPT_PROXY, p->proxy);
	return rc;
}

static CURLcode
apply_tls(const struct net_policy *p, CURL *c)
{
	const char *key = p->key_file != NULL ? p->key_file : p->cert_file;
	CURLcode rc;

	if ((rc = curl_easy_setopt(c, CURLOPT_SSLVERSION,
		 (long)CURL_SSLVERSION_TLSv1_2)) != CURLE_OK ||
	    (rc = curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L)) !=
		CURLE_OK ||
	    (rc = curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L)) != CURLE_OK)
		return rc;
	if (p->ca_file != NULL) {
		/* This CA alone, not beside what the system trusts. */
		if ((rc = curl_easy_setopt(c, CURLOPT_CAINFO, p->ca_file)) !=
			CURLE_OK ||
		    (rc = curl_easy_setopt(c, CURLOPT_CAPATH, NULL)) !=
			CURLE_OK)
			return rc;
	}
	if (p->cert_file == NULL)
		return CURLE_OK;
	if ((rc = curl_easy_setopt(c, CURLOPT_SSLCERT, p->cert_file)) !=
	    CURLE_OK)
		return rc;
	return curl_easy_setopt(c, CURLOPT_SSLKEY, key);
}

int
net_policy_apply(const struct net_policy *p, CURL *c, struct err *err)
{
	CURLcode rc;

	if ((rc = apply_transport(p, c)) != CURLE_OK ||
	    (rc = apply_tls(p, c)) != CURLE_OK)
		return net_fail(err, rc, "the network library", "");
	return 0;
}
