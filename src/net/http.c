#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/str.h"
#include "base/thread.h"
#include "net/http.h"
#include "net/http_transfer.h"
#include "net/net_policy.h"

struct http {
	struct net_policy policy;
	char *strings[4]; /* What ${policy} points to. */
	unsigned limit;   /* Transfers at a time. */
	pthread_t thread;
	bool started;
	CURLM *multi;

	pthread_mutex_t lock; /* Guards what follows. */
	struct transfer *queue, **queue_end;
	bool stop;
};

/* The rest belongs to the client's thread alone. */
struct loop {
	struct http *h;
	struct transfer *active;
	unsigned nactive;
};

static void
finish(struct http *h, struct transfer *t, CURLcode code)
{
	(void)pthread_mutex_lock(&h->lock);
	t->code = code;
	t->done = true;
	(void)pthread_cond_signal(&t->ended);
	(void)pthread_mutex_unlock(&h->lock);
}

/* Take the next waiting transfer, or NULL; ${*stop} says whether to end. */
static struct transfer *
dequeue(struct http *h, bool *stop)
{
	struct transfer *t;

	(void)pthread_mutex_lock(&h->lock);
	*stop = h->stop;
	if ((t = h->queue) != NULL && (h->queue = t->next) == NULL)
		h->queue_end = &h->queue;
	(void)pthread_mutex_unlock(&h->lock);
	return t;
}

/*
 * Start waiting transfers, as far as the limit allows. libcurl would let the
 * time of a transfer run while that only waits for a connection.
 */
static bool
start_waiting(struct loop *l)
{
	struct transfer *t;
	bool stop = false;

	while (l->nactive < l->h->limit && (t = dequeue(l->h, &stop)) != NULL) {
		if (curl_multi_add_handle(l->h->multi, t->curl) != CURLM_OK) {
			finish(l->h, t, CURLE_OUT_OF_MEMORY);
			continue;
		}
		t->next = l->active;
		l->active = t;
		l->nactive++;
	}
	return !stop || l->nactive > 0;
}

static void
end_transfer(struct loop *l, struct transfer *t, CURLcode code)
{
	struct transfer **p;

	for (p = &l->active; *p != NULL; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			break;
		}
	l->nactive--;
	(void)curl_multi_remove_handle(l->h->multi, t->curl);
	finish(l->h, t, code);
}

static void
end_finished(struct loop *l)
{
	struct transfer *t;
	CURLMsg *msg;
	CURLcode code;
	int left;

	while ((msg = curl_multi_info_read(l->h->multi, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		/* ${msg} is gone once the handle is removed. */
		code = msg->data.result;
		t = NULL;
		(void)curl_easy_getinfo(
		    msg->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		if (t != NULL)
			end_transfer(l, t, code);
	}
}

static void *
run(void *arg)
{
	struct loop l = { .h = arg };
	CURLMcode rc = CURLM_OK;
	int running;

	while (start_waiting(&l)) {
		if (rc == CURLM_OK)
			rc = curl_multi_perform(l.h->multi, &running);
		end_finished(&l);
		while (l.active != NULL && (rc != CURLM_OK || net_cancelled()))
			end_transfer(&l, l.active,
			    rc == CURLM_OK ? CURLE_ABORTED_BY_CALLBACK
					   : CURLE_OUT_OF_MEMORY);
		rc = curl_multi_poll(l.h->multi, NULL, 0, 500, NULL);
	}
	return NULL;
}

static int
copy_policy(struct http *h, const struct net_policy *p, struct err *err)
{
	int rc;

	h->policy = *p;
	if ((rc = str_dup(p->ca_file, &h->strings[0], err)) < 0 ||
	    (rc = str_dup(p->cert_file, &h->strings[1], err)) < 0 ||
	    (rc = str_dup(p->key_file, &h->strings[2], err)) < 0 ||
	    (rc = str_dup(p->proxy, &h->strings[3], err)) < 0)
		return rc;
	h->policy.ca_file = h->strings[0];
	h->policy.cert_file = h->strings[1];
	h->policy.key_file = h->strings[2];
	h->policy.proxy = h->strings[3];
	return 0;
}

int
http_new(const struct net_policy *policy, unsigned connections,
    struct http **ret, struct err *err)
{
	CLEANUP(freep_http) struct http *h = NULL;
	int rc;

	if ((rc = net_init(err)) < 0)
		return rc;
	if ((h = calloc(1, sizeof(*h))) == NULL)
		return err_nomem(err);
	(void)pthread_mutex_init(&h->lock, NULL);
	h->queue_end = &h->queue;
	h->limit = connections;
	if ((rc = copy_policy(h, policy, err)) < 0)
		return rc;
	if ((h->multi = curl_multi_init()) == NULL)
		return err_nomem(err);
	if (curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
		(long)connections) != CURLM_OK ||
	    curl_multi_setopt(
		h->multi, CURLMOPT_MAXCONNECTS, (long)connections) != CURLM_OK)
		return err_set(err, HF_EBUG, "libcurl lacks connection limits");
	if ((rc = thread_start(run, h, &h->thread, err)) < 0)
		return err_wrap(err, "the network");
	h->started = true;
	*ret = TAKE(h);
	return 0;
}

void
http_free(struct http *h)
{
	size_t i;

	if (h == NULL)
		return;
	if (h->started) {
		(void)pthread_mutex_lock(&h->lock);
		h->stop = true;
		(void)pthread_mutex_unlock(&h->lock);
		(void)curl_multi_wakeup(h->multi);
		(void)pthread_join(h->thread, NULL);
	}
	if (h->multi != NULL)
		(void)curl_multi_cleanup(h->multi);
	for (i = 0; i < sizeof(h->strings) / sizeof(h->strings[0]); i++)
		free(h->strings[i]);
	(void)pthread_mutex_destroy(&h->lock);
	free(h);
}

static void
perform(struct http *h, struct transfer *t)
{
	(void)pthread_mutex_lock(&h->lock);
	*h->queue_end = t;
	h->queue_end = &t->next;
	(void)pthread_mutex_unlock(&h->lock);

	(void)curl_multi_wakeup(h->multi);

	(void)pthread_mutex_lock(&h->lock);
	while (!t->done)
		(void)pthread_cond_wait(&t->ended, &h->lock);
	(void)pthread_mutex_unlock(&h->lock);
}

int
http_do(struct http *h, const struct http_request *req,
    struct http_response *res, struct err *err)
{
	struct transfer t;
	int rc;

	http_response_clear(res);
	if ((rc = transfer_init(&t, &h->policy, req, res, err)) == 0) {
		perform(h, &t);
		rc = transfer_result(&t, err);
	}
	transfer_clear(&t);
	return rc;
}

const char *
http_header(const struct http_response *r, const char *name)
{
	const char *line = (const char *)r->headers.p;
	const char *end = line + r->headers.len;
	size_t n = strlen(name);

	for (; line < end; line += strlen(line) + 1)
		if (strncasecmp(line, name, n) == 0 && line[n] == ':')
			return line + n + 1 + strspn(line + n + 1, " \t");
	return NULL;
}

void
http_response_clear(struct http_response *r)
{
	r->status = 0;
	r->overflow = false;
	buf_free(&r->text);
	buf_free(&r->headers);
}
