#ifndef ETCD_ETCD_CLIENT_H_
#define ETCD_ETCD_CLIENT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "etcd/etcd_conn.h"

/* Opaque types. */
struct err;
struct etcd_client;
struct secret;

/*
 * What etcd's gRPC API (api/etcdserverpb/rpc.proto) tells a backup.  With a
 * user, a client logs in at its first call and once more when the server
 * has forgotten the token: simple tokens live for five minutes, and turning
 * authentication off and on drops them.  Without one, the common name of the
 * client certificate is the user, if the server is set up so.
 */

/* One member's answer to Maintenance.Status. */
struct etcd_status {
	char version[32];
	char errors[256]; /* The first of its complaints, or "". */
	uint64_t cluster_id, member_id, leader;
	uint64_t revision; /* The store's, when it answered. */
	uint64_t raft_term, raft_index, raft_applied;
	uint64_t db_size; /* Of the file, in bytes. */
	bool learner;
	double seconds; /* Until the answer came. */
};

enum etcd_alarm_type {
	ETCD_ALARM_NOSPACE = 1,
	ETCD_ALARM_CORRUPT = 2,
};

struct etcd_alarm {
	uint64_t member_id;
	uint64_t type; /* enum etcd_alarm_type, or one unknown to us. */
};

#define ETCD_ALARMS_MAX 32

struct etcd_alarms {
	struct etcd_alarm at[ETCD_ALARMS_MAX];
	size_t n;
};

/**
 * etcd_client_new(url, opts, user, password, ret, err):
 * Make a client of the member at ${url} (etcd_endpoint_parse's form);
 * nothing is sent yet.  ${user} and ${password} may both be NULL; the client
 * keeps a reference to the password, which must outlive it.
 */
int etcd_client_new(const char *, const struct etcd_conn_opts *, const char *,
    const struct secret *, struct etcd_client **, struct err *);
void etcd_client_free(struct etcd_client *);
CLEANUP_DEFINE(etcd_client);

const char *etcd_client_url(const struct etcd_client *);

/**
 * etcd_client_no_auth(c):
 * Return true if the server said that its authentication is off, though a
 * user was given: the calls then went without one, as etcdctl's do.
 */
bool etcd_client_no_auth(const struct etcd_client *);

/**
 * etcd_client_call(c, call, err):
 * etcd_conn_call with the client's token, which is renewed, and the call
 * repeated, once, if the server rejects the token before any message came.
 */
int etcd_client_call(struct etcd_client *, struct etcd_call *, struct err *);

/**
 * etcd_client_unary(c, method, req, fn, arg, err):
 * Call a method that answers with one small message, within five seconds.
 */
int etcd_client_unary(struct etcd_client *, const char *, const struct buf *,
    grpc_message_fn, void *, struct err *);

int etcd_client_status(
    struct etcd_client *, struct etcd_status *, struct err *);

/**
 * etcd_client_alarms(c, ret, err):
 * Ask which alarms are raised anywhere in the cluster; this passes through
 * raft, so that it needs a leader.  HF_ESOURCE if there are more than
 * ETCD_ALARMS_MAX.
 */
int etcd_client_alarms(
    struct etcd_client *, struct etcd_alarms *, struct err *);

/**
 * etcd_client_members(c, n, err):
 * Count the cluster's members, learners among them.
 */
int etcd_client_members(struct etcd_client *, size_t *, struct err *);

#endif /* !ETCD_ETCD_CLIENT_H_ */
