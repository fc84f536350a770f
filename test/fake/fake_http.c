#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fake_http.h"
#include "test.h"

#define REQUESTS_MAX 64
#define HEAD_MAX 8192

struct fake_http {
	const char *const *answers;
	int fd;
	char url[64];
	pthread_t thread;

	pthread_mutex_t lock; /* Guards what follows. */
	char *heads[REQUESTS_MAX];
	size_t n;
};

/* Read the head of a request; false when the client has hung up. */
static bool
read_head(int c, char *head)
{
	size_t n = 0;

	while (n < HEAD_MAX - 1 && read(c, head + n, 1) == 1) {
		head[++n] = '\0';
		if (n >= 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0)
			return true;
	}
	return false;
}

static bool
is_waiting(const char *head)
{
	return strcasestr(head, "\r\nExpect: 100-continue") != NULL;
}

static bool
read_body(int c, const char *head)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	size_t body = 0;
	const char *p;
	char sink[65536];
	ssize_t got;

	if (is_waiting(head) &&
	    send(c, go_on, sizeof(go_on) - 1, MSG_NOSIGNAL) < 0)
		return false;
	if ((p = strcasestr(head, "\r\nContent-Length:")) != NULL)
		body = strtoul(p + 17, NULL, 10);
	while (body > 0) {
		got = read(c, sink, body < sizeof(sink) ? body : sizeof(sink));
		if (got <= 0)
			return false;
		body -= (size_t)got;
	}
	return true;
}

/*
 * Copy the newest header line that the client has sent and that begins as
 * ${*p} says up to the next '@'; move ${*p} behind that.
 */
static size_t
echo(struct fake_http *f, const char **p, char *text, size_t size)
{
	char name[64];
	const char *line = NULL;
	size_t i, n = strcspn(*p, "@");

	(void)snprintf(name, sizeof(name), "\r\n%.*s", (int)n, *p);
	*p += n + 1;
	(void)pthread_mutex_lock(&f->lock);
	for (i = f->n; i > 0 && line == NULL; i--)
		line = strcasestr(f->heads[i - 1], name);
	(void)pthread_mutex_unlock(&f->lock);
	if (line == NULL)
		return 0;
	n = strcspn(line + 2, "\r");
	return (size_t)snprintf(text, size, "%.*s", (int)n, line + 2);
}

/* Copy an answer with its marks replaced; return its length. */
static size_t
expand(struct fake_http *f, const char *answer, char *text, size_t size)
{
	const char *body = strstr(answer, "\r\n\r\n");
	time_t now = time(NULL);
	struct tm tm;
	size_t n = 0;

	while (*answer != '\0' && n < size - 256) {
		if (strncmp(answer, "@DATE@", 6) == 0) {
			n += strftime(text + n, size - n, "%a, %d %b %Y %T GMT",
			    gmtime_r(&now, &tm));
			answer += 6;
		} else if (strncmp(answer, "@LEN@", 5) == 0) {
			n += (size_t)sprintf(text + n, "%zu", strlen(body + 4));
			answer += 5;
		} else if (strncmp(answer, "@SENT:", 6) == 0) {
			answer += 6;
			n += echo(f, &answer, text + n, 256);
		} else {
			text[n++] = *answer++;
		}
	}
	text[n] = '\0';
	return n;
}

/* Send an answer; false if the connection must end behind it. */
static bool
send_answer(struct fake_http *f, int c, const char *answer)
{
	const char *body, *len;
	char text[16384];
	size_t n = expand(f, answer, text, sizeof(text));

	if (n == 0 || send(c, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		return false;
	body = strstr(text, "\r\n\r\n");
	len = strcasestr(text, "\r\nContent-Length:");
	return body != NULL && len != NULL &&
	       strtoul(len + 17, NULL, 10) == strlen(body + 4);
}

/* Count a request; return its answer, or NULL if the script is at its end. */
static const char *
note(struct fake_http *f, const char *head)
{
	const char *answer;

	(void)pthread_mutex_lock(&f->lock);
	answer = f->answers[f->n];
	if (answer != NULL && f->n < REQUESTS_MAX)
		f->heads[f->n++] = strdup(head);
	(void)pthread_mutex_unlock(&f->lock);
	return answer;
}

/* Answer one request; false if the connection must end behind it. */
static bool
serve_one(struct fake_http *f, int c, const char *head)
{
	const size_t n = strlen(FAKE_BY_HEAD);
	const char *answer = note(f, head);

	if (answer == NULL)
		return false;
	if (strncmp(answer, FAKE_BY_HEAD, n) == 0) {
		if (is_waiting(head))
			(void)send_answer(f, c, answer + n);
		return false;
	}
	return read_body(c, head) && send_answer(f, c, answer);
}

static void *
serve(void *arg)
{
	struct fake_http *f = arg;
	char head[HEAD_MAX];
	int c;

	while ((c = accept(f->fd, NULL, NULL)) >= 0) {
		while (read_head(c, head) && serve_one(f, c, head))
			;
		(void)close(c);
	}
	return NULL;
}

struct fake_http *
fake_http_new(const char *const *answers)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	struct fake_http *f;

	CHECK((f = calloc(1, sizeof(*f))) != NULL);
	f->answers = answers;
	(void)pthread_mutex_init(&f->lock, NULL);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(f->fd >= 0);
	CHECK(bind(f->fd, (struct sockaddr *)&sin, sizeof(sin)) == 0);
	CHECK(listen(f->fd, 16) == 0);
	CHECK(getsockname(f->fd, (struct sockaddr *)&sin, &len) == 0);
	(void)snprintf(
	    f->url, sizeof(f->url), "http://127.0.0.1:%u", ntohs(sin.sin_port));
	CHECK(pthread_create(&f->thread, NULL, serve, f) == 0);
	return f;
}

const char *
fake_http_url(const struct fake_http *f)
{
	return f->url;
}

const char *
fake_http_request(struct fake_http *f, size_t i)
{
	const char *head;

	(void)pthread_mutex_lock(&f->lock);
	head = i < f->n ? f->heads[i] : NULL;
	(void)pthread_mutex_unlock(&f->lock);
	return head;
}

/* The store under test must be closed first: its connection is ours. */
void
fake_http_free(struct fake_http *f)
{
	size_t i;

	if (f == NULL)
		return;
	(void)shutdown(f->fd, SHUT_RDWR);
	(void)pthread_join(f->thread, NULL);
	(void)close(f->fd);
	for (i = 0; i < f->n; i++)
		free(f->heads[i]);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}
