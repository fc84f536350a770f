#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "etcd/etcd_url.h"
#include "job/job_etcd_cluster.h"

/* The default of etcdutl. */
#define NAME "default"
#define URL "http://localhost:2380"

void
job_etcd_cluster_free(struct job_etcd_cluster *c)
{
	if (c == NULL)
		return;
	etcd_membership_free(c->membership);
	free(c->name);
	free(c->initial_cluster);
	free(c->urls);
	free(c->token);
	free(c);
}

/* Append ${n} bytes to a list with commas. */
static int
append(struct buf *list, const char *prefix, const char *p, size_t n,
    struct err *err)
{
	return buf_printf(
	    list, err, "%s%s%.*s", list->len > 0 ? "," : "", prefix, (int)n, p);
}

/* What ${cluster} has for ${name}: "a=u1,b=u2,a=u3" gives "u1,u3" for a. */
static int
urls_of(const char *cluster, const char *name, char **ret, struct err *err)
{
	CLEANUP(freep_buf) struct buf list = BUF_INIT;
	const size_t len = strlen(name);
	const char *p;
	size_t n;
	int rc;

	for (p = cluster; *p != '\0'; p += n + (p[n] == ',')) {
		n = strcspn(p, ",");
		if (n > len && strncmp(p, name, len) == 0 && p[len] == '=' &&
		    (rc = append(&list, "", p + len + 1, n - len - 1, err)) < 0)
			return rc;
	}
	/* Without a URL, the name is not in the cluster; that error comes
	 * later. */
	return str_dup(list.len > 0 ? (char *)list.p : URL, ret, err);
}

/* One member: "u1,u2" gives "a=u1,a=u2". */
static int
alone(const char *name, const char *urls, char **ret, struct err *err)
{
	CLEANUP(freep_buf) struct buf list = BUF_INIT;
	CLEANUP(freep_mem) char *prefix = NULL;
	const char *p;
	size_t n;
	int rc;

	if ((rc = str_printf(&prefix, err, "%s=", name)) < 0)
		return rc;
	for (p = urls; *p != '\0'; p += n + (p[n] == ',')) {
		n = strcspn(p, ",");
		if ((rc = append(&list, prefix, p, n, err)) < 0)
			return rc;
	}
	return str_dup(list.len > 0 ? (char *)list.p : "", ret, err);
}

static int
complete(struct job_etcd_cluster *c, const struct etcd_membership_opts *o,
    struct err *err)
{
	const char *cluster = o->initial_cluster;
	const char *urls = o->initial_advertise_peer_urls;
	int rc;

	if ((rc = str_dup(o->name != NULL ? o->name : NAME, &c->name, err)) < 0)
		return rc;
	if (urls == NULL && cluster != NULL)
		rc = urls_of(cluster, c->name, &c->urls, err);
	else
		rc = str_dup(urls != NULL ? urls : URL, &c->urls, err);
	if (rc < 0)
		return rc;
	if (cluster == NULL)
		rc = alone(c->name, c->urls, &c->initial_cluster, err);
	else
		rc = str_dup(cluster, &c->initial_cluster, err);
	if (rc < 0)
		return rc;
	c->new_token = o->initial_cluster_token == NULL;
	if (c->new_token)
		return etcd_membership_token(&c->token, err);
	return str_dup(o->initial_cluster_token, &c->token, err);
}

int
job_etcd_cluster_new(const struct etcd_membership_opts *words, bool made,
    struct job_etcd_cluster **ret, struct err *err)
{
	CLEANUP(freep_job_etcd_cluster) struct job_etcd_cluster *c = NULL;
	struct etcd_membership_opts full;
	int rc;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_nomem(err);
	if ((rc = complete(c, words, err)) < 0)
		return rc;
	full = (struct etcd_membership_opts){ c->name, c->initial_cluster,
		c->urls, c->token };
	if ((rc = etcd_membership_new(&full, &c->membership, err)) < 0)
		return rc;
	/*
	 * With a token of its own, each member would be a cluster of its own.
	 */
	if (c->new_token && !made && c->membership->n > 1) {
		(void)err_set(err, HF_EUSAGE,
		    "a cluster of %zu members needs the same "
		    "'initial-cluster-token' for each of them",
		    c->membership->n);
		return err_hint(err,
		    "give --initial-cluster-token %s to all, or see `holdfast "
		    "etcd plan`",
		    c->token);
	}
	*ret = TAKE(c);
	return 0;
}

static bool
has(const struct buf *list, const struct buf *url)
{
	const char *p = list->len > 0 ? (const char *)list->p : "";
	size_t n;

	for (; *p != '\0'; p += n + (p[n] == ',')) {
		n = strcspn(p, ",");
		if (n == url->len && memcmp(p, url->p, n) == 0)
			return true;
	}
	return false;
}

int
job_etcd_listen_urls(
    const struct etcd_member *m, struct buf *b, struct err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < m->n_urls; i++) {
		CLEANUP(freep_buf) struct buf one = BUF_INIT;

		if ((rc = etcd_url_listen(m->urls[i], &one, err)) < 0)
			return rc;
		/* Two names may have one port: it is listened on once. */
		if (!has(b, &one) &&
		    (rc = append(b, "", (char *)one.p, one.len, err)) < 0)
			return rc;
	}
	return 0;
}
