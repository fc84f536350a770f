#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "repo/repo_cache.h"
#include "repo/repo_impl.h"
#include "repo/repo_open.h"
#include "store/store.h"

#define THREADS_NEAR 8
#define THREADS_FAR 64 /* 1000 objects a second, 60 ms away. */

struct repo *
repo_lock(struct repo *r)
{
	(void)pthread_mutex_lock(&r->lock);
	return r;
}

void
repo_unlock(struct repo **r)
{
	(void)pthread_mutex_unlock(&(*r)->lock);
}

int
repo_get(struct repo *r, const char *name, size_t max, struct buf *out,
    struct err *err)
{
	char object[REPO_NAME_MAX + 64];

	return store_get(r->store, repo_object(r, name, object), max, out, err);
}

int
repo_put(struct repo *r, const char *name, const struct buf *b, struct err *err)
{
	const struct store_blob blob = { .p = b->p, .len = b->len };
	CLEANUP(freep_buf) struct buf there = BUF_INIT;
	char object[REPO_NAME_MAX + 64];
	struct err e = ERR_INIT;

	(void)repo_object(r, name, object);
	if (store_put(r->store, object, &blob, err) == 0)
		return 0;
	if ((err->code == -HF_EEXISTS || err->code == -HF_EUNAVAIL) &&
	    store_get(r->store, object, b->len, &there, &e) == 0 &&
	    there.len == b->len && memcmp(there.p, b->p, b->len) == 0)
		return 0;
	return err->code;
}

static int
host_name(const struct repo_opts *opts, char **ret, struct err *err)
{
	char name[256];

	if (opts->host != NULL)
		return str_dup(opts->host, ret, err);
	if (gethostname(name, sizeof(name)) < 0)
		return err_errno(err, errno, "this host's name");
	name[sizeof(name) - 1] = '\0';
	return str_dup(name, ret, err);
}

int
repo_new(const struct repo_opts *opts, struct repo_head *head,
    struct repo **ret, struct err *err)
{
	CLEANUP(freep_repo) struct repo *r = NULL;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return err_nomem(err);
	(void)pthread_mutex_init(&r->opening, NULL);
	(void)pthread_mutex_init(&r->lock, NULL);
	r->store = opts->store;
	if (sign_fingerprint(head->root_pk, r->root_fp, err) < 0 ||
	    host_name(opts, &r->host, err) < 0 ||
	    repo_local_open(opts->state_dir, head->vault_id, &r->local, err) <
		0)
		return err->code;
	r->cache = repo_cache_open(
	    repo_local_path(r->local), head->vault_id, opts->cache);
	r->head = *head;
	*head = (struct repo_head){ 0 };
	*ret = TAKE(r);
	return 0;
}

static void
ring_free(struct repo_ring_key *k)
{
	struct repo_ring_key *next;

	for (; k != NULL; k = next) {
		next = k->next;
		secret_free(k->key);
		free(k);
	}
}

void
repo_free(struct repo *r)
{
	size_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->nkeys; i++)
		key_free(r->keys[i]);
	free(r->keys);
	ring_free(r->ring);
	secret_free(r->seed);
	repo_cert_clear(&r->cert);
	repo_cache_free(r->cache);
	repo_local_free(r->local);
	repo_head_clear(&r->head);
	free(r->host);
	(void)pthread_mutex_destroy(&r->opening);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

struct store *
repo_store(const struct repo *r)
{
	return r->store;
}

const struct repo_head *
repo_head(const struct repo *r)
{
	return &r->head;
}

const char *
repo_host(const struct repo *r)
{
	return r->host;
}

size_t
repo_nkeys(const struct repo *r)
{
	return r->nkeys;
}

unsigned
repo_threads(const struct repo *r)
{
	return r->store->ops->caps & STORE_CAP_NEAR ? THREADS_NEAR
						    : THREADS_FAR;
}

char *
repo_object(const struct repo *r, const char *name, char *out)
{
	(void)snprintf(out, REPO_NAME_MAX + 64, "hf1/%.*s/%s", REPO_VAULT_MAX,
	    r->head.vault, name);
	return out;
}
