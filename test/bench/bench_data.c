#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench_data.h"

#define NOISE 230 /* Characters in a record of about 800. */

void
bench_data_init(struct bench_data *d)
{
	memset(d, 0, sizeof(*d));
	d->rnd = 0x9e3779b97f4a7c15u;
}

static uint64_t
next(struct bench_data *d)
{
	d->rnd ^= d->rnd << 13;
	d->rnd ^= d->rnd >> 7;
	d->rnd ^= d->rnd << 17;
	return d->rnd;
}

/* ${n} characters of base64 that say nothing. */
static void
noise(struct bench_data *d, char *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
				     "klmnopqrstuvwxyz0123456789+/";
	uint64_t x = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (i % 10 == 0)
			x = next(d);
		p[i] = digits[x & 63];
		x >>= 6;
	}
	p[n] = '\0';
}

/* A record: mostly what all have in common, with ids and a token of its own. */
static void
next_record(struct bench_data *d)
{
	uint64_t a = next(d), b = next(d), c = next(d), e = next(d);
	char secret[NOISE + 1];
	int n;

	noise(d, secret, NOISE);
	n = snprintf(d->text, sizeof(d->text),
	    "/registry/pods/ns-%02u/app-%04x-%08" PRIx64
	    "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":"
	    "\"app-%04x\",\"uid\":\"%016" PRIx64 "%016" PRIx64
	    "\",\"resourceVersion\":\"%" PRIu64
	    "\",\"labels\":{\"tier\":\"backend\",\"zone\":\"eu-%u\"}},"
	    "\"spec\":{\"nodeName\":\"node-%03u\",\"serviceAccountName\":"
	    "\"default\",\"token\":\"%s\",\"restartPolicy\":\"Always\",\"dnsPolicy\":\"ClusterFirst\"},"
	    "\"status\":{\"phase\":\"Running\",\"hostIP\":\"10.%u.%u.%u\","
	    "\"qosClass\":\"BestEffort\",\"ready\":%s}}%08x",
	    (unsigned)(a % 40), (unsigned)(a >> 48), d->record,
	    (unsigned)(a >> 48), b, c, d->record * 7 + a % 7, (unsigned)(c % 3),
	    (unsigned)(e % 200), secret, (unsigned)(a >> 8 & 255),
	    (unsigned)(b >> 8 & 255), (unsigned)(c >> 8 & 255),
	    a & 1 ? "true" : "false", (unsigned)(e >> 16));
	d->record++;
	d->off = 0;
	d->len = (size_t)n;
}

void
bench_data_fill(struct bench_data *d, uint8_t *p, size_t n)
{
	size_t m;

	while (n > 0) {
		if (d->off == d->len)
			next_record(d);
		m = d->len - d->off;
		if (m > n)
			m = n;
		memcpy(p, d->text + d->off, m);
		d->off += m;
		p += m;
		n -= m;
	}
}
