#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/parallel.h"
#include "base/params.h"
#include "crypto/hash.h"
#include "store/s3/store_s3.h"

/*
 * bench_put URL ENDPOINT BYTES SIZE: put that many bytes there, in objects of
 * SIZE, on four threads as a backup does, and do nothing else: the limit of
 * an S3 server.  The bytes are the same in each, their hash is known.
 */
#define THREADS 4

struct puts {
	struct store *store;
	struct store_blob blob;
};

static int
put_one(void *arg, size_t i, struct err *err)
{
	const struct puts *p = arg;
	char name[32];

	(void)snprintf(name, sizeof(name), "put/%06zu", i);
	return store_put(p->store, name, &p->blob, err);
}

static int
open_store(
    const char *url, const char *endpoint, struct store **ret, struct err *err)
{
	static const struct store_driver *const drivers[] = { &store_s3_driver,
		NULL };
	CLEANUP(freep_params) struct params *params = NULL;
	int rc;

	if ((rc = params_new(&params, err)) < 0 ||
	    (rc = params_add(params, "url", url, err)) < 0 ||
	    (rc = params_add(params, "endpoint", endpoint, err)) < 0 ||
	    (rc = params_add(params, "region", "us-east-1", err)) < 0)
		return rc;
	return store_open(drivers, params, STORE_WRITE, ret, err);
}

static int
put_all(char *argv[], struct err *err)
{
	unsigned long long bytes = strtoull(argv[3], NULL, 10);
	size_t i, size = strtoull(argv[4], NULL, 10);
	CLEANUP(freep_store) struct store *store = NULL;
	CLEANUP(freep_mem) uint8_t *p = NULL;
	uint8_t sha256[SHA256_LEN];
	struct puts puts;
	int rc;

	if (size == 0)
		return err_set(err, HF_EUSAGE, "objects without a size");
	if ((p = malloc(size)) == NULL)
		return err_nomem(err);
	for (i = 0; i < size; i++)
		p[i] = (uint8_t)(i * i >> 7);
	if ((rc = sha256_of(p, size, sha256, err)) < 0 ||
	    (rc = open_store(argv[1], argv[2], &store, err)) < 0)
		return rc;
	puts = (struct puts){ store, { p, size, sha256 } };
	return parallel_for(
	    (size_t)((bytes + size - 1) / size), THREADS, put_one, &puts, err);
}

int
main(int argc, char *argv[])
{
	struct err err = ERR_INIT;

	if (argc != 5) {
		(void)fprintf(
		    stderr, "usage: bench_put URL ENDPOINT BYTES SIZE\n");
		return 2;
	}
	if (put_all(argv, &err) < 0) {
		(void)fprintf(stderr, "bench_put: %s\n", err.msg);
		return 1;
	}
	return 0;
}
