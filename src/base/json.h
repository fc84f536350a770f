#ifndef BASE_JSON_H_
#define BASE_JSON_H_

#include <jansson.h>
#include <stdio.h>

/*
 * What jansson leaves to its users.
 */

/**
 * json_text(s):
 * Make a string of ${s}, which may be bytes that are not UTF-8 (file names
 * are bytes): then each such byte becomes "\xHH" and each backslash is
 * doubled.  It is for people: it cannot be turned back in every case.  NULL
 * gives null.  Return NULL if memory ran out, which json_pack's "o" passes
 * on.
 */
json_t *json_text(const char *);

/**
 * json_line(f, doc):
 * Write ${doc} as one line.  Return -1 if ${doc} is NULL or that fails.
 */
int json_line(FILE *, const json_t *);

#endif /* !BASE_JSON_H_ */
