#ifndef STORE_STORE_SHIM_H_
#define STORE_STORE_SHIM_H_

#include "store/store.h"
#include "store/store_op.h"

/*
 * What every store in front of another one is made of: each operation comes
 * to one function, as a value, and that function decides what becomes of it.
 */

/* One operation; what does not belong to it is 0. */
struct store_call {
	enum store_op op;
	const char *name; /* A prefix for list and sweep; NULL: has none. */
	uint64_t off;     /* get: where from. */
	size_t len;       /* Bytes to put; those that get is asked for. */

	/* The other arguments, as in struct store_ops. */
	struct store *inner;
	const struct store_blob *blob; /* put, replace. */
	struct store_upload *upload;   /* part, and a put that ends one; */
	const uint8_t *p;              /* its bytes. */
	struct buf *out;               /* get. */
	size_t max;
	struct store_info *info; /* head. */
	store_list_fn *fn;       /* list. */
	void *arg;
	int64_t before_ms; /* sweep. */
	uint64_t *n;
	int64_t *ms;            /* now. */
	enum store_power power; /* probe. */
};

/* First member of every shim's own structure. */
struct store_shim {
	struct store base;
	struct store_ops ops; /* Ours, with the name and caps of ${inner}. */
	struct store *inner;
	int (*around)(struct store_shim *, struct store_call *, struct err *);
};

/**
 * store_shim_init(s, inner, around, free):
 * Stand in front of ${inner}, which belongs to ${s} from now on and is to be
 * released by ${free}.  ${around} is called for each operation, from the
 * thread that asks for it.  (An upload begins without being asked: its parts
 * are operations, and its finish is a put.)
 */
void store_shim_init(struct store_shim *, struct store *,
    int (*)(struct store_shim *, struct store_call *, struct err *),
    void (*)(struct store *));

/**
 * store_call_do(c, err):
 * Let the store behind do ${c}.
 */
int store_call_do(const struct store_call *, struct err *);

#endif /* !STORE_STORE_SHIM_H_ */
