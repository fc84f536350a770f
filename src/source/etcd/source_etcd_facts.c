#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"
#include "etcd/etcd_cluster.h"
#include "source/etcd/source_etcd_facts.h"

int
source_etcd_fact(
    struct sink *sink, struct err *err, const char *name, const char *fmt, ...)
{
	char value[640];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	return sink_evidence(sink, name, value, err);
}

/* "none", or "NOSPACE of 8e9e05c52164694d, CORRUPT of ...". */
static void
list_alarms(const struct etcd_alarms *a, char *to, size_t size)
{
	size_t i, used = 0;

	(void)snprintf(to, size, "none");
	for (i = 0; i < a->n && used < size; i++) {
		const struct etcd_alarm *at = &a->at[i];
		const char *name = at->type == ETCD_ALARM_NOSPACE   ? "NOSPACE"
				   : at->type == ETCD_ALARM_CORRUPT ? "CORRUPT"
								    : "unknown";

		used += (size_t)snprintf(to + used, size - used,
		    "%s%s of %" PRIx64, i > 0 ? ", " : "", name, at->member_id);
	}
}

/* What the member said of itself just before. */
int
source_etcd_tell_member(
    const struct source_etcd_member *m, struct sink *sink, struct err *err)
{
	const struct etcd_status *s = &m->status;
	int rc;

	if ((rc = source_etcd_fact(
		 sink, err, "etcd.version", "%s", s->version)) < 0 ||
	    (rc = source_etcd_fact(sink, err, "etcd.cluster_id", "%" PRIx64,
		 s->cluster_id)) < 0 ||
	    (rc = source_etcd_fact(
		 sink, err, "etcd.member", "%" PRIx64, s->member_id)) < 0 ||
	    (rc = source_etcd_fact(sink, err, "etcd.endpoint", "%s",
		 etcd_client_url(m->client))) < 0 ||
	    (rc = source_etcd_fact(sink, err, "etcd.leader", "%s",
		 s->leader == s->member_id ? "true" : "false")) < 0 ||
	    (rc = source_etcd_fact(sink, err, "etcd.revision.at_least",
		 "%" PRIu64, s->revision)) < 0 ||
	    (rc = source_etcd_fact(
		 sink, err, "etcd.raft_term", "%" PRIu64, s->raft_term)) < 0 ||
	    (rc = source_etcd_fact(sink, err, "etcd.raft_index", "%" PRIu64,
		 s->raft_applied)) < 0)
		return rc;
	return source_etcd_fact(
	    sink, err, "etcd.db_size", "%" PRIu64, s->db_size);
}

int
source_etcd_tell_snapshot(
    const struct etcd_snapshot *s, struct sink *sink, struct err *err)
{
	char digest[2 * SHA256_LEN + 1];
	int rc;

	if ((rc = source_etcd_fact(sink, err, "etcd.sha256", "%s",
		 str_hex(digest, s->digest, SHA256_LEN))) < 0)
		return rc;
	if (s->version[0] != '\0' &&
	    (rc = source_etcd_fact(
		 sink, err, "etcd.storage_version", "%s", s->version)) < 0)
		return rc;
	return 0;
}

static int
tell_members(struct etcd_client *client, struct sink *sink, struct err *err)
{
	CLEANUP(freep_etcd_cluster) struct etcd_cluster m = { 0 };
	struct err ignore = ERR_INIT;
	size_t i, idle = 0;
	int rc;

	/* It is good to know, but no reason to go without a backup. */
	if (etcd_cluster_get(client, &m, &ignore) < 0)
		return 0;
	for (i = 0; i < m.n; i++)
		idle += !etcd_cluster_started(&m.at[i]);
	if ((rc = source_etcd_fact(sink, err, "etcd.members", "%zu", m.n)) <
		0 ||
	    idle == 0)
		return rc;
	return source_etcd_fact(
	    sink, err, "etcd.note.members", "%zu of them never started", idle);
}

int
source_etcd_tell_cluster(const struct source_etcd_survey *v,
    struct etcd_client *client, const char *note, struct sink *sink,
    struct err *err)
{
	char alarms[512];
	int rc;

	list_alarms(&v->alarms, alarms, sizeof(alarms));
	if ((rc = source_etcd_fact(sink, err, "etcd.alarms", "%s", alarms)) < 0)
		return rc;
	if ((rc = tell_members(client, sink, err)) < 0)
		return rc;
	if (note[0] != '\0' && (rc = source_etcd_fact(sink, err,
				    "etcd.note.member", "%s", note)) < 0)
		return rc;
	if (etcd_client_no_auth(client))
		return source_etcd_fact(sink, err, "etcd.note.auth",
		    "a user was given, but authentication is off");
	return 0;
}
