#include <openssl/err.h>

#include "base/err.h"
#include "crypto/openssl_err.h"

int
openssl_err(struct err *err, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	ERR_clear_error();
	return err_set(err, HF_EIO, "openssl cannot %s: %s", what,
	    reason == NULL ? "no reason given" : reason);
}
