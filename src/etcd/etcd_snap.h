#ifndef ETCD_ETCD_SNAP_H_
#define ETCD_ETCD_SNAP_H_

/* Opaque types. */
struct buf;
struct err;
struct etcd_membership;

#define ETCD_SNAP_NAME_MAX 48 /* Bytes of a name, with its NUL. */

/*
 * The .snap file, in which etcd up to 3.6 keeps raft's own snapshot (etcd:
 * server/etcdserver/api/snap; 3.7 reads the log alone):
 *
 *	Snapshot{crc = 1, data = 2}, the crc being CRC-32C over the data
 *	data = Snapshot{data = 1, metadata = 2{conf_state = 1, index, term}}
 *
 * where the inner data is the old v2 store as JSON, which lists the members.
 */

/**
 * etcd_snap_name(s, to):
 * Write the name of the file, term and index, to ${to} of ETCD_SNAP_NAME_MAX
 * bytes.
 */
void etcd_snap_name(const struct etcd_membership *, char *);

/**
 * etcd_snap_encode(s, b, err):
 * Append the file of a member that was just restored.  etcdutl also writes
 * a history of events and counters, which etcd can do without.
 */
int etcd_snap_encode(
    const struct etcd_membership *, struct buf *, struct err *);

#endif /* !ETCD_ETCD_SNAP_H_ */
