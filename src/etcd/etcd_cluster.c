#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_cluster.h"
#include "etcd/etcd_pb.h"

static void
urls_free(struct etcd_urls *u)
{
	size_t i;

	for (i = 0; i < u->n; i++)
		free(u->at[i]);
	free(u->at);
}

void
etcd_cluster_free(struct etcd_cluster *m)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		free(m->at[i].name);
		urls_free(&m->at[i].peer);
		urls_free(&m->at[i].client);
	}
	free(m->at);
	*m = (struct etcd_cluster){ 0 };
}

bool
etcd_cluster_started(const struct etcd_cluster_member *m)
{
	return m->name[0] != '\0';
}

/* Names and URLs end up in messages, plans and commands. */
static int
copy_text(const struct pb *r, char **ret, struct err *err)
{
	char *copy;
	size_t i;

	for (i = 0; i < r->len; i++)
		if (r->ptr[i] < ' ' || r->ptr[i] == 0x7f)
			return etcd_malformed("MemberList", err);
	if ((copy = malloc(r->len + 1)) == NULL)
		return err_nomem(err);
	if (r->len > 0)
		memcpy(copy, r->ptr, r->len);
	copy[r->len] = '\0';
	free(*ret);
	*ret = copy;
	return 0;
}

static int
add_url(struct etcd_urls *u, const struct pb *r, struct err *err)
{
	char **grown;
	int rc;

	if (u->n == ETCD_URLS_MAX)
		return err_set(err, HF_ESOURCE,
		    "a member has more than %d URLs", ETCD_URLS_MAX);
	grown = reallocarray(u->at, u->n + 1, sizeof(*grown));
	if (grown == NULL)
		return err_nomem(err);
	u->at = grown;
	u->at[u->n] = NULL;
	if ((rc = copy_text(r, &u->at[u->n], err)) < 0)
		return rc;
	u->n++;
	return 0;
}

/* name = 2, peerURLs = 3, clientURLs = 4 */
static int
member_text(struct etcd_cluster_member *m, const struct pb *r, struct err *err)
{
	switch (r->field) {
	case 2:
		return copy_text(r, &m->name, err);
	case 3:
		return add_url(&m->peer, r, err);
	case 4:
		return add_url(&m->client, r, err);
	default:
		return 0;
	}
}

/* Member: ID = 1, isLearner = 5; see member_text. */
static int
read_member(
    struct etcd_cluster_member *m, const struct pb *field, struct err *err)
{
	struct pb r;
	int k, rc;

	pb_init(&r, field->ptr, field->len);
	while ((k = pb_next(&r)) == 1) {
		if (r.wire == PB_BYTES && (rc = member_text(m, &r, err)) < 0)
			return rc;
		if (r.wire == PB_VARINT && r.field == 1)
			m->id = r.val;
		if (r.wire == PB_VARINT && r.field == 5)
			m->learner = r.val != 0;
	}
	if (k < 0 || m->id == 0)
		return etcd_malformed("MemberList", err);
	if (m->name == NULL && (m->name = strdup("")) == NULL)
		return err_nomem(err);
	return 0;
}

static int
add_member(struct etcd_cluster *m, const struct pb *field, struct err *err)
{
	struct etcd_cluster_member *grown;

	if (m->n == ETCD_CLUSTER_MAX)
		return err_set(err, HF_ESOURCE,
		    "the cluster has more than %d members", ETCD_CLUSTER_MAX);
	grown = reallocarray(m->at, m->n + 1, sizeof(*grown));
	if (grown == NULL)
		return err_nomem(err);
	m->at = grown;
	m->at[m->n] = (struct etcd_cluster_member){ 0 };
	/*
	 * It is counted first, so that what it holds is freed also if it is
	 * bad.
	 */
	return read_member(&m->at[m->n++], field, err);
}

/* MemberListResponse: header = 1, members = 2. */
int
etcd_cluster_read(
    const uint8_t *p, size_t n, struct etcd_cluster *ret, struct err *err)
{
	CLEANUP(freep_etcd_cluster) struct etcd_cluster m = { 0 };
	struct pb r;
	int k, rc;

	pb_init(&r, p, n);
	while ((k = pb_next(&r)) == 1) {
		if (r.field == 1 && !etcd_header_read(&r, &m.header))
			return etcd_malformed("MemberList", err);
		if (r.field == 2 && r.wire == PB_BYTES &&
		    (rc = add_member(&m, &r, err)) < 0)
			return rc;
	}
	if (k < 0 || m.n == 0)
		return etcd_malformed("MemberList", err);
	*ret = m;
	m = (struct etcd_cluster){ 0 };
	return 0;
}

static int
on_members(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct etcd_cluster *m = arg;

	/* If a server sends two lists, the second one is an error later. */
	etcd_cluster_free(m);
	return etcd_cluster_read(p, n, m, err);
}

int
etcd_cluster_get(
    struct etcd_client *c, struct etcd_cluster *ret, struct err *err)
{
	CLEANUP(freep_etcd_cluster) struct etcd_cluster m = { 0 };
	int rc;

	if ((rc = etcd_client_unary(c, "/etcdserverpb.Cluster/MemberList", NULL,
		 on_members, &m, err)) < 0)
		return rc;
	*ret = m;
	m = (struct etcd_cluster){ 0 };
	return 0;
}
