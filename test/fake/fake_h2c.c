#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake/fake_h2c.h"

/* RFC 9113, section 6. */
enum frame {
	DATA = 0,
	HEADERS = 1,
	RST_STREAM = 3,
	SETTINGS = 4,
	PING = 6
};
enum flag {
	ACK = 1,
	END_STREAM = 1,
	END_HEADERS = 4
};
enum code {
	NO_ERROR = 0,
	INTERNAL_ERROR = 2
};
#define FRAME_MAX 16384
#define PREFACE_LEN 24

#define CONNS_MAX 64

struct conn {
	struct fake_h2c *fake;
	int fd; /* Open until the end, so that no other gets its number. */
	pthread_t thread;
};

struct fake_h2c {
	fake_h2c_script script;
	void *arg;
	int listener;
	bool duplex;
	pthread_t thread;
	char url[40];

	pthread_mutex_t lock; /* Of what follows. */
	int requests;
	bool stopping;
	struct conn conns[CONNS_MAX];
	size_t nconns;
};

/* A client that has gone away is no fault of the fake's. */
static void
send_all(int fd, const void *p, size_t n)
{
	ssize_t k;

	for (; n > 0; p = (const char *)p + k, n -= (size_t)k)
		if ((k = send(fd, p, n, MSG_NOSIGNAL)) <= 0)
			return;
}

static bool
recv_all(int fd, void *p, size_t n)
{
	ssize_t k;

	for (; n > 0; p = (char *)p + k, n -= (size_t)k)
		if ((k = recv(fd, p, n, 0)) <= 0)
			return false;
	return true;
}

static void
frame(int fd, enum frame type, unsigned int flags, uint32_t id, const void *p,
    size_t n)
{
	const uint8_t head[9] = { (uint8_t)(n >> 16), (uint8_t)(n >> 8),
		(uint8_t)n, (uint8_t)type, (uint8_t)flags, (uint8_t)(id >> 24),
		(uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id };

	send_all(fd, head, sizeof(head));
	send_all(fd, p, n);
}

static void
reset(const struct fake_h2c_stream *s, uint8_t code)
{
	const uint8_t error[4] = { 0, 0, 0, code };

	frame(s->fd, RST_STREAM, 0, s->id, error, sizeof(error));
}

void
fake_h2c_headers(
    const struct fake_h2c_stream *s, const char *const *fields, bool end)
{
	uint8_t block[FRAME_MAX];
	size_t len, n = 0;
	int i;

	/* RFC 7541, 6.2.2: literals, new names, no Huffman, no index. */
	for (i = 0; fields[i] != NULL; i++) {
		if (i % 2 == 0)
			block[n++] = 0;
		len = strlen(fields[i]);
		if (len > 126 || n + len + 2 > sizeof(block))
			abort();
		block[n++] = (uint8_t)len;
		memcpy(block + n, fields[i], len);
		n += len;
	}
	frame(s->fd, HEADERS, END_HEADERS | (end ? END_STREAM : 0U), s->id,
	    block, n);
	/* The client's half is open still: as gRPC's servers do. */
	if (end && s->open)
		reset(s, NO_ERROR);
}

void
fake_h2c_data(
    const struct fake_h2c_stream *s, const void *p, size_t n, bool end)
{
	size_t k;

	do {
		k = n < FRAME_MAX ? n : FRAME_MAX;
		frame(
		    s->fd, DATA, end && k == n ? END_STREAM : 0U, s->id, p, k);
		p = (const char *)p + k;
		n -= k;
	} while (n > 0);
}

void
fake_h2c_reset(const struct fake_h2c_stream *s)
{
	reset(s, INTERNAL_ERROR);
}

void
fake_h2c_hang_up(const struct fake_h2c_stream *s)
{
	(void)shutdown(s->fd, SHUT_RDWR);
}

void
fake_grpc_begin(const struct fake_h2c_stream *s)
{
	static const char *const fields[] = { ":status", "200", "content-type",
		"application/grpc", NULL };

	fake_h2c_headers(s, fields, false);
}

void
fake_grpc_message(const struct fake_h2c_stream *s, const void *p, size_t n)
{
	const uint8_t prefix[5] = { 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16),
		(uint8_t)(n >> 8), (uint8_t)n };

	fake_h2c_data(s, prefix, sizeof(prefix), false);
	if (n > 0)
		fake_h2c_data(s, p, n, false);
}

void
fake_grpc_end(
    const struct fake_h2c_stream *s, const char *status, const char *message)
{
	const char *const fields[] = { "grpc-status", status, "grpc-message",
		message, NULL };

	fake_h2c_headers(s, fields, true);
}

