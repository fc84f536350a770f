#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/size.h"
#include "base/str.h"
#include "base/suggest.h"
#include "base/time.h"
#include "config/config_option.h"
#include "config/config_option_table.h"

const struct config_option *
config_option_at(size_t i)
{
	const struct config_option *o = &config_option_table[i];

	return o->name == NULL ? NULL : o;
}

const struct config_option *
config_option_named(const char *name)
{
	const struct config_option *o;

	for (o = config_option_table; o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

const char *
config_option_word(const struct config_option *o)
{
	return o->word != NULL ? o->word : o->name;
}

/* Find word ${i} of the blank-separated ${list}; its length in ${*n}. */
static const char *
word_at(const char *list, size_t i, size_t *n)
{
	const char *s = list;

	if (s == NULL)
		return NULL;
	for (; *s != '\0'; i--) {
		*n = strcspn(s, " ");
		if (i == 0)
			return s;
		s += *n;
		s += strspn(s, " ");
	}
	return NULL;
}

static bool
has_word(const char *list, const char *word)
{
	const char *s;
	size_t i, n;

	for (i = 0; (s = word_at(list, i, &n)) != NULL; i++)
		if (strlen(word) == n && memcmp(s, word, n) == 0)
			return true;
	return false;
}

bool
config_option_for(const struct config_option *o, const char *type)
{
	return o->only == NULL || (type != NULL && has_word(o->only, type));
}

const struct config_option *
config_option_in(enum option_place place, const char *type, const char *word)
{
	const struct config_option *o;

	for (o = config_option_table; o->name != NULL; o++)
		if ((o->places & place) && config_option_for(o, type) &&
		    strcmp(config_option_word(o), word) == 0)
			return o;
	return NULL;
}

char *
config_option_flag(const struct config_option *o, char *to)
{
	char *s;

	(void)snprintf(to, OPTION_FLAG_MAX, "--%s", o->name);
	for (s = to; *s != '\0'; s++)
		if (*s == '_')
			*s = '-';
	return to;
}

char *
config_option_value(const struct config_option *o, size_t i, char *to)
{
	const char *values = o->type == OPTION_FLAG ? "true false" : o->values;
	const char *s;
	size_t n;

	if ((s = word_at(values, i, &n)) == NULL)
		return NULL;
	(void)snprintf(to, OPTION_FLAG_MAX, "%.*s", (int)n, s);
	return to;
}

static int
check_word(const struct config_option *o, const char *what, const char *value,
    struct err *err)
{
	const char *values = o->type == OPTION_FLAG ? "true false" : o->values;
	struct suggest s = { .typed = value };
	char words[8][OPTION_FLAG_MAX];
	size_t i;

	if (has_word(values, value))
		return 0;
	for (i = 0; i < 8 && config_option_value(o, i, words[i]); i++)
		suggest_offer(&s, words[i]);
	(void)err_set(err, HF_EUSAGE, "'%s' cannot be '%.64s'", what, value);
	if (suggest_best(&s) != NULL)
		return err_hint(err, "did you mean '%s'?", suggest_best(&s));
	return err_hint(err, "it is one of: %s", values);
}

/* Parse an integer, size or duration; the parsers' words are the error. */
static int
parse_number(const struct config_option *o, const char *value, int64_t *ret,
    struct err *err)
{
	uint64_t bytes;
	char *end;
	int rc;

	switch (o->type) {
	case OPTION_SIZE:
		if ((rc = size_parse(value, &bytes, err)) < 0)
			return rc;
		*ret = (int64_t)bytes;
		return 0;
	case OPTION_DURATION:
		return duration_parse(value, ret, err);
	default:
		/* strtoll accepts blanks and '+', too. */
		if (value[0] == '\0' ||
		    strspn(value, "0123456789") != strlen(value))
			return err_set(err, HF_EUSAGE,
			    "'%.64s' is not a whole number", value);
		errno = 0;
		*ret = strtoll(value, &end, 10);
		return errno == 0 ? 0
				  : err_set(err, HF_EUSAGE,
					"'%.64s' is too large", value);
	}
}

static void
format_number(const struct config_option *o, int64_t v, char *to, size_t n)
{
	char text[TIME_TEXT_MAX];

	if (o->type == OPTION_SIZE)
		(void)snprintf(to, n, "%s", size_format((uint64_t)v, text));
	else if (o->type == OPTION_DURATION)
		(void)snprintf(to, n, "%s", duration_format(v, text));
	else
		(void)snprintf(to, n, "%" PRId64, v);
}

static int
check_number(const struct config_option *o, const char *what, const char *value,
    struct err *err)
{
	char min[TIME_TEXT_MAX], max[TIME_TEXT_MAX];
	int64_t v;

	if (has_word(o->values, value))
		return 0;
	if (parse_number(o, value, &v, err) < 0)
		return err_wrap(err, "'%s'", what);
	if ((o->min == 0 && o->max == 0) || (v >= o->min && v <= o->max))
		return 0;
	(void)err_set(err, HF_EUSAGE, "'%s' cannot be %.64s", what, value);
	format_number(o, o->min, min, sizeof(min));
	format_number(o, o->max, max, sizeof(max));
	return err_hint(err, "it goes from %s to %s", min, max);
}

static bool
is_reference(const char *value)
{
	const char *rest;

	if ((rest = str_has_prefix(value, "file:")) != NULL)
		return *rest != '\0';
	if ((rest = str_has_prefix(value, "fd:")) != NULL)
		return *rest != '\0' && strlen(rest) < 10 &&
		       strspn(rest, "0123456789") == strlen(rest);
	if ((rest = str_has_prefix(value, "env:")) == NULL)
		return false;
	if (*rest == '\0' || isdigit((unsigned char)*rest))
		return false;
	for (; *rest != '\0'; rest++)
		if (!isalnum((unsigned char)*rest) && *rest != '_')
			return false;
	return true;
}

int
config_option_check(const struct config_option *o, const char *what,
    const char *value, struct err *err)
{
	switch (o->type) {
	case OPTION_FLAG:
	case OPTION_ENUM:
		return check_word(o, what, value, err);
	case OPTION_INTEGER:
	case OPTION_SIZE:
	case OPTION_DURATION:
		return check_number(o, what, value, err);
	case OPTION_SECRET:
		if (is_reference(value))
			return 0;
		/* It may be the secret itself: the message must not have it. */
		(void)err_set(err, HF_EUSAGE,
		    "'%s' says where the secret lies, never what it is", what);
		return err_hint(err, "write file:/PATH, env:NAME or fd:N");
	default:
		if (value[0] != '\0')
			return 0;
		return err_set(err, HF_EUSAGE, "'%s' is empty", what);
	}
}

int64_t
config_option_number(const struct config_option *o, const char *value)
{
	struct err ignored = ERR_INIT;
	int64_t v = -1;

	if (parse_number(o, value, &v, &ignored) < 0)
		return -1;
	return v;
}

const char *
config_place_word(enum option_place place)
{
	switch (place) {
	case OPTION_IN_KEY:
		return "key";
	case OPTION_IN_SOURCE:
		return "source";
	default:
		return "repository";
	}
}

const struct config_type *
config_type_at(size_t i)
{
	const struct config_type *t = &config_type_table[i];

	return t->name == NULL ? NULL : t;
}

const struct config_type *
config_type_named(enum option_place place, const char *name, struct err *err)
{
	struct suggest s = { .typed = name };
	const struct config_type *t;
	char all[200] = "";
	size_t n = 0;

	for (t = config_type_table; t->name != NULL; t++) {
		if (t->place != place)
			continue;
		if (strcmp(t->name, name) == 0)
			return t;
		suggest_offer(&s, t->name);
		if (n < sizeof(all))
			n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s",
			    n > 0 ? ", " : "", t->name);
	}
	(void)err_set(err, HF_EUSAGE, "there is no %s of type '%.40s'",
	    config_place_word(place), name);
	if (suggest_best(&s) != NULL)
		(void)err_hint(err, "did you mean '%s'?", suggest_best(&s));
	(void)err_hint(err, "the types are: %s", all);
	return NULL;
}
