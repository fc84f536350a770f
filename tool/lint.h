/*
 * In front of every file that tool/lint shows to clang-tidy.  It sees one
 * file at a time, so it does not know that these never return 0, and would
 * go on with what a call has not set after that call failed.
 */
#include "base/err.h"

#define err_set(err, which, ...)                                               \
	(err_set((err), (which), __VA_ARGS__), (err)->code = -(int)(which))
#define err_errno(...) (err_errno(__VA_ARGS__), -(int)HF_EIO)
#define err_nomem(err) (err_nomem(err), -(int)HF_ENOMEM)
#define err_wrap(...) (err_wrap(__VA_ARGS__), -(int)HF_EIO)
#define err_hint(...) (err_hint(__VA_ARGS__), -(int)HF_EIO)
