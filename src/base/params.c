#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/params.h"
#include "base/str.h"

struct pair {
	char *name;
	char *value;
};

struct params {
	struct pair *pairs;
	size_t n;
};

int
params_new(struct params **ret, struct err *err)
{
	struct params *p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return err_nomem(err);
	*ret = p;
	return 0;
}

void
params_free(struct params *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < p->n; i++) {
		free(p->pairs[i].name);
		free(p->pairs[i].value);
	}
	free(p->pairs);
	free(p);
}

int
params_add(
    struct params *p, const char *name, const char *value, struct err *err)
{
	CLEANUP(freep_mem) char *n = NULL;
	CLEANUP(freep_mem) char *v = NULL;
	struct pair *grown;
	int rc;

	if ((rc = str_dup(name, &n, err)) < 0 ||
	    (rc = str_dup(value, &v, err)) < 0)
		return rc;
	grown = reallocarray(p->pairs, p->n + 1, sizeof(*grown));
	if (grown == NULL)
		return err_nomem(err);
	p->pairs = grown;
	p->pairs[p->n++] = (struct pair){ .name = TAKE(n), .value = TAKE(v) };
	return 0;
}

int
params_set(
    struct params *p, const char *name, const char *value, struct err *err)
{
	size_t i, kept = 0;
	int rc;

	/* Add first: a failure must leave the old value in place. */
	if ((rc = params_add(p, name, value, err)) < 0)
		return rc;
	for (i = 0; i < p->n; i++) {
		if (i + 1 < p->n && strcmp(p->pairs[i].name, name) == 0) {
			free(p->pairs[i].name);
			free(p->pairs[i].value);
			continue;
		}
		p->pairs[kept++] = p->pairs[i];
	}
	p->n = kept;
	return 0;
}

int
params_copy(struct params *to, const struct params *from, struct err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < from->n && rc == 0; i++)
		rc = params_add(
		    to, from->pairs[i].name, from->pairs[i].value, err);
	return rc;
}

const char *
params_at(const struct params *p, const char *name, size_t index)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (strcmp(p->pairs[i].name, name) == 0 && index-- == 0)
			return p->pairs[i].value;
	return NULL;
}

const char *
params_get(const struct params *p, const char *name)
{
	return params_at(p, name, 0);
}

bool
params_flag(const struct params *p, const char *name, bool absent)
{
	const char *v = params_get(p, name);

	return v == NULL ? absent : strcmp(v, "true") == 0;
}

const char *
params_name(const struct params *p, size_t i)
{
	return i < p->n ? p->pairs[i].name : NULL;
}
