#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "source/etcd/source_etcd_survey.h"

/* Better ones first. */
enum rank {
	FOLLOWER,
	LEARNER,
	LEADER,
	BEHIND,
	CORRUPT,
	NEVER
};

uint64_t
source_etcd_lag(const struct source_etcd_survey *v, size_t of)
{
	uint64_t newest = 0, applied = v->members[of].status.raft_applied;
	size_t i;

	for (i = 0; i < v->n; i++)
		if (v->members[i].answered &&
		    v->members[i].status.raft_index > newest)
			newest = v->members[i].status.raft_index;
	return newest > applied ? newest - applied : 0;
}

/* Since 3.5 a learner serves Maintenance.Snapshot. */
static bool
learner_serves(const char *version)
{
	char *end;
	long major = strtol(version, &end, 10), minor = 0;

	if (*end == '.')
		minor = strtol(end + 1, NULL, 10);
	return major > 3 || (major == 3 && minor >= 5);
}

static enum rank
rank(const struct source_etcd_survey *v, size_t i)
{
	const struct source_etcd_member *m = &v->members[i];
	const struct etcd_status *s = &m->status;

	if (!m->answered || s->leader == 0 || s->errors[0] != '\0' ||
	    (s->learner && !learner_serves(s->version)))
		return NEVER;
	if (m->corrupt)
		return CORRUPT;
	if (s->leader == s->member_id)
		return LEADER;
	if (source_etcd_lag(v, i) > SOURCE_ETCD_LAG_MAX)
		return BEHIND;
	return s->learner ? LEARNER : FOLLOWER;
}

static bool
better(const struct source_etcd_survey *v, size_t a, size_t b)
{
	enum rank ra = rank(v, a), rb = rank(v, b);
	uint64_t la, lb;

	if (ra != rb)
		return ra < rb;
	la = source_etcd_lag(v, a);
	lb = source_etcd_lag(v, b);
	if (la != lb)
		return la < lb;
	return v->members[a].status.seconds < v->members[b].status.seconds;
}

/* No member can be read: tell it of the first one that answered. */
static int
nobody(const struct source_etcd_survey *v, struct err *err)
{
	const struct source_etcd_member *m = v->members;

	while (m < v->members + v->n && !m->answered)
		m++;
	if (m == v->members + v->n)
		return err_set(err, HF_EUNAVAIL, "no endpoint can be used");
	if (m->status.leader == 0) {
		(void)err_set(err, HF_EUNAVAIL,
		    "'%s': the cluster has no leader",
		    etcd_client_url(m->client));
		return err_hint(err,
		    "bring back a majority of the members; what is left may "
		    "be out of date");
	}
	if (m->status.errors[0] != '\0')
		return err_set(err, HF_EUNAVAIL,
		    "'%s': the member is not healthy: %s",
		    etcd_client_url(m->client), m->status.errors);
	(void)err_set(err, HF_EUNAVAIL, "'%s': etcd %s lets no learner be read",
	    etcd_client_url(m->client), m->status.version);
	return err_hint(err, "name a voting member among the endpoints");
}

int
source_etcd_pick(const struct source_etcd_survey *v, size_t *ret, char *note,
    size_t size, struct err *err)
{
	size_t i, best = 0;

	for (i = 1; i < v->n; i++)
		if (better(v, i, best))
			best = i;
	note[0] = '\0';
	switch (rank(v, best)) {
	case FOLLOWER:
	case LEARNER:
		break;
	case LEADER:
		(void)snprintf(note, size,
		    "read from the leader: no healthy follower answered");
		break;
	case BEHIND:
		(void)snprintf(note, size,
		    "%" PRIu64 " log entries behind: nobody else answered",
		    source_etcd_lag(v, best));
		break;
	case CORRUPT:
		(void)snprintf(
		    note, size, "the member raised the alarm CORRUPT");
		break;
	case NEVER:
		return nobody(v, err);
	}
	*ret = best;
	return 0;
}
