#include <stdlib.h>

#include "base/err.h"
#include "etcd/etcd_lease.h"
#include "source/etcd/source_etcd_leases.h"
#include "source/etcd/source_etcd_log.h"

/*
 * At most so many leases are asked about for one log; the rest wait for the
 * next.
 */
#define ASK_MAX 500

/* Take over what is known of a lease, or ask. */
static int
look_up(const struct etcd_lease_file *known, struct etcd_client *c,
    struct etcd_lease_row *row, unsigned *asked, struct err *err)
{
	const struct etcd_lease_row *old = etcd_lease_file_find(known, row->id);
	struct etcd_lease lease;
	int rc;

	if (old != NULL)
		row->granted = old->granted;
	if (row->granted != 0 || *asked == ASK_MAX)
		return 0;
	++*asked;
	if ((rc = etcd_lease_get(c, row->id, &lease, err)) < 0)
		return rc;
	if (lease.granted > 0)
		row->granted = (uint64_t)lease.granted;
	return 0;
}

static int
by_id(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Make ${ret} of the leases that there are now. */
static int
list(const struct etcd_lease_file *known, struct etcd_client *c,
    struct etcd_lease_file *ret, struct err *err)
{
	CLEANUP(freep_etcd_leases) struct etcd_leases ids = { 0 };
	unsigned asked = 0;
	size_t i;
	int rc;

	if ((rc = etcd_leases_get(c, &ids, err)) < 0)
		return rc;
	if (ids.n > 0)
		qsort(ids.ids, ids.n, sizeof(*ids.ids), by_id);
	for (i = 0; i < ids.n; i++) {
		struct etcd_lease_row row = { .id = ids.ids[i] };

		if ((rc = look_up(known, c, &row, &asked, err)) < 0 ||
		    (rc = etcd_lease_file_add(ret, &row, err)) < 0)
			return rc;
	}
	return 0;
}

static bool
same(const struct etcd_lease_file *a, const struct etcd_lease_file *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++)
		if (a->v[i].id != b->v[i].id ||
		    a->v[i].granted != b->v[i].granted)
			return false;
	return true;
}

/* Did keys have a lease that is not there any more? */
static bool
has_passed_by(
    const struct source_etcd_log *log, const struct etcd_lease_file *now)
{
	size_t i;

	for (i = 0; i < log->leases.n; i++)
		if (etcd_lease_file_find(now, log->leases.v[i].id) == NULL)
			return true;
	return false;
}

/* Add the leases of ${now} to those that keys of the log had. */
static int
merge(struct source_etcd_log *log, const struct etcd_lease_file *now,
    struct err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < now->n; i++)
		if ((rc = etcd_lease_file_add(&log->leases, &now->v[i], err)) <
		    0)
			return rc;
	return 0;
}

int
source_etcd_leases_ask(struct etcd_lease_file *known, struct etcd_client *c,
    struct source_etcd_log *log, struct err *err)
{
	CLEANUP(freep_etcd_lease_file) struct etcd_lease_file now = { 0 };
	int rc;

	if ((rc = list(known, c, &now, err)) < 0)
		return rc;
	if (same(known, &now) && !has_passed_by(log, &now))
		return 0;
	if ((rc = merge(log, &now, err)) < 0)
		return rc;
	log->has_leases = true;
	etcd_lease_file_clear(known);
	*known = now;
	now = (struct etcd_lease_file){ 0 };
	return 0;
}
