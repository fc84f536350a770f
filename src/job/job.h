#ifndef JOB_JOB_H_
#define JOB_JOB_H_

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;

/*
 * The verbs: what holdfast does, whoever asks for it.  A job prints and logs
 * nothing; it tells what happens as events, to which the command line, the log
 * and whatever comes later listen.  The final numbers also come back in a
 * report.
 */

enum job_event_kind {
	JOB_STARTED,  /* subject: what; total: bytes expected, 0 if unknown. */
	JOB_PROGRESS, /* done, total, entries, stored so far. */
	JOB_WARNING,  /* subject: path or object; text: what is the matter. */
	JOB_NOTE,     /* Worth knowing, and nothing wrong: text. */
	JOB_FOUND,    /* Verification or prune found something wrong. */
	JOB_DECIDED,  /* subject: backup; text: "keep (daily ...)". */
	JOB_FINISHED, /* As progress, for the last time. */
};

struct job_event {
	enum job_event_kind kind;
	const char *job;     /* "backup" */
	const char *subject; /* or NULL */
	const char *text;    /* or NULL */
	uint64_t done;       /* bytes of plaintext */
	uint64_t total;      /* bytes, 0 if unknown */
	uint64_t entries;
	uint64_t stored; /* bytes */
};

/* How jobs run; the same for all of them. */
struct job {
	/* Called from the job's own thread alone; may be NULL. */
	void (*on_event)(void *arg, const struct job_event *);
	void *arg;
	/* Set by a signal handler, or another thread: the job ends with
	 * HF_EINTR. */
	const volatile sig_atomic_t *cancel;
	size_t memory;    /* Bytes for buffers; 0: the default. */
	unsigned workers; /* 0: one for each processor. */
	int level;        /* Of compression; 0: the default. */
};

#define JOB_MEMORY_DEFAULT (46u << 20)
#define JOB_MEMORY_SMALL (16u << 20)

/**
 * job_tell(j, ev):
 * Hand ${ev} to the listener, if there is one.
 */
void job_tell(const struct job *, const struct job_event *);

/**
 * job_say(j, job, kind, subject, text):
 * Tell of something that has no numbers; ${job} is the job's word.
 */
void job_say(const struct job *, const char *job, enum job_event_kind,
    const char *subject, const char *text);

/**
 * job_check(j, err):
 * HF_EINTR if the operator has asked to stop.
 */
int job_check(const struct job *, struct err *);

size_t job_memory(const struct job *);

#endif /* !JOB_JOB_H_ */
