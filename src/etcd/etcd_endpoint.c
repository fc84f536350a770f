#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "etcd/etcd_conn.h"

#define PORT_DEFAULT "2379"

static const char host_chars[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789-._";

/* Return how long the host at ${s} is, or 0 if there is none. */
static size_t
host_len(const char *s)
{
	size_t n;

	if (*s != '[')
		return strspn(s, host_chars);
	/* RFC 3986: an IPv6 address stands in brackets. */
	n = 1 + strspn(s + 1, "0123456789abcdefABCDEF:.");
	return n > 1 && s[n] == ']' ? n + 1 : 0;
}

static bool
port_ok(const char *s)
{
	size_t n = strspn(s, "0123456789");
	long port = n >= 1 && n <= 5 ? strtol(s, NULL, 10) : 0;

	return s[n] == '\0' && port >= 1 && port <= 65535;
}

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
	n = host_len(host);
	rest = host + n;
	/* One slash at the end is how many write a URL. */
	if (n > 0 && (*rest == '\0' || strcmp(rest, "/") == 0))
		return str_printf(
		    ret, err, "%s://%.*s:" PORT_DEFAULT, scheme, (int)n, host);
	if (n > 0 && *rest == ':') {
		size_t len = strlen(rest + 1);
		char port[8];

		if (len > 0 && rest[len] == '/')
			len--;
		if (len < sizeof(port)) {
			memcpy(port, rest + 1, len);
			port[len] = '\0';
			if (port_ok(port))
				return str_printf(ret, err, "%s://%.*s:%s",
				    scheme, (int)n, host, port);
		}
	}
	/* Not shown whole: there may be a password in it. */
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
