#ifndef TEST_FAKE_HTTP_H_
#define TEST_FAKE_HTTP_H_

#include <stddef.h>

#include "base/cleanup.h"

/*
 * An HTTP server that misbehaves as it is told: for the faults that a real
 * one cannot be made to have.  It answers request n with answer n of its
 * script, byte for byte, and hangs up after an answer without a
 * Content-Length that fits (a cut one) and where the script ends.
 */
struct fake_http;

/* An answer that is none: hang up, once the request is read. */
#define FAKE_HANG_UP ""

/*
 * Before an answer: it is given by the head alone.  Who has sent the body along
 * does not hear it, for the connection is reset: that would otherwise depend
 * on who is faster.
 */
#define FAKE_BY_HEAD "@HEAD@"

/**
 * fake_http_new(answers):
 * Serve the NULL-terminated ${answers} (kept by the caller) on a free port of
 * 127.0.0.1.  In an answer "@DATE@" becomes the current date, "@LEN@" the
 * length of its body, and "@SENT:NAME@" the newest header line of the client's
 * that begins with NAME.
 */
struct fake_http *fake_http_new(const char *const *);

/**
 * fake_http_url(f):
 * Return "http://127.0.0.1:PORT".
 */
const char *fake_http_url(const struct fake_http *);

/**
 * fake_http_request(f, i):
 * Return the head of request ${i}, from its first line to the empty one, or
 * NULL if there were not so many.
 */
const char *fake_http_request(struct fake_http *, size_t);

void fake_http_free(struct fake_http *);
CLEANUP_DEFINE(fake_http);

#endif /* !TEST_FAKE_HTTP_H_ */
