#ifndef ETCD_ETCD_FLIGHT_H_
#define ETCD_ETCD_FLIGHT_H_

#include <curl/curl.h>
#include <stdbool.h>

#include "base/err.h"
#include "etcd/etcd_conn.h"

/*
 * One call in flight, for etcd_conn and etcd_stream: the headers that gRPC
 * wants, libcurl's options, what comes back, and the verdict.  Which request
 * goes up, and who drives the transfer, is theirs.
 */
struct etcd_flight {
	const struct etcd_conn *conn;
	struct etcd_call *call;
	CURL *curl;
	struct grpc_rx rx;
	bool (*full)(void *); /* The call's taker cannot take more now. */
	bool held;            /* So that libcurl was told to wait. */
	double heard;         /* When something came last. */
	struct err cause;     /* Why we ended it. */

	char *url, *token_line;
	struct curl_slist *headers;
	char errbuf[CURL_ERROR_SIZE];
};

/**
 * etcd_flight_init(f, conn, call, curl, err):
 * Set up ${curl} for ${call}, all but the request's body.  Everything that
 * is named must outlive the flight.  The caller clears it, also on failure.
 */
int etcd_flight_init(struct etcd_flight *, const struct etcd_conn *,
    struct etcd_call *, CURL *, struct err *);
void etcd_flight_clear(struct etcd_flight *);

/**
 * etcd_flight_now():
 * Return the time in seconds, of the clock of ${f->heard}.
 */
double etcd_flight_now(void);

/**
 * etcd_flight_end(f, code, err):
 * The transfer has ended with libcurl's ${code}: tell the call what came of
 * it, and return the verdict.
 */
int etcd_flight_end(struct etcd_flight *, CURLcode, struct err *);

/* What a connection is made of, for etcd_flight.c and etcd_conn.c alone. */
struct etcd_conn {
	CURL *curl; /* Of the calls that are made one after another. */
	char *url;
	bool tls;
	char *ca, *cert, *key, *socket;
	long connect_ms, stall_ms;
};

#endif /* !ETCD_ETCD_FLIGHT_H_ */
