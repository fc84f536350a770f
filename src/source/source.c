#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/params.h"
#include "source/source.h"

int
sink_begin(struct sink *s, const char *path, uint64_t size, enum sink_hash hash,
    struct err *err)
{
	assert(path != NULL);
	return s->ops->begin(s, path, size, hash, err);
}

int
sink_space(struct sink *s, uint8_t **p, size_t *n, struct err *err)
{
	return s->ops->space(s, p, n, err);
}

int
sink_wrote(struct sink *s, size_t n, struct err *err)
{
	return s->ops->wrote(s, n, err);
}

int
sink_write(struct sink *s, const void *from, size_t n, struct err *err)
{
	const uint8_t *p = from;
	uint8_t *to;
	size_t room;
	int rc;

	for (; n > 0; p += room, n -= room) {
		if ((rc = sink_space(s, &to, &room, err)) < 0)
			return rc;
		if (room > n)
			room = n;
		memcpy(to, p, room);
		if ((rc = sink_wrote(s, room, err)) < 0)
			return rc;
	}
	return 0;
}

int
sink_add(struct sink *s, const struct entry *e, struct err *err)
{
	assert(e != NULL);
	return s->ops->add(s, e, err);
}

int
sink_evidence(
    struct sink *s, const char *name, const char *value, struct err *err)
{
	assert(name != NULL && value != NULL);
	return s->ops->evidence(s, name, value, err);
}

void
sink_warn(struct sink *s, const char *path, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	s->ops->warn(s, path, what);
}

int
sink_check(struct sink *s, struct err *err)
{
	return s->ops->check(s, err);
}

int
sink_recall(struct sink *s, struct sink_kept *ret, struct err *err)
{
	return s->ops->recall == NULL ? 0 : s->ops->recall(s, ret, err);
}

int
sink_keep(struct sink *s, const char *path, const uint8_t *memo, size_t n,
    struct err *err)
{
	assert(path != NULL && s->ops->keep != NULL && n <= SINK_MEMO_MAX);
	return s->ops->keep(s, path, memo, n, err);
}

int
sink_remember(struct sink *s, const uint8_t *memo, size_t n, struct err *err)
{
	assert(n <= SINK_MEMO_MAX);
	return s->ops->remember == NULL ? 0 : s->ops->remember(s, memo, n, err);
}

/* Refuse a type that no driver has, and say which there are. */
static int
unknown_type(const struct source_driver *const *drivers, const char *type,
    struct err *err)
{
	char known[256] = "";
	size_t used = 0;

	for (; *drivers != NULL && used < sizeof(known); drivers++)
		used += (size_t)snprintf(known + used, sizeof(known) - used,
		    "%s%s", used > 0 ? ", " : "", (*drivers)->type);
	(void)err_set(err, HF_ECONFIG, "no source has the type '%s'", type);
	return err_hint(err, "types are: %s", known);
}

int
source_open(const struct source_driver *const *drivers,
    const struct params *params, struct source **ret, struct err *err)
{
	const char *type = params_get(params, "type"), *what;
	const struct source_driver *const *d;
	struct source *s;
	int rc;

	if (type == NULL)
		return err_set(err, HF_ECONFIG, "the source has no 'type'");
	for (d = drivers; *d != NULL && strcmp((*d)->type, type) != 0; d++)
		;
	if (*d == NULL)
		return unknown_type(drivers, type, err);
	if ((rc = (*d)->open(params, &s, err)) < 0)
		return rc;
	what = params_get(params, (*d)->word);
	if (s->label[0] == '\0')
		(void)snprintf(s->label, sizeof(s->label), "%s%s%s", type,
		    what != NULL ? ":" : "", what != NULL ? what : "");
	*ret = s;
	return 0;
}

int
source_read(struct source *s, struct sink *sink, struct err *err)
{
	assert(s != NULL && sink != NULL && err != NULL);
	if (s->ops->read(s, sink, err) < 0)
		return err_wrap(err, "read '%s'", s->label);
	return 0;
}

int
source_probe(struct source *s, struct err *err)
{
	assert(s != NULL && err != NULL);
	if (s->ops->probe(s, err) < 0)
		return err_wrap(err, "probe '%s'", s->label);
	return 0;
}

void
source_free(struct source *s)
{
	/* As free(NULL) does. */
	if (s == NULL)
		return;
	s->ops->free(s);
}
