#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_flight.h"
#include "etcd/etcd_stream.h"
#include "etcd/etcd_watch_log.h"

/*
 * A fragment is as large as a request may be: 1.5 MiB unless configured
 * otherwise.
 */
#define MESSAGE_MAX ((size_t)64 * 1024 * 1024)
/* After so much silence the member is asked for a sign of life. */
#define ASK_AFTER_SECONDS 10.0
#define STEP_MS 100

struct etcd_watch {
	struct etcd_watch_log log;
	struct etcd_stream *stream;
	const char *url;
	bool asked; /* Since something came. */
	int rc;     /* Of its end. */
	struct err err;
};

/*
 * WatchRequest{create_request = 1}: WatchCreateRequest{key = 1, range_end = 2,
 * start_revision = 3, progress_notify = 4, fragment = 8}.
 */
static int
make_request(uint64_t start, struct buf *ret, struct err *err)
{
	CLEANUP(freep_buf) struct buf create = BUF_INIT;
	int rc;

	if ((rc = pb_add_bytes(&create, 1, "\0", 1, err)) < 0 ||
	    (rc = pb_add_bytes(&create, 2, "\0", 1, err)) < 0 ||
	    (rc = pb_add_uint(&create, 3, start, err)) < 0 ||
	    (rc = pb_add_uint(&create, 4, 1, err)) < 0 ||
	    (rc = pb_add_uint(&create, 8, 1, err)) < 0)
		return rc;
	return pb_add_bytes(ret, 1, create.p, create.len, err);
}

void
etcd_watch_free(struct etcd_watch *w)
{
	if (w == NULL)
		return;
	etcd_stream_free(w->stream);
	etcd_watch_log_clear(&w->log);
	free(w);
}

/* Make an error for the caller of the reason that the server gave. */
static int
cancelled(struct etcd_watch *w, struct err *err)
{
	const char *why = w->log.reason;
	enum hf_code code = HF_EUNAVAIL;

	if (strstr(why, "permission denied") != NULL ||
	    strstr(why, "user name is empty") != NULL ||
	    strstr(why, "revision of auth store is old") != NULL ||
	    strstr(why, "invalid auth token") != NULL)
		code = HF_EDENIED;
	(void)err_set(err, code, "'%s': the server ended the watch: %s", w->url,
	    why[0] == '\0' ? "no reason given" : why);
	if (code == HF_EDENIED)
		(void)err_hint(err,
		    "to watch all keys, the user (or, without one, the common "
		    "name of the client certificate) must be allowed to read "
		    "them: the role 'root' is");
	return err->code;
}

/* Take one step of the stream; its end is the end of the watch. */
static int
step(struct etcd_watch *w, long ms, struct err *err)
{
	int rc;

	if (w->rc == 0 && (rc = etcd_stream_step(w->stream, ms, &w->err)) != 0)
		w->rc = rc < 0
			    ? rc
			    : err_set(&w->err, HF_EUNAVAIL,
				  "'%s': the server ended the watch", w->url);
	/* The reason that came before the end says more than the end does. */
	if (w->log.cancelled && w->log.compacted == 0)
		w->rc = cancelled(w, &w->err);
	if (w->rc < 0)
		*err = w->err;
	return w->rc;
}

/* Until the server has said that it watches. */
static int
await_created(struct etcd_watch *w, struct err *err)
{
	const double limit = etcd_flight_now() + ETCD_UNARY_TIMEOUT_MS / 1e3;
	int rc;

	while (!w->log.created && w->log.compacted == 0) {
		rc = step(w, STEP_MS, err);
		/*
		 * If it broke right after that, what came before is told first.
		 */
		if (rc < 0 && (!w->log.created || w->log.cancelled))
			return rc;
		if (etcd_flight_now() > limit)
			return err_set(err, HF_EUNAVAIL,
			    "'%s': no answer to Watch in time", w->url);
	}
	return 0;
}

static int
ignore_message(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	(void)arg, (void)p, (void)n, (void)err;
	return 0;
}

/*
 * Find out why the watch could not be opened, and whether to try ${*again}.  An
 * etcd 3.4 says of a token that it does not know only that the permission is
 * denied.  And if a server refuses a stream before it has said anything,
 * libcurl may lose the words; a question that it refuses in the same way brings
 * them.
 */
