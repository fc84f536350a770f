#ifndef BASE_SUGGEST_H_
#define BASE_SUGGEST_H_

#include <stddef.h>

/*
 * "did you mean": of the names offered, the one closest to what was typed,
 * if it is close enough to be a slip of the finger.
 *
 *	struct suggest s = { .typed = text };
 *
 *	for (...)
 *		suggest_offer(&s, name);
 *	if (suggest_best(&s) != NULL)
 *		err_hint(err, "did you mean '%s'?", suggest_best(&s));
 */
struct suggest {
	const char *typed;
	const char *best; /* The caller's; NULL until one was offered. */
	size_t distance;  /* Of ${best}, in single edits. */
};

/**
 * suggest_offer(s, name):
 * Remember ${name}, which the caller keeps, if none was closer.
 */
void suggest_offer(struct suggest *, const char *);

/**
 * suggest_best(s):
 * Return the closest name, or NULL if none is close.
 */
const char *suggest_best(const struct suggest *);

#endif /* !BASE_SUGGEST_H_ */
