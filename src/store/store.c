#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/params.h"
#include "base/str.h"
#include "store/store.h"

#define NAME_MAX_LEN 255 /* bytes */

struct store_eraser {
	struct store *store;
};

static bool
name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("_.-:=,@!$%&'()*;", c) != NULL);
}

/*
 * Check the components of ${s}; the last one may be unfinished (a prefix) or
 * must be one like the others (a name).
 */
static bool
components_ok(const char *s, bool prefix)
{
	size_t i, n = 0; /* ${n}: length of the component so far. */
	bool dots = true;

	for (i = 0; i <= NAME_MAX_LEN; i++) {
		if (s[i] == '\0' && prefix)
			return true;
		if (s[i] == '/' || s[i] == '\0') {
			if (n == 0 || (dots && n <= 2))
				return false;
			if (s[i] == '\0')
				return true;
			n = 0;
			dots = true;
			continue;
		}
		if (!name_char(s[i]))
			return false;
		n++;
		dots = dots && s[i] == '.';
	}
	return false; /* Too long. */
}

int
store_name_ok(const char *name)
{
	return components_ok(name, false);
}

/* What every operation on an object checks first. */
static int
check(const struct store *s, const char *name, enum store_power power,
    struct err *err)
{
	assert(s != NULL && err != NULL);
	if (!(s->power & power))
		return err_set(err, HF_EDENIED, "'%s' was not opened to be %s",
		    s->place, power == STORE_READ ? "read" : "written");
	if (power == STORE_READ && (s->ops->caps & STORE_CAP_WRITE_ONLY))
		return err_set(
		    err, HF_EDENIED, "'%s' can only be written", s->place);
	if (name != NULL && !store_name_ok(name))
		return err_set(
		    err, HF_EBUG, "'%s' cannot be an object's name", name);
	return 0;
}

/* Find the driver whose scheme stands before the ':' of ${url}. */
static const struct store_driver *
find_driver(const struct store_driver *const *drivers, const char *url)
{
	const char *rest;

	for (; *drivers != NULL; drivers++) {
		rest = str_has_prefix(url, (*drivers)->scheme);
		if (rest != NULL && *rest == ':')
			return *drivers;
	}
	return NULL;
}

static int
no_driver(
    const struct store_driver *const *drivers, const char *url, struct err *err)
{
	char schemes[128] = "";
	size_t n = 0, len;

	for (; *drivers != NULL; drivers++) {
		len = strlen((*drivers)->scheme);
		if (n + len + 4 > sizeof(schemes))
			break;
		if (n > 0) {
			memcpy(schemes + n, ", ", 2);
			n += 2;
		}
		memcpy(schemes + n, (*drivers)->scheme, len);
		n += len;
		schemes[n++] = ':';
	}
	schemes[n] = '\0';
	err_set(err, HF_EUSAGE, "no store is called '%s'", url);
	return err_hint(err, "a place begins with one of %s", schemes);
}

int
store_open(const struct store_driver *const *drivers,
    const struct params *params, enum store_power power, struct store **ret,
    struct err *err)
{
	const struct store_driver *d;
	const char *url;

	assert(drivers != NULL && params != NULL && ret != NULL && err != NULL);
	if ((url = params_get(params, "url")) == NULL)
		return err_set(err, HF_EUSAGE, "no place of a store is given");
	if (power == 0 || (power & ~(unsigned)(STORE_READ | STORE_WRITE)) != 0)
		return err_set(err, HF_EBUG, "power %d", (int)power);
	if ((d = find_driver(drivers, url)) == NULL)
		return no_driver(drivers, url, err);
	return d->open(params, power, ret, err);
}

int
store_put(struct store *s, const char *name, const struct store_blob *blob,
    struct err *err)
{
	int rc;

	assert(name != NULL && blob != NULL);
	assert(blob->p != NULL || blob->len == 0);
	if ((rc = check(s, name, STORE_WRITE, err)) < 0)
		return rc;
	return s->ops->put(s, name, blob, err);
}

int
store_upload_init(struct store_upload *u, const struct store_upload_ops *ops,
    struct store *s, const char *name, struct err *err)
{
	u->ops = ops;
	u->store = s;
	return str_dup(name, &u->name, err);
}

int
store_upload_new(struct store *s, const char *name, struct store_upload **ret,
    struct err *err)
{
	int rc;

	assert(name != NULL && ret != NULL);
	if ((rc = check(s, name, STORE_WRITE, err)) < 0)
		return rc;
	return s->ops->upload(s, name, ret, err);
}

/* After a failure the upload must not be finished: a part would be missing. */
int
store_upload_part(
    struct store_upload *u, const uint8_t *p, size_t n, struct err *err)
{
	int rc;

	assert(u != NULL && p != NULL && err != NULL);
	if (u->state != STORE_UPLOAD_OPEN || n == 0 || n > STORE_PART)
		return err_set(err, HF_EBUG, "a part of %zu bytes", n);
	u->state = STORE_UPLOAD_BROKEN;
	if ((rc = u->ops->part(u, p, n, err)) < 0)
		return rc;
	u->len += n;
	u->state = n < STORE_PART ? STORE_UPLOAD_LAST : STORE_UPLOAD_OPEN;
	return 0;
}

int
store_upload_finish(struct store_upload *u, struct err *err)
{
	assert(u != NULL && err != NULL);
	if (u->state == STORE_UPLOAD_BROKEN || u->len == 0)
		return err_set(err, HF_EBUG, "an upload without its parts");
	u->state = STORE_UPLOAD_BROKEN;
	return u->ops->finish(u, err);
}

void
store_upload_free(struct store_upload *u)
{
	if (u == NULL)
		return;
	u->ops->close(u);
	free(u->name);
	free(u);
}

