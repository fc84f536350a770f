#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "source/tree/source_tree_links.h"

#define BUCKETS_MIN 256

static struct source_tree_link **
bucket_of(const struct source_tree_links *l, uint64_t dev, uint64_t ino)
{
	uint64_t h = (ino ^ dev << 40) * 0x9e3779b97f4a7c15;

	return &l->bucket[(h >> 32) & (l->nbuckets - 1)];
}

static int
grow(struct source_tree_links *l, struct err *err)
{
	struct source_tree_links wide = { NULL,
		l->nbuckets > 0 ? 2 * l->nbuckets : BUCKETS_MIN, l->n };
	struct source_tree_link *k, **to;
	size_t i;

	wide.bucket = calloc(wide.nbuckets, sizeof(struct source_tree_link *));
	if (wide.bucket == NULL)
		return err_nomem(err);
	for (i = 0; i < l->nbuckets; i++) {
		while ((k = l->bucket[i]) != NULL) {
			l->bucket[i] = k->next;
			to = bucket_of(&wide, k->dev, k->ino);
			k->next = *to;
			*to = k;
		}
	}
	free(l->bucket);
	*l = wide;
	return 0;
}

struct source_tree_link *
source_tree_links_find(struct source_tree_links *l, uint64_t dev, uint64_t ino)
{
	struct source_tree_link *k;

	if (l->nbuckets == 0)
		return NULL;
	for (k = *bucket_of(l, dev, ino); k != NULL; k = k->next)
		if (k->dev == dev && k->ino == ino)
			return k;
	return NULL;
}

int
source_tree_links_add(struct source_tree_links *l, uint64_t dev, uint64_t ino,
    uint64_t nlink, const char *path, struct err *err)
{
	struct source_tree_link *k, **to;
	size_t len = strlen(path) + 1;
	int rc;

	if (l->n >= l->nbuckets && (rc = grow(l, err)) < 0)
		return rc;
	if ((k = malloc(sizeof(*k) + len)) == NULL)
		return err_nomem(err);
	k->dev = dev;
	k->ino = ino;
	k->left = nlink - 1;
	memcpy(k->path, path, len);
	to = bucket_of(l, dev, ino);
	k->next = *to;
	*to = k;
	l->n++;
	return 0;
}

void
source_tree_links_met(struct source_tree_links *l, struct source_tree_link *k)
{
	struct source_tree_link **p;

	if (--k->left > 0)
		return;
	for (p = bucket_of(l, k->dev, k->ino); *p != k; p = &(*p)->next)
		;
	*p = k->next;
	l->n--;
	free(k);
}

void
source_tree_links_clear(struct source_tree_links *l)
{
	struct source_tree_link *k;
	size_t i;

	for (i = 0; i < l->nbuckets; i++) {
		while ((k = l->bucket[i]) != NULL) {
			l->bucket[i] = k->next;
			free(k);
		}
	}
	free(l->bucket);
	*l = (struct source_tree_links){ NULL, 0, 0 };
}
