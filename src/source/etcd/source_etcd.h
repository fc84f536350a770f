#ifndef SOURCE_ETCD_SOURCE_ETCD_H_
#define SOURCE_ETCD_SOURCE_ETCD_H_

#include "source/source.h"

/*
 * An etcd cluster, from a snapshot: its records in segments, so that the next
 * backup stores only what is new (doc/format.md, "etcd records"), or the file
 * "snapshot.db" that etcdutl restores, as pages, of which the next backup
 * stores those that have changed ("Pages"), or as one stream.
 * Parameters:
 *
 *	endpoints	list, or several by commas: https://host:2379,
 *			http://host:2379, host:2379 (https)
 *	ca, cert, key	PEM files: the authority that signed the servers'
 *			certificates; our certificate and its key
 *	user, password	to log in; the password is a reference (secret_load)
 *	allow_corrupt	"true": also when the alarm CORRUPT is raised
 *	form		"records", "pages", or "snapshot", the stream, which
 *			goes to the storage while it comes; instead of
 *			records, a database that holds what this program
 *			does not know is stored as pages
 *	connect_ms	how long connecting may take (3000)
 *	stall_ms	how long a call may bring nothing (30000)
 *	long_ms		if a snapshot takes longer, the member is asked
 *			meanwhile what it amounts to (30000)
 *
 * It comes from a follower that is not behind, so that the leader is left
 * alone; from the leader if there is none (the evidence says so).  One that
 * fails before anything has gone on to the storage is replaced by another.  A
 * cluster without a leader is refused: what a member has may be out of date.
 *
 * Evidence: etcd.version, .cluster_id, .member, .endpoint, .leader (did it
 * come from the leader?), .revision.at_least (the store's just before),
 * .raft_term, .raft_index, .db_size, .members, .alarms, .sha256 (that the
 * server sent); of records also .revision, .compact_revision, .records,
 * .hashkv, the hash of what was stored, and .hashkv.members, how many of the
 * members have the same (one that has another is an error); and .note.member,
 * .note.members, .note.auth, .note.form, .note.spool, .note.failover (one
 * failed, and another was read) and .note.hashkv (they could be compared only
 * as of a revision shortly before) where there is something to say.
 */
extern const struct source_driver source_etcd_driver;

/* The name of the file with the bytes of a snapshot, as etcd sent it. */
#define SOURCE_ETCD_SNAPSHOT "snapshot.db"

#endif /* !SOURCE_ETCD_SOURCE_ETCD_H_ */