int
store_get(struct store *s, const char *name, size_t max, struct buf *out,
    struct err *err)
{
	const size_t before = out->len;
	int rc;

	assert(name != NULL);
	if ((rc = check(s, name, STORE_READ, err)) < 0)
		return rc;
	if ((rc = s->ops->get(s, name, 0, 0, max, out, err)) < 0)
		out->len = before;
	return rc;
}

int
store_get_range(struct store *s, const char *name, uint64_t off, size_t len,
    struct buf *out, struct err *err)
{
	const size_t before = out->len;
	int rc;

	assert(name != NULL && len > 0);
	if ((rc = check(s, name, STORE_READ, err)) < 0)
		return rc;
	if (off > INT64_MAX - len)
		return err_set(err, HF_ECORRUPT,
		    "'%s' cannot have bytes behind 2^63", name);
	rc = s->ops->get(s, name, off, len, len, out, err);
	/* A short answer must never pass for the bytes that were asked for. */
	if (rc == 0 && out->len - before != len)
		rc = err_set(err, HF_ECORRUPT,
		    "'%s' gave %zu bytes where %zu were asked for", name,
		    out->len - before, len);
	if (rc < 0)
		out->len = before;
	return rc;
}

int
store_head(
    struct store *s, const char *name, struct store_info *info, struct err *err)
{
	struct store_info i = { .name = NULL };
	int rc;

	assert(name != NULL && info != NULL);
	if ((rc = check(s, name, STORE_READ, err)) < 0 ||
	    (rc = s->ops->head(s, name, &i, err)) < 0)
		return rc;
	i.name = NULL;
	*info = i;
	return 0;
}

/* Stands between a driver and the caller's function. */
struct listing {
	const struct store *store;
	const char *prefix;
	char last[NAME_MAX_LEN + 1];
	store_list_fn *fn;
	void *arg;
};

static int
listed(void *arg, const struct store_info *info, struct err *err)
{
	struct listing *l = arg;

	/*
	 * It is not ours, and no object: no call could reach a name like that.
	 */
	if (!store_name_ok(info->name))
		return 0;
	if (str_has_prefix(info->name, l->prefix) == NULL)
		return err_set(err, HF_ECORRUPT,
		    "'%s' lists '%s', which does not begin with '%s'",
		    l->store->place, info->name, l->prefix);
	/* Callers merge listings: one out of order would lose objects. */
	if (strcmp(info->name, l->last) <= 0)
		return err_set(err, HF_ECORRUPT,
		    "'%s' lists '%s' after '%s', out of order", l->store->place,
		    info->name, l->last);
	memcpy(l->last, info->name, strlen(info->name) + 1);
	return l->fn(l->arg, info, err);
}

int
store_list(struct store *s, const char *prefix, store_list_fn *fn, void *arg,
    struct err *err)
{
	struct listing l = { .store = s, .prefix = prefix };
	int rc;

	assert(prefix != NULL && fn != NULL);
	if ((rc = check(s, NULL, STORE_READ, err)) < 0)
		return rc;
	if (!components_ok(prefix, true))
		return err_set(
		    err, HF_EBUG, "'%s' cannot begin a name", prefix);
	l.fn = fn;
	l.arg = arg;
	return s->ops->list(s, prefix, listed, &l, err);
}

int
store_now(struct store *s, int64_t *ms, struct err *err)
{
	assert(s != NULL && ms != NULL && err != NULL);
	return s->ops->now(s, ms, err);
}

int
store_probe(struct store *s, enum store_power power, struct err *err)
{
	int rc;

	assert(power != 0);
	if ((power & STORE_READ) && (rc = check(s, NULL, STORE_READ, err)) < 0)
		return rc;
	if ((power & STORE_WRITE) &&
	    (rc = check(s, NULL, STORE_WRITE, err)) < 0)
		return rc;
	return s->ops->probe(s, power, err);
}

void
store_free(struct store *s)
{
	if (s != NULL)
		s->ops->free(s);
}

int
store_eraser_new(struct store *s, struct store_eraser **ret, struct err *err)
{
	struct store_eraser *e;
	int rc;

	if ((rc = check(s, NULL, STORE_WRITE, err)) < 0)
		return rc;
	if (s->ops->caps & STORE_CAP_WRITE_ONLY)
		return err_set(
		    err, HF_EDENIED, "'%s' can only be written", s->place);
	if ((e = calloc(1, sizeof(*e))) == NULL)
		return err_nomem(err);
	e->store = s;
	*ret = e;
	return 0;
}

int
store_erase(struct store_eraser *e, const char *name, struct err *err)
{
	int rc;

	assert(e != NULL && name != NULL);
	if ((rc = check(e->store, name, STORE_WRITE, err)) < 0)
		return rc;
	return e->store->ops->del(e->store, name, err);
}

int
store_replace(struct store_eraser *e, const char *name,
    const struct store_blob *blob, struct err *err)
{
	int rc;

	assert(e != NULL && name != NULL && blob != NULL);
	if ((rc = check(e->store, name, STORE_WRITE, err)) < 0)
		return rc;
	return e->store->ops->replace(e->store, name, blob, err);
}

int
store_sweep(struct store_eraser *e, const char *prefix, int64_t before_ms,
    uint64_t *n, struct err *err)
{
	int rc;

	assert(e != NULL && prefix != NULL && n != NULL);
	if ((rc = check(e->store, NULL, STORE_WRITE, err)) < 0)
		return rc;
	if (!components_ok(prefix, true))
		return err_set(
		    err, HF_EBUG, "'%s' cannot begin a name", prefix);
	*n = 0;
	return e->store->ops->sweep(e->store, prefix, before_ms, n, err);
}

void
store_eraser_free(struct store_eraser *e)
{
	free(e);
}
