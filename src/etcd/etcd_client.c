#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_pb.h"

#define UNARY_TIMEOUT_MS 5000
#define UNARY_MAX (1024 * 1024)
#define TOKEN_MAX 4096

struct etcd_client {
	struct etcd_conn *conn;
	char *user;
	const struct secret *password;
	struct secret *token;
	bool no_auth; /* The server's authentication is off. */
};

int
etcd_client_new(const char *url, const struct etcd_conn_opts *opts,
    const char *user, const struct secret *password, struct etcd_client **ret,
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
	    (rc = etcd_conn_new(url, opts, &c->conn, err)) < 0)
		return rc;
	c->password = password;
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
	free(c);
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

static int
malformed(const char *what, struct err *err)
{
	return err_set(
	    err, HF_ESOURCE, "the server's %s message is malformed", what);
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
			return malformed("Authenticate", err);
		secret_free(TAKE(token));
		if ((rc = secret_copy(r.ptr, r.len, &token, err)) < 0)
			return rc;
	}
	if (k < 0 || token == NULL)
		return malformed("Authenticate", err);
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

static int
login(struct etcd_client *c, struct err *err)
{
	CLEANUP(wipe_request) struct buf req = BUF_INIT;
	struct etcd_call call = {
		.method = "/etcdserverpb.Auth/Authenticate",
		.req = &req,
		.hide = c->password,
		.timeout_ms = UNARY_TIMEOUT_MS,
		.max = UNARY_MAX,
		.fn = on_token,
		.arg = c,
	};
	size_t nuser = strlen(c->user), npass = secret_len(c->password);
	struct err cause = ERR_INIT;
	int rc;

	/* All room at once: growing would leave copies of the password. */
	if ((rc = buf_reserve(&req, nuser + npass + 32, err)) < 0 ||
	    (rc = pb_add_bytes(&req, 1, c->user, nuser, err)) < 0 ||
	    (rc = pb_add_bytes(&req, 2, secret_p(c->password), npass, err)) < 0)
		return rc;
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
		(void)malformed("Authenticate", err);
	/* Only what etcd itself said is about the user. */
	if (rc == -HF_EDENIED && call.status > GRPC_OK)
		(void)err_hint(err, "check 'user' and 'password'");
	return err_wrap(err, "log in as '%s'", c->user);
}

/*
 * The refusals after which etcd's own client logs in again (its
 * client/v3/retry_interceptor.go).
 */
static bool
token_expired(const struct etcd_call *call)
{
	if (call->messages > 0)
		return false;
	return call->status == GRPC_UNAUTHENTICATED ||
	       strstr(call->message, "invalid auth token") != NULL ||
	       strstr(call->message, "user name is empty") != NULL ||
	       strstr(call->message, "revision of auth store is old") != NULL;
}

int
etcd_client_call(struct etcd_client *c, struct etcd_call *call, struct err *err)
{
	struct err cause = ERR_INIT;
	int rc;

	if (c->user != NULL && c->token == NULL && !c->no_auth &&
	    (rc = login(c, err)) < 0)
		return rc;
	call->token = c->token;
	if ((rc = etcd_conn_call(c->conn, call, &cause)) == 0)
		return 0;
	if (c->user != NULL && token_expired(call)) {
		/* no_auth too: it may have been turned on meanwhile. */
		c->no_auth = false;
		if ((rc = login(c, err)) < 0)
			return rc;
		call->token = c->token;
		return etcd_conn_call(c->conn, call, err);
	}
	*err = cause;
	if (rc == -HF_EDENIED && c->user == NULL &&
	    strstr(call->message, "user name is empty") != NULL)
		(void)err_hint(err,
		    "authentication is on: give 'user' and 'password', or a "
		    "client certificate whose common name is a user");
	return rc;
}

int
etcd_client_unary(struct etcd_client *c, const char *method,
    const struct buf *req, grpc_message_fn fn, void *arg, struct err *err)
{
	struct etcd_call call = {
		.method = method,
		.req = req,
		.timeout_ms = UNARY_TIMEOUT_MS,
		.max = UNARY_MAX,
		.fn = fn,
		.arg = arg,
	};
	int rc;

	if ((rc = etcd_client_call(c, &call, err)) < 0)
		return rc;
	if (call.messages != 1)
		return err_set(err, HF_ESOURCE,
		    "'%s': %s answered with %llu messages instead of one",
		    etcd_client_url(c), method,
		    (unsigned long long)call.messages);
	return 0;
}

/* ResponseHeader: cluster_id = 1, member_id = 2, revision = 3, raft_term = 4 */
static int
read_header(struct etcd_status *s, const struct pb *field, struct err *err)
{
	struct pb r;
	int k;

	pb_init(&r, field->ptr, field->len);
	while ((k = pb_next(&r)) == 1) {
		if (r.wire != PB_VARINT)
			continue;
		if (r.field == 1)
			s->cluster_id = r.val;
		else if (r.field == 2)
			s->member_id = r.val;
		else if (r.field == 3)
			s->revision = r.val;
	}
	return k < 0 ? malformed("Status", err) : 0;
}

