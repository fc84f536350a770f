#include "repo/repo_budget.h"

void
repo_budget_take(struct repo_budget *b, uint64_t n)
{
	(void)pthread_mutex_lock(&b->lock);
	while (b->used > 0 && (b->used > b->bytes || n > b->bytes - b->used))
		(void)pthread_cond_wait(&b->given, &b->lock);
	b->used += n;
	(void)pthread_mutex_unlock(&b->lock);
}

void
repo_budget_give(struct repo_budget *b, uint64_t n)
{
	(void)pthread_mutex_lock(&b->lock);
	b->used -= n;
	(void)pthread_cond_broadcast(&b->given);
	(void)pthread_mutex_unlock(&b->lock);
}
