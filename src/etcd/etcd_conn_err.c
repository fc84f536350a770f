#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "etcd/etcd_conn_err.h"
#include "net/net_policy.h"

/* Return true if a TLS alert says that the peer rejects our certificate. */
static bool
rejects_client(CURLcode code, const char *text)
{
	static const char *const alerts[] = { "certificate required",
		"bad certificate", "unknown ca", "certificate unknown",
		"certificate expired", "decrypt error" };
	size_t i;

	if (code != CURLE_SSL_CONNECT_ERROR && code != CURLE_SEND_ERROR &&
	    code != CURLE_RECV_ERROR)
		return false;
	for (i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++)
		if (strstr(text, alerts[i]) != NULL)
			return true;
	return false;
}

/* Return true for the ways in which libcurl says that the peer went away. */
static bool
hung_up(CURLcode code)
{
	return code == CURLE_HTTP2 || code == CURLE_PARTIAL_FILE ||
	       code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR;
}

static int
not_trusted(struct err *err, const char *url, const char *detail)
{
	(void)err_set(err, HF_ECONFIG,
	    "'%s': its certificate is not trusted: %s", url, detail);
	if (strstr(detail, "name") != NULL)
		return err_hint(
		    err, "name the endpoint as the server's certificate does");
	return err_hint(err,
	    "the option 'ca' must name the PEM file of the authority that "
	    "signed the server's certificate");
}

int
etcd_conn_err(struct err *err, CURLcode code, const char *url,
    const char *detail, bool cert, bool answered)
{
	if (rejects_client(code, detail)) {
		(void)err_set(err, HF_EDENIED,
		    "'%s': it rejects the client certificate: %s", url, detail);
		return err_hint(err, "%s",
		    cert ? "the server's authority must have signed the "
			   "certificate in the option 'cert'"
			 : "the server wants one: give the options 'cert' "
			   "and 'key'");
	}
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return not_trusted(err, url, detail);
	if (answered || !hung_up(code))
		return net_fail(err, code, url, detail);
	(void)net_fail(err, code, url, detail);
	/* A TLS server hangs up on HTTP/2 in the clear, in several ways. */
	if (str_has_prefix(url, "http:") != NULL)
		return err_hint(
		    err, "if the server speaks TLS, write https://");
	/*
	 * The alert can be lost: in TLS 1.3 it comes after the handshake, when
	 * we may be writing into a connection that is already closed.
	 */
	if (!cert)
		return err_hint(err,
		    "the server may want a client certificate: give the "
		    "options 'cert' and 'key'");
	return err->code;
}
