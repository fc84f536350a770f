#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "etcd/etcd_auth.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_cluster.h"
#include "source/etcd/source_etcd_state.h"

#define PART 8 /* bytes; twice as many hex digits */

/* Add what ${b} says to a part: in which order it comes does not matter. */
static int
mix(uint8_t part[PART], const struct buf *b, struct err *err)
{
	uint8_t hash[SHA256_LEN];
	size_t i;
	int rc;

	if ((rc = sha256_of(b->p, b->len, hash, err)) < 0)
		return rc;
	for (i = 0; i < PART; i++)
		part[i] ^= hash[i];
	return 0;
}

static int
mix_auth(struct etcd_client *c, uint8_t part[PART], struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct etcd_auth a;
	int rc;

	if ((rc = etcd_auth_get(c, &a, err)) < 0 ||
	    (rc = buf_add_u8(&b, a.enabled, err)) < 0 ||
	    (rc = buf_add_u64(&b, a.revision, err)) < 0)
		return rc;
	return mix(part, &b, err);
}

static int
mix_member(
    const struct etcd_cluster_member *m, uint8_t part[PART], struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	size_t i;
	int rc;

	if ((rc = buf_add_u64(&b, m->id, err)) < 0 ||
	    (rc = buf_add_str(&b, m->name, err)) < 0 ||
	    (rc = buf_add_u8(&b, m->learner, err)) < 0)
		return rc;
	for (i = 0; i < m->peer.n; i++)
		if ((rc = buf_add_str(&b, m->peer.at[i], err)) < 0)
			return rc;
	return mix(part, &b, err);
}

static int
mix_members(struct etcd_client *c, uint8_t part[PART], struct err *err)
{
	CLEANUP(freep_etcd_cluster) struct etcd_cluster m = { 0 };
	size_t i;
	int rc;

	if ((rc = etcd_cluster_get(c, &m, err)) < 0)
		return rc;
	for (i = 0; i < m.n; i++)
		if ((rc = mix_member(&m.at[i], part, err)) < 0)
			return rc;
	return 0;
}

static int
mix_alarms(struct etcd_client *c, uint8_t part[PART], struct err *err)
{
	struct etcd_alarms a;
	size_t i;
	int rc;

	if ((rc = etcd_client_alarms(c, &a, err)) < 0)
		return rc;
	for (i = 0; i < a.n; i++) {
		CLEANUP(freep_buf) struct buf b = BUF_INIT;

		if ((rc = buf_add_u64(&b, a.at[i].member_id, err)) < 0 ||
		    (rc = buf_add_u64(&b, a.at[i].type, err)) < 0 ||
		    (rc = mix(part, &b, err)) < 0)
			return rc;
	}
	return 0;
}

int
source_etcd_state_ask(
    struct etcd_client *c, char to[SOURCE_ETCD_STATE_LEN], struct err *err)
{
	uint8_t parts[3 * PART] = { 0 };
	int rc;

	if ((rc = mix_auth(c, parts, err)) < 0 ||
	    (rc = mix_members(c, parts + PART, err)) < 0 ||
	    (rc = mix_alarms(c, parts + 2 * (size_t)PART, err)) < 0)
		return rc;
	(void)str_hex(to, parts, sizeof(parts));
	return 0;
}

const char *
source_etcd_state_changed(const char *was, const char *is)
{
	const size_t n = 2 * (size_t)PART;

	if (strlen(was) != 3 * n || strlen(is) != 3 * n)
		return "what is known of the cluster";
	if (memcmp(was, is, n) != 0)
		return "authentication";
	if (memcmp(was + n, is + n, n) != 0)
		return "the members";
	if (memcmp(was + 2 * n, is + 2 * n, n) != 0)
		return "the alarms";
	return NULL;
}
