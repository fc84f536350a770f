#include <string.h>

#include "base/suggest.h"

#define LONGEST 63 /* Nobody mistypes a longer word into one of ours. */

static size_t
min3(size_t a, size_t b, size_t c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/*
 * Single edits (insert, delete, replace, swap of neighbours) from ${a} to
 * ${b}: the optimal string alignment distance, with three rows of its table.
 */
static size_t
distance(const char *a, const char *b)
{
	size_t rows[3][LONGEST + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2], *spare;
	size_t na = strlen(a), nb = strlen(b), i, j;

	if (na > LONGEST || nb > LONGEST)
		return LONGEST;
	for (j = 0; j <= nb; j++)
		above[j] = j;
	for (i = 1; i <= na; i++) {
		row[0] = i;
		for (j = 1; j <= nb; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1,
			    above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return above[nb];
}

void
suggest_offer(struct suggest *s, const char *name)
{
	size_t d = distance(s->typed, name);

	if (s->best != NULL && d >= s->distance)
		return;
	s->best = name;
	s->distance = d;
}

const char *
suggest_best(const struct suggest *s)
{
	/* One slip in three characters still looks like the word meant. */
	if (s->best == NULL || s->distance > strlen(s->typed) / 3 + 1 ||
	    s->distance >= strlen(s->best))
		return NULL;
	return s->best;
}
