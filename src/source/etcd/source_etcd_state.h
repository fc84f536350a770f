#ifndef SOURCE_ETCD_SOURCE_ETCD_STATE_H_
#define SOURCE_ETCD_SOURCE_ETCD_STATE_H_

/* Opaque types. */
struct err;
struct etcd_client;

/*
 * What is in an etcd's database and in no watch: users and roles, members,
 * alarms.  Three short hashes show whether it has changed.
 */
#define SOURCE_ETCD_STATE_LEN 49 /* Three times 16 hex digits, and NUL. */

/**
 * source_etcd_state_ask(c, to, err):
 * Ask how it is now.
 */
int source_etcd_state_ask(
    struct etcd_client *, char[SOURCE_ETCD_STATE_LEN], struct err *);

/**
 * source_etcd_state_changed(was, is):
 * Return what has changed, in a word or two, or NULL.
 */
const char *source_etcd_state_changed(const char *, const char *);

#endif /* !SOURCE_ETCD_SOURCE_ETCD_STATE_H_ */
