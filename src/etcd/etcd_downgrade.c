#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "base/err.h"
#include "etcd/etcd_bucket.h"
#include "etcd/etcd_downgrade.h"
#include "etcd/etcd_version.h"

#define JSON_MAX 1024
#define CHECKED_SINCE 3006 /* 3.5 starts from what 3.6 has written. */

static const char key_downgrade[] = "downgrade";
static const char key_version[] = "clusterVersion";

/* Is it "3.5.0", as etcd writes it?  It needs the three numbers. */
static bool
is_version(const char *s)
{
	int dots = 0;

	for (; *s != '\0'; s++) {
		if (isdigit((unsigned char)*s))
			continue;
		if (*s != '.' || !isdigit((unsigned char)s[1]))
			return false;
		dots++;
	}
	return dots == 2;
}

/* Read a pair's value as a minor version; return 0 if it is none. */
static unsigned long
minor_of(const struct etcd_bucket *b, const char *key)
{
	const struct etcd_pair *p = etcd_bucket_find(b, key, strlen(key));
	unsigned long minor;
	char text[32];

	if (p == NULL || p->nval >= sizeof(text))
		return 0;
	(void)snprintf(
	    text, sizeof(text), "%.*s", (int)p->nval, (const char *)p->val);
	return etcd_version_minor(text, &minor) ? minor : 0;
}

/* {"target-version":"3.5.0","enabled":true} */
static int
read_target(
    const struct etcd_pair *p, struct etcd_downgrade *d, struct err *err)
{
	json_auto_t *doc = NULL;
	json_error_t why;
	const char *target;
	int enabled;

	if (p == NULL || p->nval > JSON_MAX)
		return 0;
	doc = json_loadb((const char *)p->val, p->nval, 0, &why);
	if (doc == NULL && json_error_code(&why) == json_error_out_of_memory)
		return err_nomem(err);
	if (doc == NULL ||
	    json_unpack(doc, "{s:s, s:b}", "target-version", &target, "enabled",
		&enabled) < 0 ||
	    !enabled || !is_version(target) ||
	    strlen(target) >= sizeof(d->target) ||
	    !etcd_version_minor(target, &d->oldest))
		return 0;
	(void)snprintf(d->target, sizeof(d->target), "%s", target);
	return 0;
}

int
etcd_downgrade_read(const struct etcd_bucket *cluster,
    const struct etcd_bucket *meta, struct etcd_downgrade *ret, struct err *err)
{
	const struct etcd_pair *p =
	    etcd_bucket_find(cluster, key_downgrade, sizeof(key_downgrade) - 1);
	const unsigned long stored = minor_of(meta, "storageVersion");
	struct etcd_downgrade d = { "", 0 };
	int rc;

	if ((rc = read_target(p, &d, err)) < 0)
		return rc;
	if (d.oldest >= CHECKED_SINCE && stored > d.oldest)
		d.oldest = stored;
	*ret = d;
	return 0;
}

int
etcd_downgrade_end(const struct etcd_downgrade *d, struct etcd_bucket *cluster,
    struct err *err)
{
	static const char off[] = "{\"target-version\":\"\",\"enabled\":false}";
	unsigned long target;
	int rc;

	if (!etcd_version_minor(d->target, &target))
		return 0;
	if (minor_of(cluster, key_version) > target &&
	    (rc = etcd_bucket_put(cluster, key_version, sizeof(key_version) - 1,
		 d->target, strlen(d->target), err)) < 0)
		return rc;
	return etcd_bucket_put(cluster, key_downgrade,
	    sizeof(key_downgrade) - 1, off, sizeof(off) - 1, err);
}
