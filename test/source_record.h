#ifndef TEST_SOURCE_RECORD_H_
#define TEST_SOURCE_RECORD_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/entry.h"
#include "source/source.h"

/* Opaque types. */
struct target;

/* One entry as the sink got it, and the bytes that came for it. */
struct record_entry {
	struct entry e;
	struct buf data, memo;
	bool kept; /* It was not read, but kept from the base. */
};

struct record_warning {
	char path[512];
	char what[512];
};

struct record_evidence {
	char name[64];
	char value[640];
};

/*
 * A sink that keeps everything, lends ${lend} bytes at a time, and watches
 * that it is used as source.h says: wrong use fails the running test.
 */
struct record {
	struct sink sink;
	size_t lend; /* 1 MiB unless set. */
	struct record_entry *v;
	size_t n;
	struct record_warning *warnings;
	size_t nwarnings;
	struct record_evidence *evidence;
	size_t nevidence;

	/* Called by begin, when the source has the file open; and by check. */
	void (*on_begin)(void *arg, const char *path);
	void *arg;
	long stop_after; /* Checks until HF_EINTR; 0: never. */
	long fail_after; /* Bytes until HF_ENOSPC; 0: never. */

	/* What is recalled: another record, or NULL; and when it began. */
	const struct record *base;
	int64_t began_ns;

	/* Private. */
	bool begun;
	enum sink_hash hash;
	char *begun_path;
	uint8_t *lent;
	struct buf data;
	uint64_t total;
	long checks;
	size_t recalled; /* In base: one behind the file recalled last. */
	struct buf memo; /* Of the file that is added next. */
};

void record_init(struct record *);
void record_clear(struct record *);

static inline void
freep_record(struct record *r)
{
	record_clear(r);
}

/**
 * record_find(r, path):
 * Return the entry called ${path}, or NULL.
 */
const struct record_entry *record_find(const struct record *, const char *);

/**
 * record_warned(r, path):
 * Return the first warning about ${path}, or NULL.
 */
const char *record_warned(const struct record *, const char *);

/**
 * record_evidence(r, name):
 * Return the value of the evidence ${name}, or NULL.
 */
const char *record_evidence(const struct record *, const char *);

/**
 * record_replay(r, t, err):
 * Give all entries and their data to the target ${t}, without finish.
 */
int record_replay(const struct record *, struct target *, struct err *);

#endif /* !TEST_SOURCE_RECORD_H_ */
