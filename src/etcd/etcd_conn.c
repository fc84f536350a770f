#include <curl/curl.h>
#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "etcd/etcd_flight.h"
#include "net/net_policy.h"

/* A call whose end is waited for. */
struct waiting {
	struct etcd_flight flight;
	struct buf body;
};

static void
waiting_clear(struct waiting *w)
{
	etcd_flight_clear(&w->flight);
	/* An Authenticate request holds a password. */
	if (w->body.p != NULL)
		secret_wipe(w->body.p, w->body.cap);
	buf_free(&w->body);
}

/* libcurl calls this when bytes move and about once a second otherwise. */
static int
on_progress(void *arg, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
    curl_off_t ulnow)
{
	struct etcd_flight *f = arg;
	long ms =
	    f->call->silence_ms > 0 ? f->call->silence_ms : f->conn->stall_ms;
	double limit = (double)ms / 1e3;

	(void)dltotal, (void)dlnow, (void)ultotal, (void)ulnow;
	if (f->call->stop != NULL && f->call->stop(f->call->arg)) {
		(void)err_set(&f->cause, HF_EINTR, "told to stop");
		return 1;
	}
	if (etcd_flight_now() - f->heard > limit) {
		(void)err_set(&f->cause, HF_EUNAVAIL,
		    "the stream stalled: nothing came for %g seconds", limit);
		return 1;
	}
	return 0;
}

/* What net_policy_check calls 'ca_file' is called 'ca' here. */
static int
check_files(const struct etcd_conn_opts *o, struct err *err)
{
	const struct net_policy policy = { .cert_file = o->cert,
		.key_file = o->key };

	if ((o->cert == NULL) != (o->key == NULL))
		return err_set(err, HF_ECONFIG,
		    "a client certificate needs both 'cert' and 'key'");
	if (o->ca != NULL && access(o->ca, R_OK) < 0) {
		(void)err_errno(err, errno, "read the CA file '%s'", o->ca);
		err->code = -HF_ECONFIG;
		return err_hint(err, "correct the option 'ca'");
	}
	return net_policy_check(&policy, err);
}

int
etcd_conn_new(const char *url, const struct etcd_conn_opts *o,
    struct etcd_conn **ret, struct err *err)
{
	CLEANUP(freep_etcd_conn) struct etcd_conn *c = NULL;
	int rc;

	if ((rc = net_init(err)) < 0 || (rc = check_files(o, err)) < 0)
		return rc;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_nomem(err);
	if ((rc = str_dup(url, &c->url, err)) < 0 ||
	    (rc = str_dup(o->ca, &c->ca, err)) < 0 ||
	    (rc = str_dup(o->cert, &c->cert, err)) < 0 ||
	    (rc = str_dup(o->key, &c->key, err)) < 0 ||
	    (rc = str_dup(o->socket, &c->socket, err)) < 0)
		return rc;
	c->tls = str_has_prefix(url, "https://") != NULL;
	c->connect_ms = o->connect_ms;
	c->stall_ms = o->stall_ms;
	if ((c->curl = curl_easy_init()) == NULL)
		return err_nomem(err);
	*ret = TAKE(c);
	return 0;
}

void
etcd_conn_free(struct etcd_conn *c)
{
	if (c == NULL)
		return;
	if (c->curl != NULL)
		curl_easy_cleanup(c->curl);
	free(c->url);
	free(c->ca);
	free(c->cert);
	free(c->key);
	free(c->socket);
	free(c);
}

const char *
etcd_conn_url(const struct etcd_conn *c)
{
	return c->url;
}

static int
perform(struct waiting *w, struct err *err)
{
	struct etcd_flight *f = &w->flight;
	CURL *h = f->curl;
	double start = f->heard;
	CURLcode rc;

	curl_easy_setopt(h, CURLOPT_POSTFIELDS, (char *)w->body.p);
	curl_easy_setopt(
	    h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)w->body.len);
	curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(h, CURLOPT_XFERINFODATA, f);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, f->call->timeout_ms);
	rc = curl_easy_perform(h);
	f->call->seconds = etcd_flight_now() - start;
	return etcd_flight_end(f, rc, err);
}

int
etcd_conn_call(struct etcd_conn *c, struct etcd_call *call, struct err *err)
{
	CLEANUP(waiting_clear) struct waiting w = { .body = BUF_INIT };
	const struct buf *req = call->req;
	int rc;

	if ((rc = etcd_flight_init(&w.flight, c, call, c->curl, err)) < 0 ||
	    (rc = grpc_frame(&w.body, req == NULL ? NULL : req->p,
		 req == NULL ? 0 : req->len, err)) < 0)
		return rc;
	rc = perform(&w, err);
	/* The handle points at variables of this function. */
	curl_easy_reset(c->curl);
	return rc;
}
