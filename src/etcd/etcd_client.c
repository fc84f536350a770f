#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_response.h"
#include "etcd/etcd_stream.h"

#define TOKEN_MAX 4096
#define PASSWORD_MAX 1024

struct etcd_client {
	struct etcd_conn *conn;
	char *user, *password; /* A reference. */
	struct secret *token;
	bool no_auth; /* The server's authentication is off. */
};

int
etcd_client_new(const char *url, const struct etcd_conn_opts *opts,
    const char *user, const char *password, struct etcd_client **ret,
    struct err *err)
{
	CLEANUP(freep_etcd_client) struct etcd_client *c = NULL;
	int rc;

	if ((user == NULL) != (password == NULL))
		return err_set(err, HF_ECONFIG,
		    "logging in to etcd needs both 'user' and 'password'");
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_nomem(err);
	if ((rc = str_dup(user, &c->user, err)) < 0 ||
	    (rc = str_dup(password, &c->password, err)) < 0 ||
	    (rc = etcd_conn_new(url, opts, &c->conn, err)) < 0)
		return rc;
	*ret = TAKE(c);
	return 0;
}

void
etcd_client_free(struct etcd_client *c)
{
	if (c == NULL)
		return;
	secret_free(c->token);
	etcd_conn_free(c->conn);
	free(c->user);
	free(c->password);
	free(c);
}

int
etcd_client_password(const char *ref, struct secret **ret, struct err *err)
{
	return secret_load(ref, "etcd's password", PASSWORD_MAX, ret, err);
}

const char *
etcd_client_url(const struct etcd_client *c)
{
	return etcd_conn_url(c->conn);
}

bool
etcd_client_no_auth(const struct etcd_client *c)
{
	return c->no_auth;
}

/* AuthenticateResponse: header = 1, token = 2. */
static int
on_token(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct etcd_client *c = arg;
	CLEANUP(freep_secret) struct secret *token = NULL;
	struct pb r;
	int k, rc;

	pb_init(&r, p, n);
	while ((k = pb_next(&r)) == 1) {
		if (r.field != 2 || r.wire != PB_BYTES)
			continue;
		if (r.len == 0 || r.len > TOKEN_MAX)
			return etcd_malformed("Authenticate", err);
		secret_free(TAKE(token));
		if ((rc = secret_copy(r.ptr, r.len, &token, err)) < 0)
			return rc;
	}
	if (k < 0 || token == NULL)
		return etcd_malformed("Authenticate", err);
	secret_free(c->token);
	c->token = TAKE(token);
	return 0;
}

static void
wipe_request(struct buf *b)
{
	if (b->p != NULL)
		secret_wipe(b->p, b->cap);
	buf_free(b);
}

/* AuthenticateRequest: name = 1, password = 2. */
static int
add_login(const struct etcd_client *c, const struct secret *password,
    struct buf *req, struct err *err)
{
	size_t nuser = strlen(c->user), npass = secret_len(password);
	int rc;

	/*
	 * Make all room at once: growing would leave copies of the password
	 * behind.
	 */
	if ((rc = buf_reserve(req, nuser + npass + 32, err)) < 0 ||
	    (rc = pb_add_bytes(req, 1, c->user, nuser, err)) < 0)
		return rc;
	return pb_add_bytes(req, 2, secret_p(password), npass, err);
}

static int
login(struct etcd_client *c, struct err *err)
{
	CLEANUP(freep_secret) struct secret *password = NULL;
	CLEANUP(wipe_request) struct buf req = BUF_INIT;
	struct etcd_call call = {
		.method = "/etcdserverpb.Auth/Authenticate",
		.req = &req,
		.timeout_ms = ETCD_UNARY_TIMEOUT_MS,
		.max = ETCD_UNARY_MAX,
		.fn = on_token,
		.arg = c,
	};
	struct err cause = ERR_INIT;
	int rc;

	if ((rc = etcd_client_password(c->password, &password, err)) < 0) {
		/* Somebody may be writing it just now: it may be asked again.
		 */
		if (rc != -HF_ENOMEM)
			err->code = -HF_EDENIED;
		return err_wrap(err, "log in as '%s'", c->user);
	}
	if ((rc = add_login(c, password, &req, err)) < 0)
		return rc;
	call.hide = password;
	secret_free(TAKE(c->token));
	rc = etcd_conn_call(c->conn, &call, &cause);
	if (rc < 0 && call.status == GRPC_FAILED_PRECONDITION &&
	    strstr(call.message, "not enabled") != NULL) {
		c->no_auth = true;
		return 0;
	}
	if (rc == 0 && c->token != NULL)
		return 0;
	*err = cause;
	if (rc == 0)
		(void)etcd_malformed("Authenticate", err);
	/* Only a refusal by etcd itself is about the user. */
	if (rc == -HF_EDENIED && call.status > GRPC_OK)
		(void)err_hint(err, "check 'user' and 'password'");
	return err_wrap(err, "log in as '%s'", c->user);
}

