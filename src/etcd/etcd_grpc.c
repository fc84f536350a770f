#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "etcd/etcd_grpc.h"

#define PART_MIN 65536

/*
 * Until 3.5 this comes as UNAVAILABLE, since then as FAILED_PRECONDITION;
 * another member may answer.
 */
#define LEARNER "not supported for learner"

void
grpc_rx_init(struct grpc_rx *rx, size_t max, grpc_message_fn fn, void *arg)
{
	*rx = (struct grpc_rx){
		.fn = fn, .arg = arg, .max = max, .status = GRPC_NONE
	};
}

void
grpc_rx_free(struct grpc_rx *rx)
{
	free(rx->part);
	rx->part = NULL;
	rx->cap = 0;
}

/* Undo grpc-message's percent-encoding, in a form fit for a message. */
static void
set_message(struct grpc_rx *rx, const char *v, size_t n)
{
	size_t i, out = 0;
	uint8_t c;

	for (i = 0; i < n && out < sizeof(rx->message) - 1; i++) {
		if (v[i] == '%' && n - i > 2 && str_unhex(&c, v + i + 1, 1))
			i += 2;
		else
			c = (uint8_t)v[i];
		rx->message[out++] = c >= ' ' && c <= '~' ? (char)c : '?';
	}
	rx->message[out] = '\0';
}

/* Read all of ${v} as a number of at most three digits, or return -1. */
static int
number(const char *v, size_t n)
{
	int r = 0;
	size_t i;

	if (n < 1 || n > 3)
		return -1;
	for (i = 0; i < n; i++) {
		if (v[i] < '0' || v[i] > '9')
			return -1;
		r = r * 10 + (v[i] - '0');
	}
	return r;
}

/* If the line is ${name}'s, step over the name and return true. */
static bool
is_header(const char *name, const char **line, size_t *n)
{
	size_t len = strlen(name);

	if (*n <= len || strncasecmp(*line, name, len) != 0 ||
	    (*line)[len] != ':')
		return false;
	for (len++; len < *n && (*line)[len] == ' '; len++)
		;
	*line += len;
	*n -= len;
	return true;
}

/* "application/grpc", "application/grpc+proto", "application/grpc;x=y". */
static bool
is_grpc_type(const char *v, size_t n)
{
	static const char type[] = "application/grpc";
	size_t len = sizeof(type) - 1;

	return n >= len && strncasecmp(v, type, len) == 0 &&
	       (n == len || v[len] == '+' || v[len] == ';');
}

void
grpc_rx_header(struct grpc_rx *rx, const char *line, size_t n)
{
	const char *sp;

	while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == '\n'))
		n--;
	if (n > 5 && memcmp(line, "HTTP/", 5) == 0) {
		/*
		 * A new answer begins, after a 1xx: what came before is void.
		 */
		sp = memchr(line, ' ', n);
		n = sp == NULL ? 0 : n - (size_t)(sp + 1 - line);
		rx->http = n < 3 ? 0 : number(sp + 1, 3);
		rx->grpc = false;
	} else if (is_header("content-type", &line, &n)) {
		rx->grpc = is_grpc_type(line, n);
	} else if (is_header("grpc-status", &line, &n)) {
		rx->status = number(line, n);
	} else if (is_header("grpc-message", &line, &n)) {
		set_message(rx, line, n);
	}
}

