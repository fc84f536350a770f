#ifndef ETCD_ETCD_PB_H_
#define ETCD_ETCD_PB_H_

#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct buf;
struct err;

/*
 * The protobuf wire format (protobuf.dev/programming-guides/encoding), as
 * much of it as etcd's messages need: a message is a run of fields, each a
 * number, a wire type and a value.  Reading copies nothing and allocates
 * nothing; what a server sent is checked before it is believed.
 */
enum pb_wire {
	PB_VARINT = 0,
	PB_FIXED64 = 1,
	PB_BYTES = 2, /* Also strings and messages. */
	PB_FIXED32 = 5,
};

struct pb {
	const uint8_t *p; /* What is still to be read. */
	size_t left;

	/* The field that pb_next found. */
	uint32_t field;
	enum pb_wire wire;
	uint64_t val;       /* Of a varint. */
	const uint8_t *ptr; /* Of the other three: their bytes, */
	size_t len;         /* and how many. */
};

/**
 * pb_init(r, p, n):
 * Read the message of ${n} bytes at ${p}.
 */
void pb_init(struct pb *, const void *, size_t);

/**
 * pb_next(r):
 * Step to the next field.  Return 1 if there is one, 0 at the end, and -1 if
 * the message is malformed (a length beyond its end, a varint of more than
 * 64 bits, field number 0, a group).
 */
int pb_next(struct pb *);

/**
 * pb_text(r, to, size):
 * Copy the field's bytes as text of at most ${size} - 1 characters; what is
 * not printable ASCII becomes '?', so that it can stand in a message.
 */
void pb_text(const struct pb *, char *, size_t);

/**
 * pb_add_uint(b, field, v, err), pb_add_bytes(b, field, p, n, err):
 * Append one field.  As in proto3, zero and empty values are left out.
 */
int pb_add_uint(struct buf *, uint32_t, uint64_t, struct err *);
int pb_add_bytes(struct buf *, uint32_t, const void *, size_t, struct err *);

/**
 * pb_put_uint(b, field, v, err), pb_put_bytes(b, field, p, n, err):
 * The same for required fields of proto2, as raft's messages have them: they
 * are written whatever their value is.
 */
int pb_put_uint(struct buf *, uint32_t, uint64_t, struct err *);
int pb_put_bytes(struct buf *, uint32_t, const void *, size_t, struct err *);

#endif /* !ETCD_ETCD_PB_H_ */
