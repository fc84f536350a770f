/*
 * In front of every file that tool/lint shows to clang-tidy.  It sees one
 * file at a time, so it does not know that these never return 0, and would
 * go on with what a call has not set after that call failed.
 */
#include "base/err.h"

#define FAILED(call, err, code_) (call, (err)->code = -(int)(code_))
#define err_set(err, code, ...)                                                \
	FAILED(err_set((err), (code), __VA_ARGS__), err, code)
#define err_errno(err, ...) FAILED(err_errno((err), __VA_ARGS__), err, HF_EIO)
#define err_nomem(err) FAILED(err_nomem(err), err, HF_ENOMEM)
#define err_wrap(err, ...) FAILED(err_wrap((err), __VA_ARGS__), err, HF_EIO)
#define err_hint(err, ...) FAILED(err_hint((err), __VA_ARGS__), err, HF_EIO)
