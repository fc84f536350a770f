#ifndef REPO_REPO_BUDGET_H_
#define REPO_REPO_BUDGET_H_

#include <pthread.h>
#include <stdint.h>

/*
 * How many bytes of objects the threads of one loop may hold at a time.
 * What is larger than all of it waits until it is alone, so that the memory
 * of the loop is bounded by the budget or by the largest single object.
 */
struct repo_budget {
	uint64_t bytes;
	pthread_mutex_t lock;
	pthread_cond_t given; /* With the lock. */
	uint64_t used;
};

#define REPO_BUDGET(b)                                                         \
	{                                                                      \
		.bytes = (b), .lock = PTHREAD_MUTEX_INITIALIZER,               \
		.given = PTHREAD_COND_INITIALIZER                              \
	}

/**
 * repo_budget_take(b, n):
 * Wait until ${n} bytes may be held, and hold them.
 */
void repo_budget_take(struct repo_budget *, uint64_t);
void repo_budget_give(struct repo_budget *, uint64_t);

#endif /* !REPO_REPO_BUDGET_H_ */