/* The prefix is whole: learn from it how long the message is. */
static int
begin_message(struct grpc_rx *rx, struct err *err)
{
	const uint8_t *p = rx->prefix;

	if (p[0] != 0)
		return err_set(err, HF_ESOURCE,
		    "the server compressed a message, unasked");
	rx->want =
	    (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
	rx->have = 0;
	if (rx->want > rx->max)
		return err_set(err, HF_ESOURCE,
		    "the server sent a message of %zu bytes, "
		    "more than the %zu expected at most",
		    rx->want, rx->max);
	return 0;
}

static int
message(struct grpc_rx *rx, const uint8_t *p, struct err *err)
{
	int rc;

	rx->nprefix = 0;
	if ((rc = rx->fn(rx->arg, p, rx->want, err)) < 0)
		return rc;
	rx->messages++;
	return 0;
}

/*
 * Make room only for bytes that have come: a length that is announced may be a
 * lie.
 */
static int
make_room(struct grpc_rx *rx, size_t n, struct err *err)
{
	size_t cap = rx->cap < PART_MIN ? PART_MIN : rx->cap;
	uint8_t *grown;

	if (n <= rx->cap)
		return 0;
	while (cap < n)
		cap *= 2;
	if (cap > rx->want)
		cap = rx->want;
	if ((grown = realloc(rx->part, cap)) == NULL)
		return err_nomem(err);
	rx->part = grown;
	rx->cap = cap;
	return 0;
}

/* Keep bytes of a message that is not whole; ${*used} tells how many. */
static int
collect(struct grpc_rx *rx, const uint8_t *p, size_t n, size_t *used,
    struct err *err)
{
	size_t k = rx->want - rx->have;
	int rc;

	if (k > n)
		k = n;
	if ((rc = make_room(rx, rx->have + k, err)) < 0)
		return rc;
	memcpy(rx->part + rx->have, p, k);
	rx->have += k;
	*used = k;
	return rx->have == rx->want ? message(rx, rx->part, err) : 0;
}

int
grpc_rx_body(struct grpc_rx *rx, const uint8_t *p, size_t n, struct err *err)
{
	size_t used;
	int rc;

	if (rx->http != 200 || !rx->grpc)
		return grpc_rx_finish(rx, err);
	while (n > 0) {
		if (rx->nprefix < sizeof(rx->prefix)) {
			rx->prefix[rx->nprefix++] = *p++;
			n--;
			if (rx->nprefix < sizeof(rx->prefix))
				continue;
			if ((rc = begin_message(rx, err)) < 0)
				return rc;
			if (rx->want > 0)
				continue;
		}
		if (rx->have == 0 && n >= rx->want) {
			/* All of it lies in this piece: it is not copied. */
			used = rx->want;
			rc = message(rx, p, err);
		} else {
			rc = collect(rx, p, n, &used, err);
		}
		if (rc < 0)
			return rc;
		p += used;
		n -= used;
	}
	return 0;
}

static bool
says(const struct grpc_rx *rx, const char *words)
{
	return strstr(rx->message, words) != NULL;
}

/*
 * etcd gives some refusals as UNKNOWN or INVALID_ARGUMENT (its maintenance
 * service hands on the bare error), so the words count too.
 */
static bool
is_denial(const struct grpc_rx *rx)
{
	return rx->status == GRPC_PERMISSION_DENIED ||
	       rx->status == GRPC_UNAUTHENTICATED ||
	       says(rx, "permission denied") ||
	       says(rx, "user name is empty") ||
	       says(rx, "authentication failed") ||
	       says(rx, "invalid auth token");
}

static int
refused(const struct grpc_rx *rx, struct err *err)
{
	const char *words =
	    rx->message[0] == '\0' ? "no reason given" : rx->message;
	enum hf_code code = HF_ESOURCE;

	if (is_denial(rx))
		code = HF_EDENIED;
	else if (rx->status == GRPC_UNAVAILABLE ||
		 rx->status == GRPC_CANCELLED ||
		 rx->status == GRPC_DEADLINE_EXCEEDED ||
		 rx->status == GRPC_RESOURCE_EXHAUSTED || says(rx, LEARNER))
		code = HF_EUNAVAIL;
	(void)err_set(err, code, "the server refused: %s (gRPC status %d)",
	    words, rx->status);
	if (says(rx, LEARNER))
		(void)err_hint(err, "name a voting member as endpoint");
	if (rx->status == GRPC_UNIMPLEMENTED)
		(void)err_hint(err, "is this an etcd of version 3.4 or later?");
	return err->code;
}

int
grpc_rx_finish(const struct grpc_rx *rx, struct err *err)
{
	if (rx->status > 0)
		return refused(rx, err);
	if (rx->http != 200 || !rx->grpc) {
		(void)err_set(err, HF_EUNAVAIL,
		    "the answer is not gRPC (HTTP status %d)", rx->http);
		return err_hint(err,
		    "the endpoint must be etcd's client port; a proxy in "
		    "between must pass HTTP/2");
	}
	if (rx->nprefix > 0)
		return err_set(
		    err, HF_EUNAVAIL, "the stream ended inside a message");
	if (rx->status == GRPC_NONE)
		return err_set(
		    err, HF_EUNAVAIL, "the stream ended without a status");
	return 0;
}

int
grpc_frame(struct buf *b, const void *msg, size_t n, struct err *err)
{
	uint8_t prefix[5] = { 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16),
		(uint8_t)(n >> 8), (uint8_t)n };
	int rc;

	if (n > UINT32_MAX)
		return err_set(err, HF_EBUG, "a gRPC message over 4 GiB");
	if ((rc = buf_reserve(b, sizeof(prefix) + n, err)) < 0 ||
	    (rc = buf_add(b, prefix, sizeof(prefix), err)) < 0)
		return rc;
	return n == 0 ? 0 : buf_add(b, msg, n, err);
}