/* One frame of the client's; false if it has gone. */
static bool
serve_frame(struct fake_h2c *f, int fd)
{
	uint8_t head[9], body[FRAME_MAX];
	struct fake_h2c_stream s = { .fd = fd };
	size_t n;

	if (!recv_all(fd, head, sizeof(head)))
		return false;
	n = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
	if (n > sizeof(body) || !recv_all(fd, body, n))
		return false;
	if ((head[3] == SETTINGS || head[3] == PING) && !(head[4] & ACK))
		frame(fd, head[3], ACK, 0, body, head[3] == PING ? n : 0);
	s.open = f->duplex && !(head[4] & END_STREAM);
	if (f->duplex ? head[3] == DATA && n > 0
		      : (head[3] == HEADERS || head[3] == DATA) &&
			    (head[4] & END_STREAM)) {
		s.id = (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 |
		       (uint32_t)head[7] << 8 | head[8];
		(void)pthread_mutex_lock(&f->lock);
		s.nth = f->requests++;
		(void)pthread_mutex_unlock(&f->lock);
		f->script(&s, f->arg);
	}
	return true;
}

static void *
serve(void *arg)
{
	struct conn *c = arg;
	char preface[PREFACE_LEN];

	if (recv_all(c->fd, preface, sizeof(preface))) {
		frame(c->fd, SETTINGS, 0, 0, NULL, 0);
		while (serve_frame(c->fake, c->fd))
			;
	}
	(void)shutdown(c->fd, SHUT_RDWR);
	return NULL;
}

/* Serve ${fd} in a thread of its own, unless it is too late. */
static void
take_on(struct fake_h2c *f, int fd)
{
	struct conn *c = &f->conns[f->nconns];

	(void)pthread_mutex_lock(&f->lock);
	if (f->stopping) {
		(void)close(fd);
	} else {
		if (f->nconns == CONNS_MAX)
			abort();
		*c = (struct conn){ .fake = f, .fd = fd };
		if (pthread_create(&c->thread, NULL, serve, c) != 0)
			abort();
		f->nconns++;
	}
	(void)pthread_mutex_unlock(&f->lock);
}

static void *
run(void *arg)
{
	struct fake_h2c *f = arg;
	int fd;

	while ((fd = accept(f->listener, NULL, NULL)) >= 0)
		take_on(f, fd);
	return NULL;
}

/* Takes ${listener} over. */
static struct fake_h2c *
start(int listener, fake_h2c_script script, void *arg, bool duplex)
{
	struct fake_h2c *f = calloc(1, sizeof(*f));

	if (f != NULL) {
		f->script = script;
		f->arg = arg;
		f->duplex = duplex;
		f->listener = listener;
		(void)pthread_mutex_init(&f->lock, NULL);
		if (listener >= 0 && listen(listener, 4) == 0 &&
		    pthread_create(&f->thread, NULL, run, f) == 0)
			return f;
	}
	if (listener >= 0)
		(void)close(listener);
	free(f);
	return NULL;
}

static struct fake_h2c *
start_inet(fake_h2c_script script, void *arg, bool duplex)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct fake_h2c *f;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		abort();
	if ((f = start(fd, script, arg, duplex)) != NULL)
		(void)snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u",
		    ntohs(a.sin_port));
	return f;
}

struct fake_h2c *
fake_h2c_start(fake_h2c_script script, void *arg)
{
	return start_inet(script, arg, false);
}

struct fake_h2c *
fake_h2c_start_duplex(fake_h2c_script script, void *arg)
{
	return start_inet(script, arg, true);
}

struct fake_h2c *
fake_h2c_start_unix(const char *path, fake_h2c_script script, void *arg)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(a.sun_path))
		abort();
	memcpy(a.sun_path, path, strlen(path) + 1);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		abort();
	return start(fd, script, arg, false);
}

void
fake_h2c_stop(struct fake_h2c *f)
{
	size_t i;

	if (f == NULL)
		return;
	(void)pthread_mutex_lock(&f->lock);
	f->stopping = true;
	(void)pthread_mutex_unlock(&f->lock);
	(void)shutdown(f->listener, SHUT_RDWR);
	(void)pthread_join(f->thread, NULL);
	(void)close(f->listener);
	for (i = 0; i < f->nconns; i++) {
		(void)shutdown(f->conns[i].fd, SHUT_RDWR);
		(void)pthread_join(f->conns[i].thread, NULL);
		(void)close(f->conns[i].fd);
	}
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}

const char *
fake_h2c_url(const struct fake_h2c *f)
{
	return f->url;
}
