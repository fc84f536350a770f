#ifndef STORE_STORE_OP_H_
#define STORE_STORE_OP_H_

/*
 * The operations of struct store_ops, for the drivers that stand in front of
 * another one; a set of them is their sum.
 */
enum store_op {
	STORE_OP_PUT = (1 << 0),
	STORE_OP_GET = (1 << 1),
	STORE_OP_HEAD = (1 << 2),
	STORE_OP_LIST = (1 << 3),
	STORE_OP_DEL = (1 << 4),
	STORE_OP_NOW = (1 << 5),
	STORE_OP_PROBE = (1 << 6),
	STORE_OP_PART = (1 << 7), /* Of an upload, whose finish is a put. */
	STORE_OP_REPLACE = (1 << 8),
	STORE_OP_SWEEP = (1 << 9),
	STORE_OP_WRITES = STORE_OP_PUT | STORE_OP_PART | STORE_OP_REPLACE |
			  STORE_OP_DEL | STORE_OP_SWEEP,
	STORE_OP_ALL = (1 << 10) - 1,
};

/**
 * store_op_name(op):
 * Return what one operation is called: "put".
 */
const char *store_op_name(enum store_op);

#endif /* !STORE_STORE_OP_H_ */
