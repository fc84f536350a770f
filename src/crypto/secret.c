#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/err.h"
#include "crypto/secret.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#endif

struct secret {
	uint8_t *p; /* From sodium_malloc, len + 1 bytes. */
	size_t len;
};

static int
sodium_ready(struct err *err)
{
	/* Safe from any thread and nearly free after the first time. */
	if (sodium_init() < 0)
		return err_set(err, HF_EIO, "libsodium finds no randomness");
	return 0;
}

int
secret_new(size_t len, struct secret **ret, struct err *err)
{
	CLEANUP(freep_secret) struct secret *s = NULL;
	int rc;

	if ((rc = sodium_ready(err)) < 0)
		return rc;
	if (len == SIZE_MAX || (s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	/*
	 * sodium_malloc tries to lock the pages and ignores a refusal: with
	 * RLIMIT_MEMLOCK used up, the bytes are unlocked but still between
	 * guard pages, out of core dumps, and wiped by sodium_free.
	 */
	if ((s->p = sodium_malloc(len + 1)) == NULL)
		return err_nomem(err);
	s->len = len;
	sodium_memzero(s->p, len + 1);
	*ret = TAKE(s);
	return 0;
}

int
secret_random(size_t len, struct secret **ret, struct err *err)
{
	int rc;

	if ((rc = secret_new(len, ret, err)) < 0)
		return rc;
	randombytes_buf((*ret)->p, len);
	return 0;
}

int
secret_copy(const void *p, size_t len, struct secret **ret, struct err *err)
{
	int rc;

	if ((rc = secret_new(len, ret, err)) < 0)
		return rc;
	if (len > 0)
		memcpy((*ret)->p, p, len);
	return 0;
}

const uint8_t *
secret_p(const struct secret *s)
{
	return s->p;
}

uint8_t *
secret_w(struct secret *s)
{
	return s->p;
}

size_t
secret_len(const struct secret *s)
{
	return s->len;
}

bool
secret_equal(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && sodium_memcmp(a->p, b->p, a->len) == 0;
}

void
secret_free(struct secret *s)
{
	if (s == NULL)
		return;
	sodium_free(s->p);
	free(s);
}

void
secret_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

int
secret_process_init(struct err *err)
{
	static const struct rlimit none = { 0, 0 };
	int rc;

	if ((rc = sodium_ready(err)) < 0)
		return rc;
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_errno(err, errno, "forbid core dumps");
#ifndef UNDER_ASAN
	/*
	 * A core that goes to a pipe (systemd-coredump) ignores the limit;
	 * this does not, and keeps other programs of the same user out.
	 */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_errno(err, errno, "forbid being traced");
#endif
	return 0;
}
