#include "job/job_kubernetes.h"
#include "test.h"

/* "group resource namespace name", "-" for what is absent; NULL: nothing. */
static const char *
names(const char *key)
{
	static char text[256];
	const struct job_kubernetes_word *w[4];
	struct job_kubernetes k;
	size_t i, n = 0;

	if (!job_kubernetes_key((const uint8_t *)key, strlen(key), &k))
		return "nothing";
	w[0] = &k.group;
	w[1] = &k.resource;
	w[2] = &k.namespace;
	w[3] = &k.name;
	for (i = 0; i < 4; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s",
		    i > 0 ? " " : "", w[i]->p != NULL ? (int)w[i]->n : 1,
		    w[i]->p != NULL ? (const char *)w[i]->p : "-");
	return text;
}

TEST(kubernetes__is_named_where_the_key_tells_it)
{
	static const struct {
		const char *key, *want;
	} keys[] = {
		{ "/registry/pods/default/web-0", "- pods default web-0" },
		{ "/registry/namespaces/kube-system",
		    "- namespaces - kube-system" },
		{ "/registry/minions/worker-1", "- nodes - worker-1" },
		{ "/registry/services/specs/default/kubernetes",
		    "- services default kubernetes" },
		{ "/registry/services/endpoints/default/kubernetes",
		    "- endpoints default kubernetes" },
		{ "/registry/controllers/default/rc",
		    "- replicationcontrollers default rc" },
		{ "/registry/ingress/default/front",
		    "- ingresses default front" },
		{ "/registry/masterleases/10.0.0.1",
		    "- masterleases - 10.0.0.1" },
		{ "/registry/ranges/serviceips", "- ranges - serviceips" },
		{ "/registry/clusterroles/system:node",
		    "- clusterroles - system:node" },
		{ "/registry/apiregistration.k8s.io/apiservices/v1.apps",
		    "apiregistration.k8s.io apiservices - v1.apps" },
		{ "/registry/apiextensions.k8s.io/customresourcedefinitions/"
		  "crontabs.stable.example.com",
		    "apiextensions.k8s.io customresourcedefinitions - "
		    "crontabs.stable.example.com" },
		{ "/registry/stable.example.com/crontabs/default/c",
		    "stable.example.com crontabs default c" },
		{ "/kubernetes.io/secrets/openshift/s",
		    "- secrets openshift s" },
	};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		CHECK_STR(names(keys[i].key), keys[i].want);
}

TEST(kubernetes__is_not_named_where_it_does_not)
{
	static const char *const keys[] = { "", "/", "/registry", "/registry/",
		"/registry/health", "/registry/pods/", "/registry//a",
		"/registry/pods/a/b/c", "/registry/pods/default/",
		"/registry/services/specs", "/registry/a.b/c/d/e/f",
		"registry/pods/a/b", "compact_rev_key", "/other/pods/a/b" };
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		CHECK_STR(names(keys[i]), "nothing");
}

static struct job_kubernetes_value
value(const char *p, size_t n)
{
	struct job_kubernetes_value v;

	job_kubernetes_value((const uint8_t *)p, n, &v);
	return v;
}
#define VALUE(s) value(s, sizeof(s) - 1)

static void
is(const struct job_kubernetes_word *w, const char *want)
{
	CHECK(w->p != NULL && w->n == strlen(want) &&
	      memcmp(w->p, want, w->n) == 0);
}

TEST(kubernetes__values_are_told_apart)
{
	struct job_kubernetes_value v;

	v = VALUE("k8s\0\x0a\x0c\x0a\x02v1\x12\x06Secret\x12\x00");
	CHECK(v.form == JOB_VALUE_PROTOBUF);
	is(&v.version, "v1");
	is(&v.kind, "Secret");
	v = VALUE("k8s:enc:aescbc:v1:key1:\x80\x81");
	CHECK(v.form == JOB_VALUE_ENCRYPTED && v.kind.p == NULL);
	is(&v.provider, "aescbc:v1:key1");
	CHECK(VALUE("{\"kind\":\"Pod\"}").form == JOB_VALUE_JSON);
	CHECK(VALUE("plain").form == JOB_VALUE_OTHER);
	CHECK(VALUE("").form == JOB_VALUE_OTHER);
}

TEST(kubernetes__values_that_are_cut_tell_what_is_there)
{
	struct job_kubernetes_value v;

	v = VALUE("k8s\0\x0a\xffv1");
	CHECK(v.form == JOB_VALUE_PROTOBUF && v.version.p == NULL);
	v = VALUE("k8s\0\x0a\x04\x0a\x02v1");
	CHECK(v.form == JOB_VALUE_PROTOBUF && v.kind.p == NULL);
	is(&v.version, "v1");
	CHECK(VALUE("k8s").form == JOB_VALUE_OTHER);
	v = VALUE("k8s:enc:aescbc:v1");
	CHECK(v.form == JOB_VALUE_ENCRYPTED && v.provider.p == NULL);
}
