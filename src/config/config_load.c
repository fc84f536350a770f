#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/params.h"
#include "base/str.h"
#include "base/suggest.h"
#include "base/yaml.h"
#include "config/config.h"
#include "config/config_list.h"

/* The maps at the top, in the order of loading: each may name those before. */
static const struct {
	const char *name;
	enum option_place place;
} maps[] = {
	{ "keys", OPTION_IN_KEY },
	{ "repositories", OPTION_IN_REPO },
	{ "sources", OPTION_IN_SOURCE },
};
#define MAPS (sizeof(maps) / sizeof(maps[0]))

/* What is being loaded. */
struct loader {
	struct config *config;
	enum option_place place;
	const char *type; /* Of the entry, or NULL. */
	struct params *params;
};

/* Return the child of a map called ${key}, or NULL. */
static const struct yaml_node *
child_named(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *n;

	for (n = map->child; n != NULL; n = n->next)
		if (strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

static int
need_map(const struct yaml_node *n, const char *name, struct err *err)
{
	if (n->kind == YAML_MAP)
		return 0;
	(void)yaml_fail(n, err, "'%.64s' must be a map", name);
	return err_hint(err, "write it as { word: value, ... }");
}

/*
 * Say that there is no such word, and which one is close, or where it belongs.
 */
static int
unknown_word(const struct loader *l, const struct yaml_node *n, struct err *err)
{
	struct suggest s = { .typed = n->key };
	const struct config_option *o, *other = NULL;
	size_t i;

	for (i = 0; (o = config_option_at(i)) != NULL; i++) {
		if (!(o->places & l->place))
			continue;
		if (config_option_for(o, l->type))
			suggest_offer(&s, config_option_word(o));
		else if (strcmp(config_option_word(o), n->key) == 0)
			other = o;
	}
	for (i = 0; l->place == OPTION_IN_FILE && i < MAPS; i++)
		suggest_offer(&s, maps[i].name);
	if (other != NULL) {
		(void)yaml_fail(n, err, "a %s of type '%s' has no '%s'",
		    config_place_word(l->place), l->type, n->key);
		return err_hint(err, "'%s' is for: %s", n->key, other->only);
	}
	(void)yaml_fail(n, err, "unknown word '%.64s'", n->key);
	if (suggest_best(&s) != NULL)
		return err_hint(err, "did you mean '%s'?", suggest_best(&s));
	return err_hint(err, "`holdfast help config` lists the words");
}

/* Check that the name in ${n} is one of the configuration's. */
static int
check_name(const struct loader *l, const struct config_option *o,
    const struct yaml_node *n, struct err *err)
{
	const struct config_entry *e;
	enum option_place place;

	if (o->type == OPTION_KEY)
		place = OPTION_IN_KEY;
	else if (o->type == OPTION_REPOSITORY)
		place = OPTION_IN_REPO;
	else
		return 0;
	if (config_name(l->config, place, n->value, &e, err) < 0)
		return yaml_wrap(n, err);
	return 0;
}

/* Add the value of one scalar to the params. */
static int
load_scalar(const struct loader *l, const struct config_option *o,
    const struct yaml_node *n, struct err *err)
{
	const char *word = config_option_word(o);
	int rc;

	if (n->kind != YAML_SCALAR)
		return yaml_fail(n, err, "'%s' must be %s", word,
		    o->list ? "a list of values" : "a single value");
	if (yaml_is_null(n))
		return yaml_fail(n, err, "'%s' has no value", word);
	if (config_option_check(o, word, n->value, err) < 0)
		return yaml_wrap(n, err);
	if ((rc = check_name(l, o, n, err)) < 0)
		return rc;
	return params_add(l->params, word, n->value, err);
}

static int load_words(
    const struct loader *, const struct yaml_node *, struct err *);

/* Load what stands under one word of an entry. */
static int
load_word(const struct loader *l, const struct yaml_node *n, struct err *err)
{
	const struct config_option *o =
	    config_option_in(l->place, l->type, n->key);
	const struct yaml_node *item;
	struct loader inner = *l;
	int rc = 0;

	if (o == NULL)
		return unknown_word(l, n, err);
	if (o->type == OPTION_RETENTION) {
		inner.place = OPTION_IN_RETENTION;
		if ((rc = need_map(n, n->key, err)) < 0)
			return rc;
		return load_words(&inner, n, err);
	}
	if (!o->list || n->kind != YAML_LIST)
		return load_scalar(l, o, n, err);
	for (item = n->child; item != NULL && rc == 0; item = item->next)
		rc = load_scalar(l, o, item, err);
	return rc;
}

/* Load all words of a map but "type", which the caller has read. */
static int
load_words(const struct loader *l, const struct yaml_node *map, struct err *err)
{
	const struct yaml_node *n;
	int rc;

	for (n = map->child; n != NULL; n = n->next) {
		if ((l->place & (OPTION_IN_KEY | OPTION_IN_SOURCE)) &&
		    strcmp(n->key, "type") == 0)
			continue;
		if ((rc = load_word(l, n, err)) < 0)
			return rc;
	}
	return 0;
}

/* A name must not look like a place, or --repo could not tell them apart. */
static int
check_entry_name(const struct yaml_node *n, struct err *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";

	if (n->key[0] != '\0' && strlen(n->key) <= 64 &&
	    strspn(n->key, letters) == strlen(n->key) && n->key[0] != '-')
		return 0;
	(void)yaml_fail(n, err, "'%.64s' cannot be a name", n->key);
	return err_hint(
	    err, "a name is 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'");
}

/* Find an entry's type: what "type" says, or the scheme of a place. */
static int
read_type(enum option_place place, const struct yaml_node *entry,
    const struct config_type **ret, struct err *err)
{
	const char *word = place == OPTION_IN_REPO ? "url" : "type";
	const struct yaml_node *n = child_named(entry, word);
	char type[64];
	size_t len;

	if (n == NULL)
		return yaml_fail(entry, err, "%s '%s' has no '%s'",
		    config_place_word(place), entry->key, word);
	if (n->kind != YAML_SCALAR || yaml_is_null(n))
		return yaml_fail(n, err, "'%s' must be a single value", word);
	len = strcspn(n->value, place == OPTION_IN_REPO ? ":" : "");
	if (len >= sizeof(type) ||
	    (place == OPTION_IN_REPO && n->value[len] != ':')) {
		(void)yaml_fail(n, err, "'%s' is not a place", word);
		return err_hint(
		    err, "write it as file:/PATH or s3://BUCKET/PREFIX");
	}
	memcpy(type, n->value, len);
	type[len] = '\0';
	if ((*ret = config_type_named(place, type, err)) == NULL)
		return yaml_wrap(n, err);
	return 0;
}

static int
check_required(
    const struct loader *l, const struct yaml_node *entry, struct err *err)
{
	const struct config_option *o;
	size_t i;

	for (i = 0; (o = config_option_at(i)) != NULL; i++)
		if ((o->places & l->place) && o->required &&
		    config_option_for(o, l->type) &&
		    params_get(l->params, config_option_word(o)) == NULL)
			return yaml_fail(entry, err, "%s '%s' has no '%s'",
			    config_place_word(l->place), entry->key,
			    config_option_word(o));
	return 0;
}

static int
load_entry(struct config *c, enum option_place place, const struct yaml_node *n,
    struct err *err)
{
	struct loader l = { .config = c, .place = place };
	const struct config_type *type;
	struct config_entry *e;
	int rc;

	if ((rc = check_entry_name(n, err)) < 0 ||
	    (rc = need_map(n, n->key, err)) < 0 ||
	    (rc = read_type(place, n, &type, err)) < 0 ||
	    (rc = config_add(c, place, n->key, type->name, &e, err)) < 0)
		return rc;
	e->line = n->line;
	l.type = e->type;
	l.params = e->params;
	if ((rc = params_add(e->params, "type", e->type, err)) < 0 ||
	    (rc = load_words(&l, n, err)) < 0 ||
	    (rc = check_required(&l, n, err)) < 0)
		return rc;
	return config_defaults(place, e->type, e->params, err);
}

static int
load_map(struct config *c, enum option_place place, const struct yaml_node *map,
    struct err *err)
{
	const struct yaml_node *n;
	int rc;

	if (yaml_is_null(map))
		return 0;
	if ((rc = need_map(map, map->key, err)) < 0)
		return rc;
	for (n = map->child; n != NULL; n = n->next)
		if ((rc = load_entry(c, place, n, err)) < 0)
			return rc;
	return 0;
}

static bool
is_map(const char *key)
{
	size_t i;

	for (i = 0; i < MAPS; i++)
		if (strcmp(maps[i].name, key) == 0)
			return true;
	return false;
}

static int
load_root(struct config *c, const struct yaml_node *root, struct err *err)
{
	struct loader l = {
		.config = c, .place = OPTION_IN_FILE, .params = c->top
	};
	const struct yaml_node *n;
	size_t i;
	int rc;

	if (yaml_is_null(root))
		return 0;
	if (root->kind != YAML_MAP)
		return yaml_fail(root, err,
		    "this is not a map of keys, repositories and sources");
	for (n = root->child; n != NULL; n = n->next)
		if (!is_map(n->key) && (rc = load_word(&l, n, err)) < 0)
			return rc;
	for (i = 0; i < MAPS; i++)
		if ((n = child_named(root, maps[i].name)) != NULL &&
		    (rc = load_map(c, maps[i].place, n, err)) < 0)
			return rc;
	return 0;
}

static int
config_new(const char *path, struct config **ret, struct err *err)
{
	CLEANUP(freep_config) struct config *c = NULL;
	int rc;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_nomem(err);
	if ((rc = str_dup(path, &c->path, err)) < 0 ||
	    (rc = params_new(&c->top, err)) < 0)
		return rc;
	*ret = TAKE(c);
	return 0;
}

int
config_parse(const char *name, const void *p, size_t n, struct config **ret,
    struct err *err)
{
	CLEANUP(freep_config) struct config *c = NULL;
	CLEANUP(freep_yaml_node) struct yaml_node *root = NULL;
	int rc;

	if ((rc = config_new(name, &c, err)) < 0 ||
	    (rc = yaml_parse(name, p, n, &root, err)) < 0 ||
	    (rc = load_root(c, root, err)) < 0)
		return rc;
	*ret = TAKE(c);
	return 0;
}

int
config_load(const char *path, struct config **ret, struct err *err)
{
	CLEANUP(freep_buf) struct buf text = BUF_INIT;
	int rc;

	if (path == NULL)
		return config_new(NULL, ret, err);
	/* One byte more than allowed, so that yaml_parse says what is wrong. */
	if ((rc = file_read(path, YAML_MAX + 1, &text, err)) < 0) {
		if (rc == -(int)HF_ECORRUPT)
			err->code = -(int)HF_ECONFIG;
		return err_wrap(err, "read the configuration");
	}
	return config_parse(path, text.p, text.len, ret, err);
}
