#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/params.h"
#include "base/str.h"
#include "base/suggest.h"
#include "config/config.h"
#include "config/config_list.h"

static void
config_list_clear(struct config_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].type);
		params_free(l->v[i].params);
	}
	free(l->v);
}

void
config_free(struct config *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < CONFIG_PLACES; i++)
		config_list_clear(&c->lists[i]);
	params_free(c->top);
	free(c->path);
	free(c);
}

/* Return the index of the list for ${place}. */
static size_t
list_of(enum option_place place)
{
	switch (place) {
	case OPTION_IN_KEY:
		return 0;
	case OPTION_IN_REPO:
		return 1;
	default:
		return 2;
	}
}

int
config_add(struct config *c, enum option_place place, const char *name,
    const char *type, struct config_entry **ret, struct err *err)
{
	struct config_list *l = &c->lists[list_of(place)];
	struct config_entry *grown, *e;
	int rc;

	if ((grown = reallocarray(l->v, l->n + 1, sizeof(*grown))) == NULL)
		return err_nomem(err);
	l->v = grown;
	e = &l->v[l->n++];
	*e = (struct config_entry){ 0 };
	if ((rc = str_dup(name, &e->name, err)) < 0 ||
	    (rc = str_dup(type, &e->type, err)) < 0 ||
	    (rc = params_new(&e->params, err)) < 0)
		return rc;
	*ret = e;
	return 0;
}

const char *
config_path(const struct config *c)
{
	return c->path;
}

const struct params *
config_top(const struct config *c)
{
	return c->top;
}

const struct config_entry *
config_at(const struct config *c, enum option_place place, size_t i)
{
	const struct config_list *l = &c->lists[list_of(place)];

	return i < l->n ? &l->v[i] : NULL;
}

const struct config_entry *
config_named(const struct config *c, enum option_place place, const char *name)
{
	const struct config_entry *e;
	size_t i;

	for (i = 0; (e = config_at(c, place, i)) != NULL; i++)
		if (strcmp(e->name, name) == 0)
			return e;
	return NULL;
}

/* List the names that exist, as far as they fit. */
static void
hint_names(const struct config *c, enum option_place place, struct err *err)
{
	const struct config_entry *e;
	char all[200] = "";
	size_t i, n = 0;

	for (i = 0; (e = config_at(c, place, i)) != NULL; i++)
		if (n < sizeof(all))
			n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s",
			    i > 0 ? ", " : "", e->name);
	if (i > 0)
		(void)err_hint(err, "there are: %s", all);
	else if (c->path == NULL)
		(void)err_hint(err, "there is no configuration file");
	else
		(void)err_hint(err, "'%s' has none", c->path);
}

int
config_name(const struct config *c, enum option_place place, const char *name,
    const struct config_entry **ret, struct err *err)
{
	struct suggest s = { .typed = name };
	const struct config_entry *e;
	size_t i;

	if ((e = config_named(c, place, name)) != NULL) {
		*ret = e;
		return 0;
	}
	for (i = 0; (e = config_at(c, place, i)) != NULL; i++)
		suggest_offer(&s, e->name);
	(void)err_set(err, HF_ENOTFOUND, "there is no %s '%.64s'",
	    config_place_word(place), name);
	if (suggest_best(&s) != NULL)
		(void)err_hint(err, "did you mean '%s'?", suggest_best(&s));
	hint_names(c, place, err);
	return err->code;
}

int
config_defaults(enum option_place place, const char *type,
    struct params *params, struct err *err)
{
	const struct config_option *o;
	size_t i;
	int rc;

	for (i = 0; (o = config_option_at(i)) != NULL; i++)
		if ((o->places & place) && o->fallback != NULL &&
		    config_option_for(o, type) &&
		    params_get(params, config_option_word(o)) == NULL &&
		    (rc = params_add(
			 params, config_option_word(o), o->fallback, err)) < 0)
			return rc;
	return 0;
}

int
config_home(char **dir, struct err *err)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	/* The specification says that a relative path is to be ignored. */
	if (xdg != NULL && xdg[0] == '/')
		return str_printf(dir, err, "%s/holdfast", xdg);
	if (home != NULL && home[0] != '\0')
		return str_printf(dir, err, "%s/.config/holdfast", home);
	(void)err_set(err, HF_ENOTFOUND, "this user has no home folder");
	return err_hint(err, "set HOME or XDG_CONFIG_HOME");
}

int
config_key_path(char **path, struct err *err)
{
	CLEANUP(freep_mem) char *dir = NULL;
	int rc;

	if ((rc = config_home(&dir, err)) < 0)
		return rc;
	return str_printf(path, err, "%s/holdfast.key", dir);
}

int
config_state_dir(char **dir, struct err *err)
{
	const char *xdg = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	if (xdg != NULL && xdg[0] == '/')
		return str_printf(dir, err, "%s/holdfast", xdg);
	if (geteuid() == 0)
		return str_dup("/var/lib/holdfast", dir, err);
	if (home != NULL && home[0] != '\0')
		return str_printf(dir, err, "%s/.local/state/holdfast", home);
	(void)err_set(err, HF_ENOTFOUND, "this user has no home folder");
	return err_hint(err, "give --state-dir");
}

int
config_find(const char *given, char **path, struct err *err)
{
	static const char everyones[] = "/etc/holdfast/holdfast.yaml";
	CLEANUP(freep_mem) char *own = NULL;
	CLEANUP(freep_mem) char *dir = NULL;
	struct err ignored = ERR_INIT;
	int rc;

	if (given != NULL)
		return str_dup(given, path, err);
	if (config_home(&dir, &ignored) == 0) {
		if ((rc = str_printf(&own, err, "%s/holdfast.yaml", dir)) < 0)
			return rc;
		if (access(own, F_OK) == 0) {
			*path = TAKE(own);
			return 0;
		}
	}
	return str_dup(
	    access(everyones, F_OK) == 0 ? everyones : NULL, path, err);
}
