#include <stddef.h>

#include "base/err.h"
#include "net/net_policy.h"
#include "net/redact.h"

/* What libcurl's codes mean to an operator (libcurl-errors(3)). */
static const struct fail {
	CURLcode code;
	enum hf_code hf;
	const char *what;
	const char *hint;
} fails[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, HF_EUNAVAIL, "its name is not known",
	    "check the endpoint's name and this host's name servers" },
	{ CURLE_COULDNT_RESOLVE_PROXY, HF_EUNAVAIL,
	    "the proxy's name is not known",
	    "check the option 'proxy' and the environment's *_proxy" },
	{ CURLE_COULDNT_CONNECT, HF_EUNAVAIL, "cannot connect",
	    "is the server up, is the port right, is a firewall between?" },
	{ CURLE_OPERATION_TIMEDOUT, HF_EUNAVAIL, "no answer in time", NULL },
	{ CURLE_GOT_NOTHING, HF_EUNAVAIL, "it hung up without an answer",
	    "does the endpoint want https:// where http:// is set?" },
	{ CURLE_PARTIAL_FILE, HF_EUNAVAIL, "the answer was cut short", NULL },
	{ CURLE_SEND_ERROR, HF_EUNAVAIL, "the connection broke", NULL },
	{ CURLE_RECV_ERROR, HF_EUNAVAIL, "the connection broke", NULL },
	{ CURLE_SSL_CONNECT_ERROR, HF_EUNAVAIL, "no TLS connection",
	    "does the endpoint want http:// where https:// is set? A client "
	    "certificate? holdfast speaks TLS 1.2 and later" },
	{ CURLE_PEER_FAILED_VERIFICATION, HF_ECONFIG,
	    "its certificate is not trusted",
	    "give the PEM file of the CA that signed it in the option "
	    "'ca_file', and the server by a name in its certificate" },
	{ CURLE_SSL_CACERT_BADFILE, HF_ECONFIG, "the CA file cannot be used",
	    "the option 'ca_file' must name a file with PEM certificates" },
	{ CURLE_SSL_CERTPROBLEM, HF_ECONFIG,
	    "the client certificate cannot be used",
	    "check that certificate and key are PEM and belong together" },
	{ CURLE_URL_MALFORMAT, HF_ECONFIG, "it is not a URL",
	    "write it as http://HOST[:PORT] or https://HOST[:PORT]" },
	{ CURLE_UNSUPPORTED_PROTOCOL, HF_ECONFIG, "it is not http or https",
	    "write it as http://HOST[:PORT] or https://HOST[:PORT]" },
};

int
net_fail(struct err *err, CURLcode code, const char *where, const char *detail)
{
	enum hf_code hf = HF_EUNAVAIL;
	const char *what = NULL, *hint = NULL;
	char clean[256];
	size_t i;

	if (code == CURLE_OUT_OF_MEMORY)
		return err_nomem(err);
	for (i = 0; i < sizeof(fails) / sizeof(fails[0]); i++) {
		if (fails[i].code != code)
			continue;
		hf = fails[i].hf;
		what = fails[i].what;
		hint = fails[i].hint;
	}
	if (what == NULL)
		what = "the transfer failed";
	if (detail[0] == '\0')
		detail = curl_easy_strerror(code);
	redact(clean, sizeof(clean), detail, NULL, 0);
	(void)err_set(err, hf, "'%s': %s: %s", where, what, clean);
	if (hint != NULL)
		(void)err_hint(err, "%s", hint);
	return err->code;
}
