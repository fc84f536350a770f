#ifndef NET_HTTP_TRANSFER_H_
#define NET_HTTP_TRANSFER_H_

#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>

/* Opaque types. */
struct err;
struct http_request;
struct http_response;
struct net_policy;

/*
 * One request on its way: a libcurl handle, where its answer goes, and the
 * caller that waits.  Made and released by the caller; between, it belongs to
 * the client's thread (http.c).
 */
struct transfer {
	struct transfer *next;
	CURL *curl;
	struct curl_slist *headers;
	const struct http_request *req;
	struct http_response *res;
	bool nomem; /* While the answer was stored. */
	bool flood; /* More header lines than anybody needs. */
	char detail[CURL_ERROR_SIZE];

	bool done; /* Then ${code} holds; guarded by the client's lock. */
	CURLcode code;
	pthread_cond_t ended;
};

/**
 * transfer_init(t, policy, req, res, err):
 * Prepare ${req}; transfer_clear() is due after success and failure.
 */
int transfer_init(struct transfer *, const struct net_policy *,
    const struct http_request *, struct http_response *, struct err *);

/**
 * transfer_result(t, err):
 * Once ${t} is done: fill in the response, or say what failed.
 */
int transfer_result(struct transfer *, struct err *);

void transfer_clear(struct transfer *);

#endif /* !NET_HTTP_TRANSFER_H_ */
