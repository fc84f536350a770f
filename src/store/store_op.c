#include "store/store_op.h"

const char *
store_op_name(enum store_op op)
{
	switch (op) {
	case STORE_OP_PUT:
		return "put";
	case STORE_OP_GET:
		return "get";
	case STORE_OP_HEAD:
		return "head";
	case STORE_OP_LIST:
		return "list";
	case STORE_OP_DEL:
		return "del";
	case STORE_OP_NOW:
		return "now";
	case STORE_OP_PROBE:
		return "probe";
	case STORE_OP_PART:
		return "part";
	case STORE_OP_REPLACE:
		return "replace";
	case STORE_OP_SWEEP:
		return "sweep";
	default:
		return "?";
	}
}
