#include <curl/curl.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypto/secret.h"
#include "etcd/etcd_flight.h"
#include "etcd/etcd_stream.h"

/* A second at most, so that silence is noticed in time. */
#define POLL_MAX_MS 1000

struct etcd_stream {
	struct etcd_call call;
	struct secret *token;
	struct etcd_flight flight;
	CURL *curl;
	CURLM *multi;
	bool running;   /* The handle is in the multi. */
	struct buf out; /* Messages that are still to be sent, */
	size_t sent;    /* and how much of them has been. */
	double silence;
	bool ended;
	int rc; /* Of the end. */
	struct err err;
};

static size_t
on_read(char *p, size_t size, size_t n, void *arg)
{
	struct etcd_stream *s = arg;
	size_t k = s->out.len - s->sent;

	if (k == 0)
		return CURL_READFUNC_PAUSE; /* No end: more may follow. */
	if (k > size * n)
		k = size * n;
	memcpy(p, s->out.p + s->sent, k);
	s->sent += k;
	if (s->sent == s->out.len)
		s->out.len = s->sent = 0;
	return k;
}

void
etcd_stream_free(struct etcd_stream *s)
{
	if (s == NULL)
		return;
	if (s->running)
		(void)curl_multi_remove_handle(s->multi, s->curl);
	if (s->curl != NULL)
		curl_easy_cleanup(s->curl);
	if (s->multi != NULL)
		(void)curl_multi_cleanup(s->multi);
	etcd_flight_clear(&s->flight);
	secret_free(s->token);
	buf_free(&s->out);
	free(s);
}

static int
copy_call(struct etcd_stream *s, const struct etcd_call *call, struct err *err)
{
	int rc;

	s->call = *call;
	s->call.req = NULL;
	/* The client may log in anew while we run. */
	if (call->token != NULL &&
	    (rc = secret_copy(secret_p(call->token), secret_len(call->token),
		 &s->token, err)) < 0)
		return rc;
	s->call.token = s->token;
	return 0;
}

static int
start(struct etcd_stream *s, struct err *err)
{
	/*
	 * The body's length is not known: with POSTFIELDS it would end at its
	 * last byte.
	 */
	curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)-1);
	curl_easy_setopt(s->curl, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(s->curl, CURLOPT_READDATA, s);
	if ((s->multi = curl_multi_init()) == NULL ||
	    curl_multi_add_handle(s->multi, s->curl) != CURLM_OK)
		return err_nomem(err);
	s->running = true;
	return 0;
}

int
etcd_stream_open(const struct etcd_conn *conn, const struct etcd_call *call,
    bool (*full)(void *), struct etcd_stream **ret, struct err *err)
{
	CLEANUP(freep_etcd_stream) struct etcd_stream *s = NULL;
	int rc;

	if ((s = calloc(1, sizeof(*s))) == NULL ||
	    (s->curl = curl_easy_init()) == NULL)
		return err_nomem(err);
	if ((rc = copy_call(s, call, err)) < 0 ||
	    (rc = etcd_stream_send(s, call->req, err)) < 0 ||
	    (rc = etcd_flight_init(&s->flight, conn, &s->call, s->curl, err)) <
		0 ||
	    (rc = start(s, err)) < 0)
		return rc;
	s->flight.full = full;
	*ret = TAKE(s);
	return 0;
}

static void
end(struct etcd_stream *s, CURLcode code)
{
	s->ended = true;
	s->rc = etcd_flight_end(&s->flight, code, &s->err);
	if (s->rc == 0)
		s->rc = 1;
}

/*
 * Let libcurl ask again for what it was told to wait for.  It may call on_body
 * from within, with bytes that it has kept, and there a failure does not end
 * the transfer.
 */
static void
resume(struct etcd_stream *s)
{
	CURLcode code;

	s->flight.held = s->flight.held && s->flight.full(s->call.arg);
	code = curl_easy_pause(
	    s->curl, s->flight.held ? CURLPAUSE_RECV : CURLPAUSE_CONT);
	if (s->flight.cause.code != 0)
		end(s, code);
}

int
etcd_stream_send(struct etcd_stream *s, const struct buf *msg, struct err *err)
{
	int rc;

	if ((rc = grpc_frame(&s->out, msg->p, msg->len, err)) < 0)
		return rc;
	if (s->running && !s->ended)
		resume(s);
	return 0;
}

/*
 * Move bytes, and see whether the call has ended.  A status of gRPC ends it, as
 * the server's last word: libcurl would still wait for the end of what we send.
 */
static int
move(struct etcd_stream *s, struct err *err)
{
	const CURLMsg *msg;
	int n;

	if (curl_multi_perform(s->multi, &n) != CURLM_OK)
		return err_nomem(err);
	while ((msg = curl_multi_info_read(s->multi, &n)) != NULL)
		if (msg->msg == CURLMSG_DONE)
			end(s, msg->data.result);
	if (!s->ended && !s->flight.held && s->flight.rx.status != GRPC_NONE)
		end(s, CURLE_OK);
	return 0;
}

static int
await(struct etcd_stream *s, long ms, struct err *err)
{
	int n;

	if (ms > POLL_MAX_MS)
		ms = POLL_MAX_MS;
	if (curl_multi_poll(s->multi, NULL, 0, (int)ms, &n) != CURLM_OK)
		return err_nomem(err);
	return 0;
}

static void
check_silence(struct etcd_stream *s)
{
	const long ms = s->call.silence_ms > 0 ? s->call.silence_ms
					       : s->flight.conn->stall_ms;
	const double limit = (double)ms / 1e3;

	if (s->ended || s->silence <= limit)
		return;
	(void)err_set(&s->flight.cause, HF_EUNAVAIL,
	    "the stream stalled: nothing came for %g seconds", limit);
	end(s, CURLE_OPERATION_TIMEDOUT);
}

int
etcd_stream_step(struct etcd_stream *s, long ms, struct err *err)
{
	const double start = etcd_flight_now(), heard = s->flight.heard;
	int rc;

	if (s->flight.held && !s->ended)
		resume(s);
	if (!s->ended) {
		if ((rc = move(s, err)) < 0)
			return rc;
		if (!s->ended && s->flight.heard == heard && !s->flight.held &&
		    (rc = await(s, ms, err)) < 0)
			return rc;
		/*
		 * The time that our caller takes is not the server's silence.
		 */
		s->silence = s->flight.heard != heard
				 ? 0
				 : s->silence + etcd_flight_now() - start;
		check_silence(s);
	}
	if (s->rc < 0)
		*err = s->err;
	return s->rc;
}

double
etcd_stream_silence(const struct etcd_stream *s)
{
	return s->silence;
}
