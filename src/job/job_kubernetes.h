#ifndef JOB_JOB_KUBERNETES_H_
#define JOB_JOB_KUBERNETES_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the API server of a Kubernetes keeps in etcd, as far as keys and the
 * first bytes of values tell.
 */

/* A piece of a key or value; absent: NULL. */
struct job_kubernetes_word {
	const uint8_t *p;
	size_t n;
};

/* "/registry/pods/default/web" is the resource pods, named web. */
struct job_kubernetes {
	struct job_kubernetes_word group;    /* "stable.example.com" */
	struct job_kubernetes_word resource; /* As kubectl has it: "nodes". */
	struct job_kubernetes_word namespace, name;
};

/**
 * job_kubernetes_key(key, n, ret):
 * Read what a key names.  Return false if it is none of Kubernetes', or does
 * not tell: it has more or fewer parts than a resource and a name.
 */
bool job_kubernetes_key(const uint8_t *, size_t, struct job_kubernetes *);

enum job_kubernetes_form {
	JOB_VALUE_OTHER,
	JOB_VALUE_PROTOBUF,  /* Of Kubernetes. */
	JOB_VALUE_ENCRYPTED, /* By the API server. */
	JOB_VALUE_JSON,      /* At least it begins so. */
};

struct job_kubernetes_value {
	enum job_kubernetes_form form;
	struct job_kubernetes_word version, kind; /* "v1", "Secret" */
	struct job_kubernetes_word provider;      /* "aescbc:v1:key1" */
};

/**
 * job_kubernetes_value(value, n, ret):
 * Look at the ${n} bytes of a value.  What is in it is not decoded.
 */
void job_kubernetes_value(
    const uint8_t *, size_t, struct job_kubernetes_value *);

#endif /* !JOB_JOB_KUBERNETES_H_ */
