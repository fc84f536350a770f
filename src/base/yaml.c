#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/err.h"
#include "base/str.h"
#include "base/yaml.h"

/* The events of libyaml, one at a time. */
struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* The one at hand; zero if there is none. */
	const char *file;
};

static void
freep_reader(struct reader *r)
{
	yaml_event_delete(&r->event);
	yaml_parser_delete(&r->parser);
}

void
yaml_node_free(struct yaml_node *n)
{
	struct yaml_node *next;

	/*
	 * Go down by recursion, which YAML_DEPTH bounds, and along by the loop.
	 */
	for (; n != NULL; n = next) {
		next = n->next;
		yaml_node_free(n->child);
		free(n->key);
		free(n->value);
		free(n);
	}
}

static int
fail(struct err *err, const char *file, size_t line, const char *what)
{
	return err_set(err, HF_ECONFIG, "%s:%zu: %s", file, line, what);
}

int
yaml_fail(const struct yaml_node *n, struct err *err, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return fail(err, n->file, n->line, what);
}

int
yaml_wrap(const struct yaml_node *n, struct err *err)
{
	if (err->code != -(int)HF_ENOMEM)
		err->code = -(int)HF_ECONFIG;
	return err_wrap(err, "%s:%zu", n->file, n->line);
}

bool
yaml_is_null(const struct yaml_node *n)
{
	return n->kind == YAML_SCALAR && !n->quoted &&
	       (n->value[0] == '\0' || strcmp(n->value, "~") == 0 ||
		   strcmp(n->value, "null") == 0);
}

/* Step to the next event. */
static int
advance(struct reader *r, struct err *err)
{
	const char *problem;

	yaml_event_delete(&r->event);
	memset(&r->event, 0, sizeof(r->event));
	if (yaml_parser_parse(&r->parser, &r->event))
		return 0;
	if (r->parser.error == YAML_MEMORY_ERROR)
		return err_nomem(err);
	problem = r->parser.problem;
	return fail(err, r->file, r->parser.problem_mark.line + 1,
	    problem != NULL ? problem : "this is not YAML");
}

/* Refuse what a configuration must not have anywhere. */
static int
refuse(const struct reader *r, struct err *err)
{
	const yaml_event_t *e = &r->event;
	size_t line = e->start_mark.line + 1;
	const void *anchor = NULL, *tag = NULL;

	if (e->type == YAML_ALIAS_EVENT)
		anchor = e->data.alias.anchor;
	else if (e->type == YAML_SCALAR_EVENT) {
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
	}
	if (anchor != NULL) {
		(void)fail(
		    err, r->file, line, "anchors and aliases are refused");
		return err_hint(err,
		    "write the value out; quote text that begins with & or *");
	}
	if (tag != NULL) {
		(void)fail(err, r->file, line, "tags are refused");
		return err_hint(err, "quote text that begins with !");
	}
	return 0;
}

/* Copy the text of the scalar at hand. */
static int
scalar_text(const struct reader *r, char **ret, struct err *err)
{
	const char *value = (const char *)r->event.data.scalar.value;

	if (strlen(value) != r->event.data.scalar.length)
		return fail(err, r->file, r->event.start_mark.line + 1,
		    "text with a NUL in it");
	return str_dup(value, ret, err);
}

static int
node_new(const struct reader *r, struct yaml_node **ret, struct err *err)
{
	struct yaml_node *n;

	if ((n = calloc(1, sizeof(*n))) == NULL)
		return err_nomem(err);
	n->file = r->file;
	n->line = r->event.start_mark.line + 1;
	n->column = r->event.start_mark.column + 1;
	*ret = n;
	return 0;
}

static int read_node(struct reader *, int, struct yaml_node **, struct err *);

/* The event at hand is a key: read it and what belongs to it. */
static int
read_pair(struct reader *r, int depth, struct yaml_node **ret, struct err *err)
{
	size_t line = r->event.start_mark.line + 1;
	size_t column = r->event.start_mark.column + 1;
	CLEANUP(freep_mem) char *key = NULL;
	int rc;

	if ((rc = refuse(r, err)) < 0)
		return rc;
	if (r->event.type != YAML_SCALAR_EVENT)
		return fail(err, r->file, line, "a key must be a word");
	if ((rc = scalar_text(r, &key, err)) < 0 ||
	    (rc = advance(r, err)) < 0 ||
	    (rc = read_node(r, depth, ret, err)) < 0)
		return rc;
	(*ret)->line = line;
	(*ret)->column = column;
	(*ret)->key = TAKE(key);
	return 0;
}

