#ifndef JOB_JOB_DRILL_SERVER_H_
#define JOB_JOB_DRILL_SERVER_H_

#include <stddef.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct etcd_client;
struct job;
struct job_drill_server;

/*
 * An etcd of our own, for a drill.  It listens on sockets in its folder and on
 * no port: nobody but our user can reach what was backed up, and no other
 * server can be in its way.  It gets nothing of ETCD_* in the environment.  It
 * ends when we end, however that happens.
 */

#define JOB_DRILL_DATA "data" /* Its data directory in the folder ... */
#define JOB_DRILL_LOG "log"   /* ... and what it says. */

/**
 * job_drill_server_version(program, dir, to, n, err):
 * Write what `program --version` says, "3.6.13", to ${to} of ${n} bytes.
 * ${dir} is an open folder.  HF_ENOTFOUND if it cannot be run, HF_EUSAGE if
 * it is no etcd.
 */
int job_drill_server_version(const char *, int, char *, size_t, struct err *);

/**
 * job_drill_server_start(program, dir, ret, err):
 * Start it in the folder ${dir}, which must be ours alone.
 */
int job_drill_server_start(
    const char *, int, struct job_drill_server **, struct err *);

/**
 * job_drill_server_ready(s, j, ret, err):
 * Wait until it serves, five minutes at most: a host may be busy.  ${*ret}
 * talks to it and is the caller's.  With its last words, HF_ESOURCE if it
 * ends, and HF_EUNAVAIL if it does not come up.
 */
int job_drill_server_ready(struct job_drill_server *, const struct job *,
    struct etcd_client **, struct err *);

/**
 * job_drill_server_excuse(s, err):
 * It has failed: was that for a reason that says nothing of what it was started
 * from?  HF_ENOSPC if its disk is full, and HF_EUNAVAIL if it was killed, as
 * the kernel does when memory runs out; else 0.
 */
int job_drill_server_excuse(struct job_drill_server *, struct err *);

/**
 * job_drill_server_free(s):
 * End it and wait for that.
 */
void job_drill_server_free(struct job_drill_server *);
CLEANUP_DEFINE(job_drill_server);

#endif /* !JOB_JOB_DRILL_SERVER_H_ */
