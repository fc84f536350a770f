#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

static const struct err_class classes[] = {
	{ HF_EBUG, 1, "internal", "an internal promise was broken" },
	{ HF_ENOMEM, 1, "memory", "out of memory" },
	{ HF_EIO, 1, "io", "the local system refused an operation" },
	{ HF_EUSAGE, 2, "usage", "the command line makes no sense" },
	{ HF_ECONFIG, 2, "config", "the configuration makes no sense" },
	{ HF_EWARN, 3, "warnings", "complete, but something was left out" },
	{ HF_ENOTFOUND, 4, "not-found", "what was named does not exist" },
	{ HF_EEXISTS, 5, "exists", "what was to be made exists already" },
	{ HF_EDENIED, 6, "denied", "rights or credentials do not suffice" },
	{ HF_EKEY, 7, "key", "no key at hand opens this" },
	{ HF_ECORRUPT, 8, "corrupt", "stored data is damaged or forged" },
	{ HF_EUNAVAIL, 9, "unavailable", "a server does not answer" },
	{ HF_ENOSPC, 10, "no-space", "a disk, quota or limit is full" },
	{ HF_ECLOCK, 11, "clock", "a clock is too far off" },
	{ HF_ESOURCE, 12, "source", "the source could not be read" },
	{ HF_EINTR, 13, "interrupted", "the operator asked to stop" },
};

const struct err_class *
err_class_at(int i)
{
	if (i < 0 || (size_t)i >= sizeof(classes) / sizeof(classes[0]))
		return NULL;
	return &classes[i];
}

const struct err_class *
err_class_of(int code)
{
	size_t i;

	if (code < 0)
		code = -code;
	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if ((int)classes[i].code == code)
			return &classes[i];
	return &classes[0];
}

static int
set(struct err *err, enum hf_code code, const char *fmt, va_list ap)
{
	*err = (struct err){ .code = -(int)code };
	err->retry = (code == HF_EUNAVAIL);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	return err->code;
}

int
err_set(struct err *err, enum hf_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)set(err, code, fmt, ap);
	va_end(ap);
	return err->code;
}

static enum hf_code
code_of_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
		return HF_ENOTFOUND;
	case EEXIST:
	case ENOTEMPTY:
		return HF_EEXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
		return HF_EDENIED;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return HF_ENOSPC;
	case ENOMEM:
		return HF_ENOMEM;
	default:
		return HF_EIO;
	}
}

int
err_errno(struct err *err, int errnum, const char *fmt, ...)
{
	char cause[128];
	size_t used;
	va_list ap;

	va_start(ap, fmt);
	(void)set(err, code_of_errno(errnum), fmt, ap);
	va_end(ap);
	used = strlen(err->msg);
	/* GNU's: the words are where it says, hardly ever in the buffer. */
	(void)snprintf(err->msg + used, sizeof(err->msg) - used, ": %s",
	    strerror_r(errnum, cause, sizeof(cause)));
	return err->code;
}

int
err_nomem(struct err *err)
{
	return err_set(err, HF_ENOMEM, "out of memory");
}

int
err_wrap(struct err *err, const char *fmt, ...)
{
	char inner[sizeof(err->msg)];
	size_t used;
	va_list ap;
	int n;

	memcpy(inner, err->msg, sizeof(inner));
	va_start(ap, fmt);
	n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	used = n < 0 ? 0 : (size_t)n;
	if (used < sizeof(err->msg))
		(void)snprintf(err->msg + used, sizeof(err->msg) - used,
		    ": %.*s", (int)(sizeof(inner) - used), inner);
	return err->code;
}

int
err_hint(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (err->hint[0] != '\0')
		return err->code;
	va_start(ap, fmt);
	(void)vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
	return err->code;
}
