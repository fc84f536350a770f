#include <stddef.h>
#include <string.h>

#include "base/glob.h"

/* A place in the pattern, and the place in the path where it is tried. */
struct place {
	const char *glob, *path;
};

/* Return the byte behind the set that begins at ${p}, NULL if none does. */
static const char *
set_end(const char *p)
{
	if (*p++ != '[')
		return NULL;
	if (*p == '!' || *p == '^')
		p++;
	if (*p == ']')
		p++;
	p = strchr(p, ']');
	return p != NULL ? p + 1 : NULL;
}

static bool
in_set(const char *p, const char *end, unsigned char c)
{
	bool negated = p[1] == '!' || p[1] == '^', found = false;
	unsigned char lo, hi;

	for (p += negated ? 2 : 1; p < end - 1; p++) {
		lo = hi = (unsigned char)*p;
		if (p[1] == '-' && p + 2 < end - 1) {
			hi = (unsigned char)p[2];
			p += 2;
		}
		found |= lo <= c && c <= hi;
	}
	return found != negated && c != '/';
}

/* Match one byte; return the place in the pattern behind it, or NULL. */
static const char *
one(const char *glob, unsigned char c)
{
	const char *end;

	if (*glob == '?')
		return c != '/' ? glob + 1 : NULL;
	if ((end = set_end(glob)) != NULL)
		return in_set(glob, end, c) ? end : NULL;
	if (*glob == '\\' && glob[1] != '\0')
		glob++;
	return (unsigned char)*glob == c ? glob + 1 : NULL;
}

/* Is there a "**" at ${p} that is a whole component? */
static bool
is_deep(const char *glob, const char *p)
{
	return p[0] == '*' && p[1] == '*' && (p[2] == '/' || p[2] == '\0') &&
	       (p == glob || p[-1] == '/');
}

/* Let the last "*" take one byte more, or else the last "**" a component. */
static bool
retry(struct place *at, struct place *star, struct place *deep, const char *end)
{
	if (star->glob != NULL && star->path < end && *star->path != '/') {
		star->path++;
		*at = *star;
		return true;
	}
	if (deep->glob == NULL)
		return false;
	deep->path = memchr(deep->path, '/', (size_t)(end - deep->path));
	if (deep->path == NULL) {
		deep->glob = NULL;
		return false;
	}
	deep->path++;
	star->glob = NULL;
	*at = *deep;
	return true;
}

static bool
match(const char *glob, const char *path, const char *end)
{
	struct place at = { glob, path }, star = { NULL, NULL };
	struct place deep = { NULL, NULL };
	const char *next;

	for (;;) {
		if (is_deep(glob, at.glob)) {
			if (at.glob[2] == '\0' && at.path < end)
				return true;
			if (at.glob[2] == '/') {
				at.glob += 3;
				deep = at;
				star.glob = NULL;
				continue;
			}
		} else if (*at.glob == '*') {
			at.glob++;
			star = at;
			continue;
		} else if (at.path == end && *at.glob == '\0') {
			return true;
		} else if (at.path < end &&
			   (next = one(at.glob, (unsigned char)*at.path)) !=
			       NULL) {
			at.glob = next;
			at.path++;
			continue;
		}
		if (!retry(&at, &star, &deep, end))
			return false;
	}
}

bool
glob_match(const char *glob, const char *path)
{
	return match(glob, path, path + strlen(path));
}

bool
glob_match_below(const char *glob, const char *path)
{
	const char *end = path;

	do {
		end += strcspn(end, "/");
		if (match(glob, path, end))
			return true;
	} while (*end++ != '\0');
	return false;
}
