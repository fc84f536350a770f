#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "etcd/etcd_conn.h"
#include "etcd/etcd_url.h"

#define PORT_DEFAULT "2379"

int
etcd_endpoint_parse(const char *text, char **ret, struct err *err)
{
	const char *scheme = "https", *host = text, *rest;
	size_t n;

	if ((rest = str_has_prefix(text, "http://")) != NULL) {
		scheme = "http";
		host = rest;
	} else if ((rest = str_has_prefix(text, "https://")) != NULL) {
		host = rest;
	}
	n = etcd_url_host(host);
	rest = host + n;
	/* Many write a URL with one slash at its end. */
	if (n > 0 && (*rest == '\0' || strcmp(rest, "/") == 0))
		return str_printf(
		    ret, err, "%s://%.*s:" PORT_DEFAULT, scheme, (int)n, host);
	if (n > 0 && *rest == ':') {
		size_t len = strlen(rest + 1);

		if (len > 0 && rest[len] == '/')
			len--;
		if (etcd_url_port(rest + 1, len))
			return str_printf(ret, err, "%s://%.*s:%.*s", scheme,
			    (int)n, host, (int)len, rest + 1);
	}
	/* It is not shown: there may be a password in it. */
	if (strchr(text, '@') != NULL) {
		(void)err_set(err, HF_ECONFIG,
		    "an endpoint of etcd has a user name in it");
		return err_hint(err, "say it by 'user' and 'password'");
	}
	(void)err_set(
	    err, HF_ECONFIG, "'%.200s' is not an endpoint of etcd", text);
	return err_hint(err,
	    "endpoints look like https://10.0.0.1:2379, http://host:2379 or "
	    "host:2379");
}
