#ifndef JOB_JOB_LEGACY_UNPACK_H_
#define JOB_JOB_LEGACY_UNPACK_H_

/* Opaque types. */
struct err;
struct job;
struct job_legacy;
struct job_legacy_report;
struct repo_legacy_entry;

/* The words of etcd's options of the same names; NULL: etcdutl's default. */
struct job_legacy_unpack_opts {
	const char *data_dir;
	const char *name;                  /* "default" */
	const char *initial_cluster;       /* default=http://localhost:2380
						  */
	const char *initial_cluster_token; /* "etcd-cluster" */
	const char *initial_advertise_peer_urls; /* http://localhost:2380 */
	const char *etcdutl; /* Have this program do it; NULL: we do. */
};

/**
 * job_legacy_unpack(j, where, e, opts, rep, err):
 * Restore the backup ${e} as the data directory ${opts->data_dir}, which must
 * not exist or be an empty folder, and which is not there before all of it is
 * on the disk.
 *
 * The snapshot lies in a file without a name beside the directory meanwhile:
 * however this ends, and whoever ends it, nothing of it stays behind.
 */
int job_legacy_unpack(const struct job *, const struct job_legacy *,
    const struct repo_legacy_entry *, const struct job_legacy_unpack_opts *,
    struct job_legacy_report *, struct err *);

#endif /* !JOB_JOB_LEGACY_UNPACK_H_ */
