#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "job/job_etcd_plan.h"

void
job_etcd_plan_clear(struct job_etcd_plan *p)
{
	job_etcd_cluster_free(p->cluster);
	*p = (struct job_etcd_plan){ 0 };
}

/* The ids are the same in every member's view: that of the first will do. */
static int
make_cluster(struct job_etcd_plan *plan,
    const struct etcd_membership_opts *words, struct err *err)
{
	CLEANUP(freep_mem) char *first = NULL;
	struct etcd_membership_opts o = {
		.initial_cluster = words->initial_cluster,
		.initial_cluster_token = words->initial_cluster_token,
	};
	const char *p;

	if (o.initial_cluster == NULL) {
		(void)err_set(err, HF_EUSAGE,
		    "a plan needs 'initial-cluster': all members");
		return err_hint(err,
		    "as in n1=http://10.0.0.1:2380,n2=http://10.0.0.2:2380");
	}
	p = o.initial_cluster + strspn(o.initial_cluster, ",");
	first = strndup(p, strcspn(p, "=,"));
	if (first == NULL)
		return err_nomem(err);
	o.name = first;
	return job_etcd_cluster_new(&o, true, &plan->cluster, err);
}

int
job_etcd_plan(struct job_etcd_db *db, const struct etcd_membership_opts *words,
    const struct job_etcd_rebuild_opts *opts, struct job_etcd_plan *ret,
    struct err *err)
{
	int rc;

	if ((rc = make_cluster(ret, words, err)) < 0)
		return rc;
	return job_etcd_digest(db, opts, 0, &ret->digest, err);
}
