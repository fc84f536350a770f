#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "store/store_shim.h"
#include "test_crowd.h"

#define PATIENCE_S 60

struct crowd {
	struct store_shim shim;
	pthread_mutex_t lock; /* What follows. */
	pthread_cond_t came;
	unsigned ops;
	const char *part;
	unsigned expected, inside, most, total;
	int open; /* All have come once, or never will. */
};

/* With the lock. */
static void
hold(struct crowd *c)
{
	struct timespec until;

	if (c->inside >= c->expected) {
		c->open = 1;
		(void)pthread_cond_broadcast(&c->came);
	}
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	while (!c->open)
		if (pthread_cond_timedwait(&c->came, &c->lock, &until) != 0)
			c->open = 1;
}

static int
is_counted(const struct crowd *c, const struct store_call *call)
{
	return (c->ops & call->op) != 0 && call->name != NULL &&
	       strstr(call->name, c->part) != NULL;
}

static int
around(struct store_shim *shim, struct store_call *call, struct err *err)
{
	struct crowd *c = (struct crowd *)shim;
	int counted, rc;

	(void)pthread_mutex_lock(&c->lock);
	if ((counted = is_counted(c, call))) {
		c->total++;
		if (++c->inside > c->most)
			c->most = c->inside;
		hold(c);
	}
	(void)pthread_mutex_unlock(&c->lock);
	rc = store_call_do(call, err);
	(void)pthread_mutex_lock(&c->lock);
	c->inside -= (unsigned)counted;
	(void)pthread_mutex_unlock(&c->lock);
	return rc;
}

static void
crowd_free(struct store *st)
{
	struct crowd *c = (struct crowd *)st;

	store_free(c->shim.inner);
	(void)pthread_cond_destroy(&c->came);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

int
test_crowd_new(struct store *inner, struct store **ret, struct err *err)
{
	struct crowd *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_nomem(err);
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->came, NULL);
	store_shim_init(&c->shim, inner, around, crowd_free);
	*ret = &c->shim.base;
	return 0;
}

void
test_crowd_expect(struct store *st, unsigned ops, const char *part, unsigned n)
{
	struct crowd *c = (struct crowd *)st;

	(void)pthread_mutex_lock(&c->lock);
	c->ops = ops;
	c->part = part;
	c->expected = n;
	c->inside = c->most = c->total = 0;
	c->open = 0;
	(void)pthread_mutex_unlock(&c->lock);
}

unsigned
test_crowd_most(struct store *st)
{
	struct crowd *c = (struct crowd *)st;
	unsigned n;

	(void)pthread_mutex_lock(&c->lock);
	n = c->most;
	(void)pthread_mutex_unlock(&c->lock);
	return n;
}

unsigned
test_crowd_total(struct store *st)
{
	struct crowd *c = (struct crowd *)st;
	unsigned n;

	(void)pthread_mutex_lock(&c->lock);
	n = c->total;
	(void)pthread_mutex_unlock(&c->lock);
	return n;
}
