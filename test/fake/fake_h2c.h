#ifndef TEST_FAKE_FAKE_H2C_H_
#define TEST_FAKE_FAKE_H2C_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The least that libcurl takes for an HTTP/2 server in the clear (RFC 9113,
 * prior knowledge): for faults that a real etcd cannot be made to commit.
 * What is asked is not looked at; a script answers whatever comes.  It runs
 * in a thread of its own for each connection, on a loopback port that the
 * system chooses.
 */
struct fake_h2c;

/* One request to answer: where to write, and which stream it is. */
struct fake_h2c_stream {
	int fd;
	uint32_t id;
	int nth;   /* Of the server's requests, from 0. */
	bool open; /* More may come of it: a duplex server's. */
};

typedef void (*fake_h2c_script)(const struct fake_h2c_stream *, void *arg);

/**
 * fake_h2c_start(script, arg):
 * Start a server, or return NULL.
 */
struct fake_h2c *fake_h2c_start(fake_h2c_script, void *);
/**
 * fake_h2c_start_duplex(script, arg):
 * The same, but the script answers each DATA frame that has bytes: of a
 * request, and of each further message of one that stays open.
 */
struct fake_h2c *fake_h2c_start_duplex(fake_h2c_script, void *);
/**
 * fake_h2c_start_unix(path, script, arg):
 * As fake_h2c_start, at a socket of this name; it has no URL.
 */
struct fake_h2c *fake_h2c_start_unix(const char *, fake_h2c_script, void *);
void fake_h2c_stop(struct fake_h2c *);
const char *fake_h2c_url(const struct fake_h2c *);

/* For scripts.  Fields are names and values in turn, up to a NULL. */
void fake_h2c_headers(
    const struct fake_h2c_stream *, const char *const *, bool end);
void fake_h2c_data(
    const struct fake_h2c_stream *, const void *, size_t, bool end);
void fake_h2c_reset(const struct fake_h2c_stream *);
void fake_h2c_hang_up(const struct fake_h2c_stream *);

/* The same for gRPC: header, one message, trailer. */
void fake_grpc_begin(const struct fake_h2c_stream *);
void fake_grpc_message(const struct fake_h2c_stream *, const void *, size_t);
void fake_grpc_end(
    const struct fake_h2c_stream *, const char *status, const char *message);

#endif /* !TEST_FAKE_FAKE_H2C_H_ */
