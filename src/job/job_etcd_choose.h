#ifndef JOB_JOB_ETCD_CHOOSE_H_
#define JOB_JOB_ETCD_CHOOSE_H_

/* Opaque types. */
struct err;
struct job_etcd_at;
struct job_etcd_chain;
struct repo_backup;
struct repo_catalogue;

/**
 * job_etcd_choose(cat, b, at, ret, err):
 * ${b} is the newest backup of its source.  If ${at} names nothing, find the
 * chain that reaches furthest.  If logs cannot continue ${b}, then only a chain
 * that reaches beyond it counts; without one, HF_EUSAGE, as
 * job_etcd_chain_find.
 *
 * If ${at} names a revision or a time, find the newest backup of the source
 * whose chain has it; but
 * - one that was found to be damaged comes after all others;
 * - where the newest has the revision only in its own past, an older one whose
 *   logs lead to it is preferred.  These have the leases of then, and the
 *   HashKV that a member had; or else its leases are of a nearer revision.
 * If none has it, HF_ENOTFOUND says what there is; HF_EUSAGE if logs cannot
 * continue ${b}, as only its content tells what it has.
 */
int job_etcd_choose(const struct repo_catalogue *, const struct repo_backup *,
    const struct job_etcd_at *, struct job_etcd_chain *, struct err *);

#endif /* !JOB_JOB_ETCD_CHOOSE_H_ */
