#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "key/key.h"
#include "repo/repo_stream.h"
#include "repo/repo_stream_header.h"
#include "repo/repo_stream_keys.h"

void
repo_stream_keys_clear(struct repo_stream_keys *k)
{
	size_t i;

	for (i = 0; i < k->n; i++)
		key_free(k->v[i]);
	free(k->v);
	*k = (struct repo_stream_keys){ 0 };
}

int
repo_stream_keys_open(const struct repo_stream_opts *o, const uint8_t salt[],
    struct repo_stream_keys *k, struct err *err)
{
	int rc;

	if ((rc = o->keys(o->keys_arg, salt, &k->v, &k->n, err)) < 0)
		return rc;
	if (k->n == 0 || k->n > STREAM_KEYS_MAX) {
		(void)err_set(err, HF_EUSAGE, "%zu keys, where 1 to %d can be",
		    k->n, STREAM_KEYS_MAX);
		return err_hint(err, "give one with --key, as in --key "
				     "file:/path");
	}
	return 0;
}

static bool
same_opener(const struct repo_wrapped *w, const struct key *k)
{
	return memcmp(w->opener, k->fingerprint, KEY_FINGERPRINT_LEN) == 0;
}

/*
 * Could ${k} open ${w}, although the fingerprints differ?  That of a passphrase
 * depends on the cost of stretching it, which may have been another when the
 * stream was sealed.
 */
static bool
same_kind(const struct repo_wrapped *w, const struct key *k)
{
	return !same_opener(w, k) && strcmp(w->kind, k->kind) == 0;
}

/* Try the keys that ${fits} names; return 1 if none opened it. */
static int
try_keys(const struct repo_stream_header *h,
    const struct repo_stream_keys *keys,
    bool (*fits)(const struct repo_wrapped *, const struct key *),
    struct secret **data_key, struct err *err)
{
	int rc = 1;
	size_t i, j;

	for (i = 0; i < h->nwrapped; i++)
		for (j = 0; j < keys->n; j++) {
			if (!(keys->v[j]->caps & KEY_CAN_UNWRAP) ||
			    !fits(&h->wrapped[i], keys->v[j]))
				continue;
			*err = (struct err)ERR_INIT;
			rc = repo_unwrap(
			    keys->v[j], &h->wrapped[i], data_key, err);
			if (rc == 0)
				return 0;
		}
	return rc;
}

/* Name the openers that there are: one of them has to be given. */
static int
none_fits(const struct repo_stream_header *h,
    const struct repo_stream_keys *keys, struct err *err)
{
	CLEANUP(freep_buf) struct buf list = BUF_INIT;
	char hex[2 * KEY_FINGERPRINT_LEN + 1];
	const struct repo_wrapped *w;
	size_t i, j;

	for (i = 0; i < h->nwrapped; i++) {
		w = &h->wrapped[i];
		if (buf_printf(&list, err, "%s%s %s", i > 0 ? ", " : "",
			w->kind,
			str_hex(hex, w->opener, sizeof(w->opener))) < 0)
			return err->code;
	}
	(void)err_set(err, HF_EKEY,
	    "no key at hand opens this stream, which was sealed for %s",
	    (char *)list.p);
	for (i = 0; i < h->nwrapped; i++)
		for (j = 0; j < keys->n; j++)
			if (same_opener(&h->wrapped[i], keys->v[j]))
				return err_hint(err,
				    "'%s' is only the public half: give the "
				    "private one, --key identity:/path",
				    keys->v[j]->label);
	return err_hint(err, "give one of them with --key");
}

int
repo_stream_unlock(const struct repo_stream_header *h,
    const struct repo_stream_keys *keys, struct secret **data_key,
    struct err *err)
{
	struct err why = ERR_INIT;
	int rc;

	if ((rc = try_keys(h, keys, same_opener, data_key, &why)) == 1) {
		rc = try_keys(h, keys, same_kind, data_key, &why);
		/* These keys were only a guess. */
		if (rc == 1 || rc == -HF_EKEY)
			return none_fits(h, keys, err);
	}
	if (rc < 0)
		*err = why;
	return rc;
}
