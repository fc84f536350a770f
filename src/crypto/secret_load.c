#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "crypto/secret.h"

/* Check ${len}, and copy the bytes into a secret of that size. */
static int
accept_bytes(const uint8_t *p, size_t len, size_t max, struct secret **ret,
    struct err *err)
{
	if (len == 0)
		return err_set(err, HF_ECONFIG, "it is empty");
	if (len > max)
		return err_set(
		    err, HF_ECONFIG, "it is longer than %zu bytes", max);
	return secret_copy(p, len, ret, err);
}

static size_t
without_newline(const uint8_t *p, size_t len)
{
	return len > 0 && p[len - 1] == '\n' ? len - 1 : len;
}

/*
 * This never goes through stdio or a growing buffer, which leave copies behind.
 * There are two bytes of room beyond ${max}: one for a newline, and one to see
 * that there is more.
 */
static int
from_fd(int fd, bool text, size_t max, struct secret **ret, struct err *err)
{
	CLEANUP(freep_secret) struct secret *all = NULL;
	size_t len;
	int rc;

	if (max > SIZE_MAX - 2)
		return err_set(err, HF_EBUG, "no limit for a secret");
	if ((rc = secret_new(max + 2, &all, err)) < 0 ||
	    (rc = file_read_full(
		 fd, secret_w(all), secret_len(all), &len, err)) < 0)
		return rc;
	if (text)
		len = without_newline(secret_p(all), len);
	return accept_bytes(secret_p(all), len, max, ret, err);
}

static int
cannot_open(const char *path, int errnum, struct err *err)
{
	(void)err_errno(err, errnum, "open");
	if (errnum == ENOENT || errnum == ENOTDIR)
		return err_hint(err, "is '%s' the right path?", path);
	return err_hint(err, "may this user read '%s'?", path);
}

static int
from_file(const char *path, bool text, size_t max, struct secret **ret,
    struct err *err)
{
	CLEANUP(freep_fd) int fd = -1;
	struct stat st;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) < 0)
		return cannot_open(path, errno, err);
	/*
	 * Check the file that was opened: the name may stand for another by
	 * now.
	 */
	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "stat");
	if (st.st_mode & (S_IROTH | S_IWOTH)) {
		(void)err_set(err, HF_ECONFIG,
		    "others than its owner and group may use it (mode %04o)",
		    (unsigned)st.st_mode & 07777);
		return err_hint(err, "run: chmod o= '%s'", path);
	}
	return from_fd(fd, text, max, ret, err);
}

static int
from_env(const char *name, size_t max, struct secret **ret, struct err *err)
{
	char *value;
	size_t len;
	int rc;

	if ((value = getenv(name)) == NULL) {
		(void)err_set(
		    err, HF_ENOTFOUND, "no such environment variable");
		return err_hint(err, "export %s in what starts holdfast", name);
	}
	len = strlen(value);
	rc = accept_bytes((uint8_t *)value,
	    without_newline((uint8_t *)value, len), max, ret, err);
	/* /proc/PID/environ shows these bytes for as long as we run. */
	secret_wipe(value, len);
	(void)unsetenv(name);
	return rc;
}

static int
from_number(
    const char *digits, size_t max, struct secret **ret, struct err *err)
{
	char *end;
	long fd;

	errno = 0;
	fd = strtol(digits, &end, 10);
	if (digits[0] < '0' || digits[0] > '9' || *end != '\0' || errno != 0 ||
	    fd > INT_MAX)
		return err_set(err, HF_ECONFIG, "not a number");
	/* Commands that we start must not inherit it. */
	if (fd > STDERR_FILENO && fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_errno(err, errno, "no such open file");
	return from_fd((int)fd, true, max, ret, err);
}

/* What can be read only once is kept for all who ask. */
struct given {
	struct given *next;
	char *ref;
	struct secret *secret; /* NULL: not yet. */
};

static struct given *givens; /* With the lock, until they are forgotten. */
static pthread_mutex_t givens_lock = PTHREAD_MUTEX_INITIALIZER;

/* Find the entry of ${ref}, or make it; NULL if memory runs out. */
static struct given *
find_given(const char *ref, struct err *err)
{
	struct given *g;

	for (g = givens; g != NULL; g = g->next)
		if (strcmp(g->ref, ref) == 0)
			return g;
	if ((g = calloc(1, sizeof(*g))) == NULL) {
		(void)err_nomem(err);
		return NULL;
	}
	if (str_dup(ref, &g->ref, err) < 0) {
		free(g);
		return NULL;
	}
	g->next = givens;
	givens = g;
	return g;
}

static int
copy_given(
    const struct given *g, size_t max, struct secret **ret, struct err *err)
{
	return accept_bytes(
	    secret_p(g->secret), secret_len(g->secret), max, ret, err);
}

typedef int from_fn(const char *, size_t, struct secret **, struct err *);

/*
 * Read ${rest} of ${ref}, or, if that has nothing more to give, what it gave
 * before: two keys may name the same variable.  A descriptor is read once: a
 * terminal that was read to its end would wait for more.
 */
static int
from_once(const char *ref, const char *rest, from_fn *from, size_t max,
    struct secret **ret, struct err *err)
{
	struct secret *fresh = NULL;
	struct given *g;
	struct err e = ERR_INIT;
	int rc = -HF_ENOMEM;

	(void)pthread_mutex_lock(&givens_lock);
	if ((g = find_given(ref, err)) != NULL) {
		if (g->secret != NULL && from == from_number)
			rc = 0;
		else if ((rc = from(rest, max, &fresh, &e)) == 0) {
			secret_free(g->secret);
			g->secret = fresh;
		}
		if (g->secret != NULL && rc != -HF_ENOMEM)
			rc = copy_given(g, max, ret, err);
		else
			*err = e;
	}
	(void)pthread_mutex_unlock(&givens_lock);
	return rc;
}

void
secret_forget(const char *ref)
{
	struct given **at = &givens, *g;

	(void)pthread_mutex_lock(&givens_lock);
	while ((g = *at) != NULL) {
		if (ref != NULL && strcmp(g->ref, ref) != 0) {
			at = &g->next;
			continue;
		}
		*at = g->next;
		secret_free(g->secret);
		free(g->ref);
		free(g);
	}
	(void)pthread_mutex_unlock(&givens_lock);
}

int
secret_load(const char *ref, const char *what, size_t max, struct secret **ret,
    struct err *err)
{
	const char *rest;
	int rc;

	if ((rest = str_has_prefix(ref, "file:")) != NULL)
		rc = from_file(rest, true, max, ret, err);
	else if ((rest = str_has_prefix(ref, "env:")) != NULL)
		rc = from_once(ref, rest, from_env, max, ret, err);
	else if ((rest = str_has_prefix(ref, "fd:")) != NULL)
		rc = from_once(ref, rest, from_number, max, ret, err);
	else {
		/* It may be the secret itself: it must not be repeated. */
		(void)err_set(err, HF_ECONFIG,
		    "%s is not given as file:, env: or fd:", what);
		return err_hint(err,
		    "write file:/path, env:NAME or fd:NUMBER: a secret on "
		    "the command line can be seen by everybody");
	}
	return rc < 0 ? err_wrap(err, "%s from '%s'", what, ref) : 0;
}

int
secret_read(const char *path, const char *what, size_t max, struct secret **ret,
    struct err *err)
{
	int rc;

	if ((rc = from_file(path, false, max, ret, err)) < 0)
		return err_wrap(err, "%s from 'file:%s'", what, path);
	return 0;
}
