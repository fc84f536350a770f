#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "job/job_wrappings.h"
#include "repo/repo.h"
#include "repo/repo_listing.h"
#include "store/store.h"

int
job_wrappings_load(struct repo *r, const uint8_t *key_id,
    struct job_wrappings *ret, struct err *err)
{
	static const uint8_t any[KEY_FINGERPRINT_LEN];
	char name[REPO_NAME_MAX] = "k/";

	CLEANUP(repo_listing_clear) struct repo_listing l = { 0 };
	CLEANUP(freep_mem) struct job_wrapping *v = NULL;
	size_t i, n = 0;

	if (key_id != NULL) {
		repo_name_wrapped(name, key_id, any);
		*(strchr(name, '.') + 1) = '\0'; /* "k/<key id>." */
	}
	if (repo_listing_load(r, name, &l, err) < 0)
		return err->code;
	if ((v = calloc(l.n + 1, sizeof(*v))) == NULL)
		return err_nomem(err);
	for (i = 0; i < l.n; i++) {
		if (!repo_name_wrapped_read(
			l.v[i].name, v[n].key_id, v[n].opener))
			continue;
		v[n++].mtime_ms = l.v[i].mtime_ms;
	}
	*ret = (struct job_wrappings){ .v = TAKE(v), .n = n };
	return 0;
}

int
job_wrapping_holds(
    struct repo *r, const struct job_wrapping *of, struct err *err)
{
	CLEANUP(repo_wrapped_clear) struct repo_wrapped w = { 0 };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	const struct repo_head *h = repo_head(r);
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	struct err e = ERR_INIT;

	repo_name_wrapped(name, of->key_id, of->opener);
	(void)repo_object(r, name, object);
	if (store_get(repo_store(r), object, REPO_SMALL_MAX, &b, &e) < 0 ||
	    repo_wrapped_decode(b.p, b.len, &w, &e) < 0) {
		if (e.code == -HF_ECORRUPT || e.code == -HF_ENOTFOUND)
			return 0;
		*err = e;
		return err->code;
	}
	return memcmp(w.key_id, of->key_id, REPO_ID_LEN) == 0 &&
	       memcmp(w.opener, of->opener, KEY_FINGERPRINT_LEN) == 0 &&
	       memcmp(w.vault_id, h->vault_id, REPO_ID_LEN) == 0 &&
	       (w.class == REPO_KEY_DATA ||
		   repo_wrapped_vouched(b.p, b.len, h->root_pk, &e) == 0);
}

void
job_wrappings_clear(struct job_wrappings *w)
{
	free(w->v);
	*w = (struct job_wrappings){ NULL, 0 };
}
