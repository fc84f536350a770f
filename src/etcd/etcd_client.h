#ifndef ETCD_ETCD_CLIENT_H_
#define ETCD_ETCD_CLIENT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "etcd/etcd_conn.h"
#include "etcd/etcd_response.h"

/* Opaque types. */
struct err;
struct etcd_client;
struct etcd_stream;
struct secret;

/*
 * What etcd's gRPC API (api/etcdserverpb/rpc.proto) tells a backup.  With a
 * user, a client logs in at its first call and once more when the server
 * has forgotten the token: simple tokens live for five minutes, and turning
 * authentication off and on drops them.  Without one, the common name of the
 * client certificate is the user, if the server is set up so.
 *
 * The password is read each time: who runs for months logs in with the one that
 * the file has by then, and none is kept in memory meanwhile.
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
 * nothing is sent yet.  ${user} and ${password}, a reference (secret_load), may
 * both be NULL.
 */
int etcd_client_new(const char *, const struct etcd_conn_opts *, const char *,
    const char *, struct etcd_client **, struct err *);
void etcd_client_free(struct etcd_client *);
CLEANUP_DEFINE(etcd_client);

/**
 * etcd_client_password(ref, ret, err):
 * Read a password as a login does.
 */
int etcd_client_password(const char *, struct secret **, struct err *);

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
 * etcd_client_stream(c, call, full, ret, err):
 * etcd_stream_open with the client's token.
 */
int etcd_client_stream(struct etcd_client *, const struct etcd_call *,
    bool (*)(void *), struct etcd_stream **, struct err *);

/**
 * etcd_client_stale(c, status, words):
 * The server refused something with this gRPC status and these words.  Return
 * true if that may be because of the token; the client then logs in again
 * before its next call.
 */
bool etcd_client_stale(struct etcd_client *, int, const char *);

/**
 * etcd_client_ask(c, call, err):
 * etcd_client_call for a method that answers with one message.
 */
int etcd_client_ask(struct etcd_client *, struct etcd_call *, struct err *);

/* What a small question may take. */
#define ETCD_UNARY_TIMEOUT_MS 5000
#define ETCD_UNARY_MAX ((size_t)1024 * 1024)

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
 * Ask which alarms are raised anywhere in the cluster.  The question passes
 * through raft, so it needs a leader.  HF_ESOURCE if there are more than
 * ETCD_ALARMS_MAX.
 */
int etcd_client_alarms(
    struct etcd_client *, struct etcd_alarms *, struct err *);

/* Why a revision could not be read. */
enum etcd_revision {
	ETCD_REVISION_READ, /* That was not why. */
	ETCD_REVISION_COMPACTED,
	ETCD_REVISION_FUTURE,
};

/**
 * etcd_revision_gone(call, revision, gone, err):
 * A call that was to read ${revision} has failed with ${err}.  If that is
 * because the store no longer has the revision, or not yet, say so in ${*gone}
 * and make it HF_ENOTFOUND.  Return the code.
 */
int etcd_revision_gone(
    const struct etcd_call *, uint64_t, enum etcd_revision *, struct err *);

/* One member's answer to Maintenance.HashKV. */
struct etcd_hashkv {
	struct etcd_header header;
	uint32_t hash; /* Of the keys' history up to the revision. */
	uint64_t compact_revision; /* 0: it never was. */
	uint64_t hash_revision;    /* What was hashed; 0 before 3.6. */
};

/**
 * etcd_client_hashkv(c, revision, ret, gone, err):
 * Have the member hash its keys as of ${revision}, 0 for its newest: the
 * whole store is read for it, which can take minutes.  Two hashes can be
 * compared only if revision and compact revision are the same.  HF_ENOTFOUND,
 * with ${*gone} set, if the revision has been compacted or is still to come.
 */
int etcd_client_hashkv(struct etcd_client *, uint64_t, struct etcd_hashkv *,
    enum etcd_revision *, struct err *);

#endif /* !ETCD_ETCD_CLIENT_H_ */
