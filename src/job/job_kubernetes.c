#include <string.h>

#include "etcd/etcd_pb.h"
#include "job/job_kubernetes.h"

#define PARTS_MAX 5
#define PROVIDER_MAX 128

/*
 * The prefixes of API servers: their default for --etcd-prefix, and
 * OpenShift's.
 */
static const char *const prefixes[] = { "/registry/", "/kubernetes.io/" };

/* Resources that do not lie under the name by which kubectl knows them. */
static const struct {
	const char *stored, *second; /* Parts of the key. */
	const char *resource;
} elsewhere[] = {
	{ "services", "specs", "services" },
	{ "services", "endpoints", "endpoints" },
	{ "minions", NULL, "nodes" },
	{ "controllers", NULL, "replicationcontrollers" },
	{ "ingress", NULL, "ingresses" },
	{ "podsecuritypolicy", NULL, "podsecuritypolicies" },
};

static bool
is(const struct job_kubernetes_word *w, const char *s)
{
	return w->n == strlen(s) && memcmp(w->p, s, w->n) == 0;
}

static struct job_kubernetes_word
word(const char *s)
{
	return (struct job_kubernetes_word){ (const uint8_t *)s, strlen(s) };
}

/* Return the length of the prefix of ${key}, or 0. */
static size_t
prefix_of(const uint8_t *key, size_t n)
{
	size_t i, len;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		len = strlen(prefixes[i]);
		if (n > len && memcmp(key, prefixes[i], len) == 0)
			return len;
	}
	return 0;
}

/* Split at each '/'; return how many parts, or 0: too many, or one empty. */
static size_t
split(const uint8_t *p, size_t n, struct job_kubernetes_word part[PARTS_MAX])
{
	const uint8_t *slash;
	size_t count = 0, len;

	for (;;) {
		slash = memchr(p, '/', n);
		len = slash != NULL ? (size_t)(slash - p) : n;
		if (len == 0 || count == PARTS_MAX)
			return 0;
		part[count++] = (struct job_kubernetes_word){ p, len };
		if (slash == NULL)
			return count;
		p += len + 1;
		n -= len + 1;
	}
}

/* Take the resource; return how many parts it is made of. */
static size_t
take_resource(
    const struct job_kubernetes_word *part, size_t n, struct job_kubernetes *k)
{
	size_t i;

	for (i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		if (!is(&part[0], elsewhere[i].stored) ||
		    (elsewhere[i].second != NULL &&
			!is(&part[1], elsewhere[i].second)))
			continue;
		k->resource = word(elsewhere[i].resource);
		return elsewhere[i].second != NULL ? 2 : 1;
	}
	/*
	 * What an API group adds lies under the name of the group, which has a
	 * dot.
	 */
	if (n > 2 && memchr(part[0].p, '.', part[0].n) != NULL) {
		k->group = part[0];
		k->resource = part[1];
		return 2;
	}
	k->resource = part[0];
	return 1;
}

bool
job_kubernetes_key(const uint8_t *key, size_t n, struct job_kubernetes *ret)
{
	struct job_kubernetes_word part[PARTS_MAX];
	struct job_kubernetes k = { 0 };
	size_t skip = prefix_of(key, n), parts, used;

	if (skip == 0 || (parts = split(key + skip, n - skip, part)) < 2)
		return false;
	used = take_resource(part, parts, &k);
	if (parts != used + 1 && parts != used + 2)
		return false;
	if (parts == used + 2)
		k.namespace = part[used];
	k.name = part[parts - 1];
	*ret = k;
	return true;
}

/* runtime.Unknown: TypeMeta typeMeta = 1 of apiVersion = 1, kind = 2. */
static void
take_type(const uint8_t *p, size_t n, struct job_kubernetes_value *v)
{
	struct pb unknown, type;

	pb_init(&unknown, p, n);
	while (pb_next(&unknown) == 1) {
		if (unknown.field != 1 || unknown.wire != PB_BYTES)
			continue;
		pb_init(&type, unknown.ptr, unknown.len);
		while (pb_next(&type) == 1) {
			const struct job_kubernetes_word w = { type.ptr,
				type.len };

			if (type.wire == PB_BYTES && type.field == 1)
				v->version = w;
			else if (type.wire == PB_BYTES && type.field == 2)
				v->kind = w;
		}
		return;
	}
}

/* "aescbc:v1:key1:" and then ciphertext. */
static void
take_provider(const uint8_t *p, size_t n, struct job_kubernetes_value *v)
{
	int colons = 0;
	size_t i;

	for (i = 0; i < n && i < PROVIDER_MAX; i++)
		if (p[i] == ':' && ++colons == 3) {
			v->provider = (struct job_kubernetes_word){ p, i };
			return;
		}
}

void
job_kubernetes_value(
    const uint8_t *p, size_t n, struct job_kubernetes_value *ret)
{
	*ret = (struct job_kubernetes_value){ JOB_VALUE_OTHER };
	if (n >= 4 && memcmp(p, "k8s", 4) == 0) {
		ret->form = JOB_VALUE_PROTOBUF;
		take_type(p + 4, n - 4, ret);
	} else if (n >= 8 && memcmp(p, "k8s:enc:", 8) == 0) {
		ret->form = JOB_VALUE_ENCRYPTED;
		take_provider(p + 8, n - 8, ret);
	} else if (n > 0 && p[0] == '{') {
		ret->form = JOB_VALUE_JSON;
	}
}
