#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "etcd/etcd_bucket.h"
#include "etcd/etcd_membership.h"
#include "etcd/etcd_wal.h"
#include "fuzz.h"

/* What is accepted is in order, JSON, and a log that can be read. */
static void
check(const struct etcd_membership *s)
{
	CLEANUP(etcd_bucket_clear) struct etcd_bucket b = ETCD_BUCKET_INIT;
	CLEANUP(freep_buf) struct buf wal = BUF_INIT;
	struct etcd_wal_facts f;
	struct err err = ERR_INIT;
	json_t *doc;
	size_t i;

	MUST(s->self >= s->members && s->self < s->members + s->n);
	MUST(etcd_membership_fill_members(s, &b, &err) == 0 && b.n == s->n);
	for (i = 0; i < b.n; i++) {
		/* An id may be more than an int64_t. */
		doc = json_loadb((const char *)b.v[i].val, b.v[i].nval,
		    JSON_DECODE_INT_AS_REAL, NULL);
		MUST(json_is_string(json_object_get(doc, "name")));
		json_decref(doc);
		MUST(i == 0 || s->members[i - 1].id < s->members[i].id);
	}
	MUST(etcd_wal_encode(s, &wal, &err) == 0);
	MUST(etcd_wal_check(wal.p, wal.len, &f, &err) == 0);
	MUST(f.node_id == s->self->id && f.cluster_id == s->cluster_id);
	MUST(f.commit == s->n && f.snap_index == s->n && f.end == wal.len);
}

/* Name, cluster and advertised URLs, a line each. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	CLEANUP(freep_etcd_membership) struct etcd_membership *s = NULL;
	CLEANUP(freep_mem) char *text = NULL;
	struct etcd_membership_opts opts = { "", "", "", "tok" };
	struct err err = ERR_INIT;
	char *rest;

	MUST(str_printf(&text, &err, "%.*s", (int)n, (const char *)p) == 0);
	rest = text;
	opts.name = strsep(&rest, "\n");
	if (rest != NULL)
		opts.initial_cluster = strsep(&rest, "\n");
	if (rest != NULL)
		opts.initial_advertise_peer_urls = rest;
	if (etcd_membership_new(&opts, &s, &err) == 0)
		check(s);
	else
		MUST(err.code == -HF_EUSAGE && err.hint[0] != '\0');
	return 0;
}