static int
refuse_twin(
    const struct yaml_node *first, const struct yaml_node *n, struct err *err)
{
	for (; first != NULL; first = first->next)
		if (strcmp(first->key, n->key) == 0)
			return yaml_fail(n, err,
			    "'%.64s' is there already, in line %zu", n->key,
			    first->line);
	return 0;
}

/* Read what is in a list or map up to the event ${last}. */
static int
read_children(struct reader *r, int depth, yaml_event_type_t last,
    struct yaml_node *parent, struct err *err)
{
	struct yaml_node **end = &parent->child, *n;
	size_t count = 0;
	int rc;

	for (;;) {
		if ((rc = advance(r, err)) < 0)
			return rc;
		if (r->event.type == last)
			return 0;
		/*
		 * The limit also bounds the search for twins, which is
		 * quadratic.
		 */
		if (count++ == YAML_CHILDREN)
			return yaml_fail(
			    parent, err, "more than %d entries", YAML_CHILDREN);
		n = NULL;
		rc = parent->kind == YAML_MAP ? read_pair(r, depth, &n, err)
					      : read_node(r, depth, &n, err);
		if (rc == 0 && parent->kind == YAML_MAP)
			rc = refuse_twin(parent->child, n, err);
		if (rc < 0) {
			yaml_node_free(n);
			return rc;
		}
		*end = n;
		end = &n->next;
	}
}

/* Read the node that begins with the event at hand. */
static int
read_node(struct reader *r, int depth, struct yaml_node **ret, struct err *err)
{
	CLEANUP(freep_yaml_node) struct yaml_node *n = NULL;
	int rc;

	if ((rc = refuse(r, err)) < 0 || (rc = node_new(r, &n, err)) < 0)
		return rc;
	if (depth == YAML_DEPTH)
		return fail(err, n->file, n->line, "nested too deep");
	if (r->event.type == YAML_SCALAR_EVENT) {
		n->kind = YAML_SCALAR;
		n->quoted =
		    r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
		rc = scalar_text(r, &n->value, err);
	} else if (r->event.type == YAML_SEQUENCE_START_EVENT) {
		n->kind = YAML_LIST;
		rc = read_children(
		    r, depth + 1, YAML_SEQUENCE_END_EVENT, n, err);
	} else {
		n->kind = YAML_MAP;
		rc =
		    read_children(r, depth + 1, YAML_MAPPING_END_EVENT, n, err);
	}
	if (rc < 0)
		return rc;
	*ret = TAKE(n);
	return 0;
}

/* Read the start of the stream and of the document, one node, and the end. */
static int
read_stream(struct reader *r, struct yaml_node **ret, struct err *err)
{
	CLEANUP(freep_yaml_node) struct yaml_node *n = NULL;
	int rc;

	/* The start of the stream, and what follows it. */
	if ((rc = advance(r, err)) < 0)
		return rc;
	if ((rc = advance(r, err)) < 0)
		return rc;
	if (r->event.type == YAML_STREAM_END_EVENT) {
		if ((rc = node_new(r, &n, err)) < 0)
			return rc;
		n->kind = YAML_MAP;
	} else if ((rc = advance(r, err)) < 0 ||
		   (rc = read_node(r, 0, &n, err)) < 0 ||
		   (rc = advance(r, err)) < 0 || (rc = advance(r, err)) < 0)
		return rc;
	if (r->event.type != YAML_STREAM_END_EVENT)
		return fail(err, r->file, r->event.start_mark.line + 1,
		    "a second document; there must be one");
	*ret = TAKE(n);
	return 0;
}

int
yaml_parse(const char *name, const void *p, size_t n, struct yaml_node **ret,
    struct err *err)
{
	CLEANUP(freep_reader) struct reader r = { .file = name };

	if (n > YAML_MAX)
		return fail(err, name, 1, "the file is too large");
	if (!yaml_parser_initialize(&r.parser))
		return err_nomem(err);
	/* Accept only UTF-8: other encodings serve to fool a reader. */
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
	    &r.parser, n > 0 ? p : (const void *)"", n);
	return read_stream(&r, ret, err);
}
