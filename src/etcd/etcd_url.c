#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "etcd/etcd_url.h"

static const char host_chars[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789-._";

/* Is what stands between brackets an IPv6 address? */
static bool
is_ipv6(const char *s, size_t n)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ignored;

	if (n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	return inet_pton(AF_INET6, text, &ignored) == 1;
}

size_t
etcd_url_host(const char *s)
{
	size_t n;

	if (*s != '[')
		return strspn(s, host_chars);
	n = strcspn(s + 1, "]/");
	return s[1 + n] == ']' && is_ipv6(s + 1, n) ? n + 2 : 0;
}

bool
etcd_url_port(const char *s, size_t n)
{
	unsigned int port = 0;
	size_t i;

	if (n < 1 || n > 5)
		return false;
	for (i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		port = 10 * port + (unsigned int)(s[i] - '0');
	}
	return port >= 1 && port <= 65535;
}

/* Return what is wrong with a peer's URL, and what to do; or NULL. */
static const char *
judge(const char *url, const char **remedy)
{
	const char *host, *rest;
	size_t n;

	*remedy = "peer URLs look like http://10.0.0.1:2380 or "
		  "https://host:2380";
	/* It is not shown, as others are: there may be a password in it. */
	if (strchr(url, '@') != NULL)
		return "has a user name in it";
	if (url[strcspn(url, " \t")] != '\0')
		return "has a blank in it";
	if ((host = str_has_prefix(url, "http://")) == NULL &&
	    (host = str_has_prefix(url, "https://")) == NULL)
		return "does not begin with http:// or https://";
	if ((n = etcd_url_host(host)) == 0)
		return "has no host";
	if (host[n] != ':')
		return "has no port";
	rest = host + n + 1;
	n = strcspn(rest, "/");
	if (rest[n] == '/' && etcd_url_port(rest, n)) {
		*remedy = "leave out what stands behind the port, even a "
			  "single slash: etcd refuses it";
		return "has a path";
	}
	if (!etcd_url_port(rest, strlen(rest)))
		return "has no port between 1 and 65535";
	return NULL;
}

int
etcd_url_peer(
    const char *option, const char *s, size_t n, char **ret, struct err *err)
{
	CLEANUP(freep_mem) char *url = NULL;
	const char *what, *remedy;
	int rc;

	if ((rc = str_printf(&url, err, "%.*s", (int)n, s)) < 0)
		return rc;
	if ((what = judge(url, &remedy)) == NULL) {
		*ret = TAKE(url);
		return 0;
	}
	if (strchr(url, '@') != NULL)
		(void)err_set(
		    err, HF_EUSAGE, "option '%s': a URL %s", option, what);
	else
		(void)err_set(err, HF_EUSAGE,
		    "option '%s': the URL '%.200s' %s", option, url, what);
	return err_hint(err, "%s", remedy);
}

/* Is the host one on which etcd listens? */
static bool
is_bindable(const char *host, size_t n)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr ignored;

	if (host[0] == '[')
		return true;
	if (n >= sizeof(text))
		return false;
	memcpy(text, host, n);
	text[n] = '\0';
	return strcmp(text, "localhost") == 0 ||
	       inet_pton(AF_INET, text, &ignored) == 1;
}

int
etcd_url_listen(const char *url, struct buf *b, struct err *err)
{
	const size_t scheme = strcspn(url, ":") + strlen("://");
	const char *host = url + scheme;
	const size_t n = etcd_url_host(host);

	if (is_bindable(host, n))
		return buf_printf(b, err, "%s", url);
	return buf_printf(b, err, "%.*s0.0.0.0%s", (int)scheme, url, host + n);
}