static void
status_number(struct etcd_status *s, const struct pb *r)
{
	switch (r->field) {
	case 3:
		s->db_size = r->val;
		break;
	case 4:
		s->leader = r->val;
		break;
	case 5:
		s->raft_index = r->val;
		break;
	case 6:
		s->raft_term = r->val;
		break;
	case 7:
		s->raft_applied = r->val;
		break;
	case 10:
		s->learner = r->val != 0;
		break;
	default:
		break;
	}
}

/*
 * An alarm that is raised is also listed among the errors of every member
 * ("memberID:1 alarm:NOSPACE"); it is no complaint about this one.
 */
static void
status_error(struct etcd_status *s, const struct pb *r)
{
	char text[sizeof(s->errors)];

	pb_text(r, text, sizeof(text));
	if (s->errors[0] == '\0' && strstr(text, "alarm:") == NULL)
		memcpy(s->errors, text, sizeof(text));
}

/* StatusResponse: header = 1, version = 2, errors = 8; see status_number. */
static int
on_status(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct etcd_status *s = arg;
	struct pb r;
	int k, rc;

	pb_init(&r, p, n);
	while ((k = pb_next(&r)) == 1) {
		if (r.wire == PB_VARINT)
			status_number(s, &r);
		else if (r.wire != PB_BYTES)
			continue;
		else if (r.field == 1 && (rc = read_header(s, &r, err)) < 0)
			return rc;
		else if (r.field == 2)
			pb_text(&r, s->version, sizeof(s->version));
		else if (r.field == 8)
			status_error(s, &r);
	}
	/* Servers from before 3.4 have no applied index. */
	if (s->raft_applied == 0)
		s->raft_applied = s->raft_index;
	return k < 0 ? malformed("Status", err) : 0;
}

int
etcd_client_status(
    struct etcd_client *c, struct etcd_status *ret, struct err *err)
{
	struct etcd_status s = { 0 };
	struct etcd_call call = {
		.method = "/etcdserverpb.Maintenance/Status",
		.timeout_ms = UNARY_TIMEOUT_MS,
		.max = UNARY_MAX,
		.fn = on_status,
		.arg = &s,
	};
	int rc;

	if ((rc = etcd_client_call(c, &call, err)) < 0)
		return rc;
	if (s.cluster_id == 0 || s.member_id == 0)
		return malformed("Status", err);
	s.seconds = call.seconds;
	*ret = s;
	return 0;
}

/* AlarmMember: memberID = 1, alarm = 2. */
static int
read_alarm(struct etcd_alarms *a, const struct pb *field, struct err *err)
{
	struct pb r;
	int k;

	if (a->n == ETCD_ALARMS_MAX)
		return err_set(err, HF_ESOURCE,
		    "more than %d alarms are raised", ETCD_ALARMS_MAX);
	pb_init(&r, field->ptr, field->len);
	while ((k = pb_next(&r)) == 1) {
		if (r.wire == PB_VARINT && r.field == 1)
			a->at[a->n].member_id = r.val;
		else if (r.wire == PB_VARINT && r.field == 2)
			a->at[a->n].type = r.val;
	}
	a->n++;
	return k < 0 ? malformed("Alarm", err) : 0;
}

/* AlarmResponse: header = 1, alarms = 2. */
static int
on_alarms(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct pb r;
	int k, rc;

	pb_init(&r, p, n);
	while ((k = pb_next(&r)) == 1)
		if (r.field == 2 && r.wire == PB_BYTES &&
		    (rc = read_alarm(arg, &r, err)) < 0)
			return rc;
	return k < 0 ? malformed("Alarm", err) : 0;
}

int
etcd_client_alarms(
    struct etcd_client *c, struct etcd_alarms *ret, struct err *err)
{
	struct etcd_alarms a = { 0 };
	int rc;

	/* An empty AlarmRequest is GET, of all members, of all types. */
	rc = etcd_client_unary(
	    c, "/etcdserverpb.Maintenance/Alarm", NULL, on_alarms, &a, err);
	if (rc == 0)
		*ret = a;
	return rc;
}

/* MemberListResponse: header = 1, members = 2. */
static int
on_members(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	size_t *count = arg;
	struct pb r;
	int k;

	pb_init(&r, p, n);
	while ((k = pb_next(&r)) == 1)
		if (r.field == 2 && r.wire == PB_BYTES)
			++*count;
	return k < 0 ? malformed("MemberList", err) : 0;
}

int
etcd_client_members(struct etcd_client *c, size_t *ret, struct err *err)
{
	size_t n = 0;
	int rc;

	rc = etcd_client_unary(
	    c, "/etcdserverpb.Cluster/MemberList", NULL, on_members, &n, err);
	if (rc == 0)
		*ret = n;
	return rc;
}
