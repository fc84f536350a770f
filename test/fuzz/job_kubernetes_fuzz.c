#include "base/buf.h"
#include "base/err.h"
#include "base/escape.h"
#include "fuzz.h"
#include "job/job_kubernetes.h"

static const uint8_t *input;
static size_t input_len;

static void
within(const struct job_kubernetes_word *w)
{
	MUST(w->p == NULL || (w->p >= input && w->n <= input_len &&
				 w->p + w->n <= input + input_len));
}

static void
escapes(const uint8_t *p, size_t n)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err err = ERR_INIT;

	MUST(escape_add(&b, p, n, &err) == 0);
	MUST(b.len >= n && escape_harmless(b.p, b.len));
	MUST(!escape_harmless(p, n) || escape_utf8(p, n));
}

/* A key, a value, and what people get to see of either. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct job_kubernetes_value v;
	struct job_kubernetes k;

	input = p;
	input_len = n;
	if (job_kubernetes_key(p, n, &k)) {
		within(&k.group);
		within(&k.namespace);
		within(&k.name);
		MUST(k.resource.n > 0 && k.name.n > 0);
	}
	job_kubernetes_value(p, n, &v);
	within(&v.version);
	within(&v.kind);
	within(&v.provider);
	escapes(p, n);
	return 0;
}
