#ifndef BASE_ERR_H_
#define BASE_ERR_H_

#include <stdbool.h>

/*
 * What went wrong, for the caller.  A function that can fail takes one of
 * these as its last argument, returns 0 or a negative HF_E code, and leaves
 * ${err} alone when it succeeds.  It lives on the caller's stack and needs
 * no memory, so that running out of memory can be reported too.
 *
 * A message is "outer context: inner context: cause", in lower case, with
 * subjects in 'quotes'; a hint says what the operator can do.
 */
struct err {
	int code;       /* Negative HF_E code; 0 if nothing went wrong. */
	bool retry;     /* The same call may succeed later. */
	char msg[768];  /* "outer context: inner context: cause". */
	char hint[320]; /* What the operator can do, or "". */
};

#define ERR_INIT                                                               \
	{                                                                      \
		0                                                              \
	}

/* Every code is a decision for the caller; err.c maps each to an exit status.
 */
enum hf_code {
	HF_EBUG = 1,  /* A promise inside the program was broken. */
	HF_ENOMEM,    /* Out of memory. */
	HF_EIO,       /* The local system refused an operation. */
	HF_EUSAGE,    /* The command line makes no sense. */
	HF_ECONFIG,   /* The configuration makes no sense. */
	HF_EWARN,     /* Done, with warnings: something was left out. */
	HF_ENOTFOUND, /* The thing that was named does not exist. */
	HF_EEXISTS,   /* The thing that was to be made exists already. */
	HF_EDENIED,   /* Rights or credentials do not suffice. */
	HF_EKEY,      /* No key at hand opens this. */
	HF_ECORRUPT,  /* What was stored is damaged, missing or forged. */
	HF_EUNAVAIL,  /* A server does not answer; try again later. */
	HF_ENOSPC,    /* A disk, quota or size limit is reached. */
	HF_ECLOCK,    /* A clock is too far off. */
	HF_ESOURCE,   /* What was to be backed up could not be read. */
	HF_EINTR,     /* The operator asked to stop. */
};

/**
 * err_set(err, code, fmt, ...):
 * Record the first cause of a failure.  Return -${code}.
 */
int err_set(struct err *, enum hf_code, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * err_errno(err, errnum, fmt, ...):
 * Record a failed system call: the message, ": " and the system's words for
 * ${errnum}.  Return the negative code that fits ${errnum} (ENOENT is
 * HF_ENOTFOUND, EEXIST HF_EEXISTS, EACCES, EPERM and EROFS HF_EDENIED,
 * ENOSPC, EDQUOT and EFBIG HF_ENOSPC, ENOMEM HF_ENOMEM, others HF_EIO).
 */
int err_errno(struct err *, int, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * err_nomem(err):
 * Record that memory ran out.  Return -HF_ENOMEM.
 */
int err_nomem(struct err *);

/**
 * err_wrap(err, fmt, ...):
 * Put "context: " in front of the message.  Return the code, unchanged.
 */
int err_wrap(struct err *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * err_hint(err, fmt, ...):
 * Say what the operator can do, unless a hint is there already: the one
 * closest to the cause knows best.  Return the code, unchanged.
 */
int err_hint(struct err *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/* What the table in err.c says about a code. */
struct err_class {
	enum hf_code code;
	int exit_status;   /* 0..127 */
	const char *word;  /* In JSON and in the audit trail, e.g. "denied". */
	const char *about; /* One line for the manual. */
};

/**
 * err_class_of(code):
 * Return the table's row for ${code}, given with either sign.
 */
const struct err_class *err_class_of(int);

/**
 * err_class_at(i):
 * Return row ${i} of the table, or NULL behind its end: for the manual.
 */
const struct err_class *err_class_at(int);

#endif /* !BASE_ERR_H_ */