/*
 * The refusals after which etcd's own client logs in again (its
 * client/v3/retry_interceptor.go).
 */
static bool
token_expired(int status, const char *words)
{
	return status == GRPC_UNAUTHENTICATED ||
	       strstr(words, "invalid auth token") != NULL ||
	       strstr(words, "user name is empty") != NULL ||
	       strstr(words, "revision of auth store is old") != NULL;
}

bool
etcd_client_stale(struct etcd_client *c, int status, const char *words)
{
	if (c->user == NULL || !token_expired(status, words))
		return false;
	/*
	 * Forget no_auth, too: authentication may have been turned on
	 * meanwhile.
	 */
	c->no_auth = false;
	secret_free(TAKE(c->token));
	return true;
}

static int
need_token(struct etcd_client *c, struct err *err)
{
	if (c->user == NULL || c->token != NULL || c->no_auth)
		return 0;
	return login(c, err);
}

/* Tell who was refused without a user that one can be given. */
static int
no_user(const struct etcd_client *c, const char *words, struct err *err)
{
	if (err->code == -HF_EDENIED && c->user == NULL &&
	    strstr(words, "user name is empty") != NULL)
		(void)err_hint(err,
		    "authentication is on: give 'user' and 'password', or a "
		    "client certificate whose common name is a user");
	return err->code;
}

int
etcd_client_call(struct etcd_client *c, struct etcd_call *call, struct err *err)
{
	struct err cause = ERR_INIT;
	int rc;

	if ((rc = need_token(c, err)) < 0)
		return rc;
	call->token = c->token;
	if ((rc = etcd_conn_call(c->conn, call, &cause)) == 0)
		return 0;
	if (call->messages == 0 &&
	    etcd_client_stale(c, call->status, call->message)) {
		if ((rc = need_token(c, err)) < 0)
			return rc;
		call->token = c->token;
		return etcd_conn_call(c->conn, call, err);
	}
	*err = cause;
	return no_user(c, call->message, err);
}

int
etcd_client_stream(struct etcd_client *c, const struct etcd_call *call,
    bool (*full)(void *), struct etcd_stream **ret, struct err *err)
{
	struct etcd_call mine = *call;
	int rc;

	if ((rc = need_token(c, err)) < 0)
		return rc;
	mine.token = c->token;
	return etcd_stream_open(c->conn, &mine, full, ret, err);
}

int
etcd_client_ask(struct etcd_client *c, struct etcd_call *call, struct err *err)
{
	int rc;

	if ((rc = etcd_client_call(c, call, err)) < 0)
		return rc;
	if (call->messages != 1)
		return err_set(err, HF_ESOURCE,
		    "'%s': %s answered with %llu messages instead of one",
		    etcd_client_url(c), call->method,
		    (unsigned long long)call->messages);
	return 0;
}

int
etcd_client_unary(struct etcd_client *c, const char *method,
    const struct buf *req, grpc_message_fn fn, void *arg, struct err *err)
{
	struct etcd_call call = {
		.method = method,
		.req = req,
		.timeout_ms = ETCD_UNARY_TIMEOUT_MS,
		.max = ETCD_UNARY_MAX,
		.fn = fn,
		.arg = arg,
	};

	return etcd_client_ask(c, &call, err);
}

int
etcd_revision_gone(const struct etcd_call *call, uint64_t revision,
    enum etcd_revision *gone, struct err *err)
{
	if (call->status != GRPC_OUT_OF_RANGE)
		return err->code;
	if (strstr(call->message, "has been compacted") != NULL)
		*gone = ETCD_REVISION_COMPACTED;
	else if (strstr(call->message, "is a future revision") != NULL)
		*gone = ETCD_REVISION_FUTURE;
	else
		return err->code;
	err->code = -HF_ENOTFOUND;
	return err_wrap(err, "read revision %" PRIu64, revision);
}
