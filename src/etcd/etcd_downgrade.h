#ifndef ETCD_ETCD_DOWNGRADE_H_
#define ETCD_ETCD_DOWNGRADE_H_

/* Opaque types. */
struct err;
struct etcd_bucket;

/*
 * A downgrade that was under way when a database was saved: since 3.5, the
 * bucket "cluster" says to which version.  A cluster that is restored from it
 * is another cluster, which nobody is downgrading.  Worse, an etcd 3.5 refuses
 * to start from such a database unless it is of the target version.  And if the
 * downgrade were simply removed, an etcd of the target version would refuse,
 * because the cluster was newer.  So it is ended as if it had been completed:
 * then both start, and a newer one raises the version again.
 */
struct etcd_downgrade {
	char target[32]; /* "3.5.0"; "": there is none. */
	/*
	 * The oldest that starts then, 3005: the target, or, since 3.6 does
	 * not read what a newer one has not yet made ready for it, the one
	 * that wrote the database.
	 */
	unsigned long oldest;
};

/**
 * etcd_downgrade_read(cluster, meta, ret, err):
 * Find what the buckets "cluster" and "meta" say of one.  If that cannot be
 * read, there is none: no etcd would start from it.
 */
int etcd_downgrade_read(const struct etcd_bucket *, const struct etcd_bucket *,
    struct etcd_downgrade *, struct err *);

/**
 * etcd_downgrade_end(d, cluster, err):
 * End ${d}, if there is one, in what is to be the bucket "cluster".
 */
int etcd_downgrade_end(
    const struct etcd_downgrade *, struct etcd_bucket *, struct err *);

#endif /* !ETCD_ETCD_DOWNGRADE_H_ */
