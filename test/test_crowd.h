#ifndef TEST_TEST_CROWD_H_
#define TEST_TEST_CROWD_H_

/* Opaque types. */
struct err;
struct store;

/*
 * A store in front of another one that counts how many operations are under
 * way at once.  So that this depends on no clock, the first that are counted
 * are held until so many have come as a test expects; if they do not come
 * within a minute, all go on, and the count shows it.
 */

/**
 * test_crowd_new(inner, ret, err):
 * Stand in front of ${inner}, which from then on belongs to ${*ret}.
 */
int test_crowd_new(struct store *, struct store **, struct err *);

/**
 * test_crowd_expect(s, ops, part, n):
 * From now on count the operations of the set ${ops} (enum store_op) whose
 * names contain ${part}, and hold the first until there are ${n} of them.
 */
void test_crowd_expect(struct store *, unsigned, const char *, unsigned);

/**
 * test_crowd_most(s):
 * How many of them were under way at once, at most.
 */
unsigned test_crowd_most(struct store *);

/**
 * test_crowd_total(s):
 * How many of them there were.
 */
unsigned test_crowd_total(struct store *);

#endif /* !TEST_TEST_CROWD_H_ */
