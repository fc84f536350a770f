#ifndef ETCD_ETCD_CONN_H_
#define ETCD_ETCD_CONN_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "etcd/etcd_grpc.h"

/* Opaque types. */
struct buf;
struct err;
struct etcd_conn;
struct secret;

/*
 * The way to one member of a cluster: gRPC calls over libcurl's HTTP/2, with
 * TLS (1.2 at least) or, for http://, in the clear.  A connection serves one
 * thread at a time and is kept open between calls.
 */
struct etcd_conn_opts {
	const char *ca;   /* PEM file; NULL: the system's authorities. */
	const char *cert; /* PEM file of a client certificate, or NULL. */
	const char *key;  /* PEM file of its private key. */
	/* A Unix socket to go to, whatever host the URL names; or NULL. */
	const char *socket;
	long connect_ms; /* For TCP and TLS together. */
	long stall_ms;   /* A call during which nothing comes for so long
	                     has failed. */
};

struct etcd_call {
	const char *method;         /* "/etcdserverpb.Maintenance/Status" */
	const struct buf *req;      /* The request's message; NULL: empty. */
	const struct secret *token; /* Of Authenticate, or NULL. */
	const struct secret *hide;  /* Sent in req: not to be shown. */
	long timeout_ms;            /* For the whole call; 0: stall_ms alone. */
	long silence_ms;            /* Instead of stall_ms, if not 0. */
	bool has_leader;            /* Fail once the member has no leader. */
	size_t max;                 /* No message is longer. */
	grpc_message_fn fn;         /* Takes each message. */
	bool (*stop)(void *arg);    /* Asked about once a second; or NULL. */
	void *arg;                  /* Of fn and stop. */

	/* What came of it, also when the call has failed. */
	int status; /* enum grpc_code */
	char message[256];
	uint64_t messages;
	double seconds;
};

/**
 * etcd_endpoint_parse(text, ret, err):
 * Make a base URL of "https://host:port", "http://host:port", "host:port" or
 * "host": https unless told, port 2379 unless told.  HF_ECONFIG if there is
 * more in it, such as a user, a path, or another scheme.  The caller frees
 * ${*ret}.
 */
int etcd_endpoint_parse(const char *, char **, struct err *);

/**
 * etcd_conn_new(url, opts, ret, err):
 * Make ready to talk to the member at ${url}; nothing is sent yet.  Strings
 * are copied.  HF_ECONFIG, naming the option, if a file cannot be read.
 */
int etcd_conn_new(const char *, const struct etcd_conn_opts *,
    struct etcd_conn **, struct err *);
void etcd_conn_free(struct etcd_conn *);
CLEANUP_DEFINE(etcd_conn);

const char *etcd_conn_url(const struct etcd_conn *);

/**
 * etcd_conn_call(c, call, err):
 * Call a unary or server-streaming method and hand its messages to the
 * call's fn.  Fails with fn's error, with HF_EINTR if stop returned true, or
 * as grpc_rx_finish says; HF_EUNAVAIL if the member cannot be reached,
 * HF_EDENIED if it does not trust our certificate, HF_ECONFIG if we do not
 * trust its.
 */
int etcd_conn_call(struct etcd_conn *, struct etcd_call *, struct err *);

#endif /* !ETCD_ETCD_CONN_H_ */