static int
refused(
    struct etcd_client *c, struct etcd_watch *w, bool *again, struct err *err)
{
	/* RangeRequest{key = "\0"}, which nobody has. */
	static uint8_t nothing[] = { 0x0a, 1, 0 };
	const struct buf req = { .p = nothing, .len = sizeof(nothing) };
	struct etcd_call call = {
		.method = "/etcdserverpb.KV/Range",
		.req = &req,
		.has_leader = true,
		.timeout_ms = ETCD_UNARY_TIMEOUT_MS,
		.max = MESSAGE_MAX,
		.fn = ignore_message,
	};
	struct err cause = ERR_INIT;

	if (w->log.cancelled) {
		*again = err->code == -HF_EDENIED &&
			 etcd_client_stale(c, GRPC_UNAUTHENTICATED, "");
		return err->code;
	}
	if (w->log.header.member_id != 0)
		return err->code;
	etcd_stream_free(TAKE(w->stream));
	*again = etcd_client_call(c, &call, &cause) == 0;
	if (call.status > GRPC_OK)
		*err = cause;
	return err->code;
}

static int
open_once(struct etcd_client *c, uint64_t start, struct etcd_watch **ret,
    bool *again, struct err *err)
{
	CLEANUP(freep_etcd_watch) struct etcd_watch *w = NULL;
	CLEANUP(freep_buf) struct buf req = BUF_INIT;
	struct etcd_call call = {
		.method = "/etcdserverpb.Watch/Watch",
		.req = &req,
		.has_leader = true,
		.max = MESSAGE_MAX,
		.fn = etcd_watch_log_feed,
	};
	int rc;

	if ((rc = make_request(start, &req, err)) < 0)
		return rc;
	if ((w = calloc(1, sizeof(*w))) == NULL)
		return err_nomem(err);
	etcd_watch_log_init(&w->log, start);
	w->url = etcd_client_url(c);
	call.arg = &w->log;
	if ((rc = etcd_client_stream(
		 c, &call, etcd_watch_log_full, &w->stream, err)) < 0)
		return rc;
	if (await_created(w, err) < 0)
		return refused(c, w, again, err);
	*ret = TAKE(w);
	return 0;
}

int
etcd_watch_open(struct etcd_client *c, uint64_t start, struct etcd_watch **ret,
    struct err *err)
{
	struct err cause = ERR_INIT;
	bool again = false, ignore;
	int rc;

	if ((rc = open_once(c, start, ret, &again, &cause)) == 0)
		return 0;
	if (again)
		return open_once(c, start, ret, &ignore, err);
	*err = cause;
	return rc;
}

int
etcd_watch_ask(struct etcd_watch *w, struct err *err)
{
	/* WatchRequest{progress_request = 3}, which is empty. */
	static uint8_t progress[] = { 0x1a, 0x00 };
	const struct buf msg = { .p = progress, .len = sizeof(progress) };

	return etcd_stream_send(w->stream, &msg, err);
}

/* Ask a silent member for a sign of life, to notice if it is gone. */
static int
keep_alive(struct etcd_watch *w, struct err *err)
{
	if (etcd_stream_silence(w->stream) < ASK_AFTER_SECONDS) {
		w->asked = false;
		return 0;
	}
	if (w->asked)
		return 0;
	w->asked = true;
	return etcd_watch_ask(w, err);
}

int
etcd_watch_next(
    struct etcd_watch *w, long ms, struct etcd_batch *ret, struct err *err)
{
	const double limit = etcd_flight_now() + (double)ms / 1e3;
	double left = (double)ms / 1e3;
	int rc, ended = 0;

	for (;;) {
		/* What came before the end is given out before the end. */
		if ((rc = etcd_watch_log_take(&w->log, ret, err)) != 0)
			return rc < 0 ? rc : 0;
		if (ended < 0)
			return ended;
		if (left < 0)
			return 0;
		if ((rc = keep_alive(w, err)) < 0)
			return rc;
		ended = step(w, (long)(left * 1e3), err);
		left = limit - etcd_flight_now();
	}
}

uint64_t
etcd_watch_next_revision(const struct etcd_watch *w)
{
	return w->log.first;
}

const struct etcd_header *
etcd_watch_header(const struct etcd_watch *w)
{
	return &w->log.header;
}
