#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/str.h"
#include "repo/repo_findings.h"

static int
fill(struct repo_finding *f, const char *object, const char *remedy,
    const char *what, struct err *err)
{
	if (str_dup(object, &f->object, err) < 0 ||
	    str_dup(remedy, &f->remedy, err) < 0)
		return err->code;
	return str_dup(what, &f->what, err);
}

static int
append(struct repo_findings *f, const struct repo_finding *one, struct err *err)
{
	struct repo_finding *grown;
	int rc = 0;

	(void)pthread_mutex_lock(&f->lock);
	grown = reallocarray(f->v, f->n + 1, sizeof(*grown));
	if (grown == NULL) {
		rc = err_nomem(err);
	} else {
		f->v = grown;
		f->v[f->n++] = *one;
	}
	(void)pthread_mutex_unlock(&f->lock);
	return rc;
}

static void
clear(struct repo_finding *f)
{
	free(f->object);
	free(f->what);
	free(f->remedy);
}

static int
add(struct repo_findings *f, const char *object, const char *remedy,
    const char *what, bool settled, struct err *err)
{
	struct repo_finding one = { .settled = settled };

	if (fill(&one, object, remedy, what, err) < 0 ||
	    append(f, &one, err) < 0) {
		clear(&one);
		return err->code;
	}
	return 0;
}

int
repo_findings_add(struct repo_findings *f, struct err *err, const char *object,
    const char *remedy, const char *fmt, ...)
{
	char what[sizeof(err->msg)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return add(f, object, remedy, what, false, err);
}

int
repo_findings_settled(struct repo_findings *f, const char *object,
    const char *remedy, const char *what, struct err *err)
{
	return add(f, object, remedy, what, true, err);
}

void
repo_findings_free(struct repo_finding *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		clear(&v[i]);
	free(v);
}
