#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "repo/repo_impl.h"
#include "repo/repo_listing.h"

/*
 * Who opens what, from the names in the store: two hundred backups under
 * three openers are six hundred names in one listing, and one object read
 * for each opener.
 */

static struct repo_opener *
find(const struct repo_openers *o, const uint8_t fp[])
{
	size_t i;

	for (i = 0; i < o->n; i++)
		if (memcmp(o->v[i].fingerprint, fp, KEY_FINGERPRINT_LEN) == 0)
			return &o->v[i];
	return NULL;
}

static bool
at_hand(const struct repo *r, const uint8_t fp[])
{
	size_t i;

	for (i = 0; i < r->nkeys; i++)
		if (memcmp(r->keys[i]->fingerprint, fp, KEY_FINGERPRINT_LEN) ==
		    0)
			return true;
	return false;
}

/* Describe an opener by what one of its objects says of it. */
static int
add(struct repo *r, const char *name, struct repo_openers *o, struct err *err)
{
	CLEANUP(repo_wrapped_clear) struct repo_wrapped w = { 0 };
	struct repo_opener *grown, *to;

	if (repo_wrapped_load(r, name, &w, NULL, err) < 0)
		return err->code;
	grown = reallocarray(o->v, o->n + 1, sizeof(*grown));
	if (grown == NULL)
		return err_nomem(err);
	o->v = grown;
	to = &o->v[o->n++];
	*to = (struct repo_opener){
		.kind = TAKE(w.kind),
		.public_text = TAKE(w.public_text),
		.at_hand = at_hand(r, w.opener),
	};
	memcpy(to->fingerprint, w.opener, KEY_FINGERPRINT_LEN);
	return 0;
}

static int
count(struct repo *r, const struct repo_listing *l, struct repo_openers *o,
    struct err *err)
{
	uint8_t id[REPO_ID_LEN], fp[KEY_FINGERPRINT_LEN];
	uint8_t last[REPO_ID_LEN] = { 0 };
	struct repo_opener *opener;
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (!repo_name_wrapped_read(l->v[i].name, id, fp))
			continue;
		if ((opener = find(o, fp)) == NULL) {
			if (add(r, l->v[i].name, o, err) < 0)
				return err->code;
			opener = &o->v[o->n - 1];
		}
		if (memcmp(id, r->root_fp, sizeof(id)) == 0) {
			opener->root = true;
			continue;
		}
		opener->data_keys++;
		/* Names ascend: those of one key stand together. */
		o->data_keys += memcmp(id, last, sizeof(id)) != 0;
		memcpy(last, id, sizeof(last));
	}
	return 0;
}

int
repo_openers_load(struct repo *r, struct repo_openers *ret, struct err *err)
{
	CLEANUP(repo_listing_clear) struct repo_listing l = { 0 };
	CLEANUP(repo_openers_clear) struct repo_openers o = { 0 };

	if (repo_listing_load(r, "k/", &l, err) < 0 ||
	    count(r, &l, &o, err) < 0)
		return err->code;
	*ret = o;
	o = (struct repo_openers){ 0 };
	return 0;
}

void
repo_openers_clear(struct repo_openers *o)
{
	size_t i;

	for (i = 0; i < o->n; i++) {
		free(o->v[i].kind);
		free(o->v[i].public_text);
	}
	free(o->v);
	*o = (struct repo_openers){ 0 };
}
