#ifndef SOURCE_ETCD_SOURCE_ETCD_SURVEY_H_
#define SOURCE_ETCD_SOURCE_ETCD_SURVEY_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "etcd/etcd_client.h"
#include "source/source.h"

/* How a snapshot is stored (source_etcd.h). */
enum source_etcd_form {
	SOURCE_ETCD_RECORDS,
	SOURCE_ETCD_PAGES,
	SOURCE_ETCD_STREAM
};

/* An opened source: what the parameters said. */
struct source_etcd {
	struct source base;
	char **urls;
	size_t nurls;
	char *ca, *cert, *key;
	char *user, *password; /* The password is a reference. */
	bool allow_corrupt;
	long connect_ms, stall_ms, long_ms;
	enum source_etcd_form form;
};

/* One endpoint, asked. */
struct source_etcd_member {
	struct etcd_client *client;
	bool answered;
	struct etcd_status status; /* If it answered, */
	struct err cause;          /* and why not. */
	bool corrupt;              /* It raised the alarm CORRUPT. */
};

struct source_etcd_survey {
	struct source_etcd_member *members;
	size_t n;
	struct etcd_alarms alarms;
};

/**
 * source_etcd_connect(s, url, ret, err):
 * Make a client of the endpoint ${url}.
 */
int source_etcd_connect(const struct source_etcd *, const char *,
    struct etcd_client **, struct err *);

/**
 * source_etcd_survey_make(s, ret, err):
 * Ask all endpoints at once for their status, and one for the alarms.
 * If nobody knows of a leader, they are asked again while one may be elected.
 * Endpoints that do not answer are passed over.  If none does, the message
 * names each with its cause; the code is that of the causes if they agree,
 * and HF_EUNAVAIL if not.  HF_ECONFIG if they belong to different clusters.
 * HF_ESOURCE if the alarm CORRUPT is raised, unless that is allowed.
 */
int source_etcd_survey_make(
    const struct source_etcd *, struct source_etcd_survey *, struct err *);
void source_etcd_survey_clear(struct source_etcd_survey *);

/* Applied entries that a member may be behind and still count as current. */
#define SOURCE_ETCD_LAG_MAX 1000

/**
 * source_etcd_lag(v, i):
 * Return how far member ${i}, which answered, is behind the newest log index
 * that any member knows.
 */
uint64_t source_etcd_lag(const struct source_etcd_survey *, size_t);

/**
 * source_etcd_pick(v, ret, note, size, err):
 * Choose the member to read from: a follower that is not behind, else a
 * learner (etcd 3.5 and later let one be read), else the leader, else a
 * follower that is behind; of equals the least behind, then the fastest.
 * Members with the alarm CORRUPT come last.  Members without a leader or
 * with complaints of their own are never chosen.  What is not as it should
 * be is written to ${note}, or "".  HF_EUNAVAIL if nobody is left.
 */
int source_etcd_pick(
    const struct source_etcd_survey *, size_t *, char *, size_t, struct err *);

/* The two halves of the driver that read. */
int source_etcd_read(struct source *, struct sink *, struct err *);
int source_etcd_probe(struct source *, struct err *);

#endif /* !SOURCE_ETCD_SOURCE_ETCD_SURVEY_H_ */
