#ifndef SOURCE_SOURCE_H_
#define SOURCE_SOURCE_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct entry;
struct err;
struct params;
struct sink;
struct source;

/*
 * A source is something alive that can be read: a tree of files, a stream,
 * an etcd cluster.  It pushes what it reads into a sink, once, in order.
 *
 * Every driver promises, and test/contract/source_contract.c checks:
 * - entries come ascending by path, parents before children;
 * - what could not be read or changed while it was read is told by
 *   sink_warn, and the rest still comes;
 * - an error means that the backup must not be committed;
 * - it never waits for the storage longer than the sink makes it wait, and
 *   an etcd server is hardly slowed by the storage, however slow that is.
 */

/*
 * A file of the last backup of this source, the base, that may go into this
 * one again without being read.  All of it is the sink's, until the next
 * call of sink_recall.
 */
struct sink_kept {
	const struct entry *entry; /* As it was added: path, size, times. */
	const uint8_t *memo;       /* What the source had to remember of it. */
	size_t memo_len;
	int64_t began_ns; /* By this host's clock: when the base began. */
};
#define SINK_MEMO_MAX (4u << 20) /* bytes */

/* Who computes the SHA-256 of a file. */
enum sink_hash {
	SINK_HASHES,
	SOURCE_HASHES, /* It has to anyway; add gets a hash that is believed. */
};

struct sink_ops {
	/*
	 * Bytes of a file follow: ${size} is the size expected, a hint for
	 * laying large files down by themselves.
	 */
	int (*begin)(struct sink *, const char *path, uint64_t size,
	    enum sink_hash, struct err *);

	/*
	 * Lend the place for the next bytes: at least 1, at most ${*n}.  The
	 * source reads straight into it and calls wrote.
	 */
	int (*space)(struct sink *, uint8_t **p, size_t *n, struct err *);
	int (*wrote)(struct sink *, size_t n, struct err *);

	/*
	 * Add an entry; if it is a file, with the bytes written since begin.
	 * The sink fills in data_pos and data_len itself, and sha256 unless
	 * the source has said that it will.
	 */
	int (*add)(struct sink *, const struct entry *, struct err *);

	/*
	 * A fact that proves what was read ("etcd.revision" = "4711"); it is
	 * readable without a key, so never a secret.
	 */
	int (*evidence)(
	    struct sink *, const char *name, const char *value, struct err *);

	/* Something was left out or changed underfoot; counted and shown. */
	void (*warn)(struct sink *, const char *path, const char *what);

	/* HF_EINTR once the operator has asked to stop. */
	int (*check)(struct sink *, struct err *);

	/*
	 * Increments; a sink without a memory leaves all three NULL.
	 *
	 * recall: give the next file of the base, in the base's order.  1 if
	 * there is one, 0 at the end, which may come at once (there is no
	 * base) or early: what is not recalled must be read.  Files added
	 * before the first call are not remembered for the next backup.
	 */
	int (*recall)(struct sink *, struct sink_kept *, struct err *);

	/*
	 * Put the file recalled last in again, as ${path}, with the metadata
	 * that it had and the memo ${memo}, which may be the old one.
	 */
	int (*keep)(struct sink *, const char *path, const uint8_t *memo,
	    size_t n, struct err *);

	/*
	 * Keep ${n} bytes, SINK_MEMO_MAX at most, with the file that is added
	 * next: the next backup of this source gets them when it recalls it.
	 * They stay on this host, in the clear.
	 */
	int (*remember)(
	    struct sink *, const uint8_t *memo, size_t n, struct err *);
};

struct sink {
	const struct sink_ops *ops;
};

/* The calls of sink_ops by name. */
int sink_begin(
    struct sink *, const char *, uint64_t, enum sink_hash, struct err *);
int sink_space(struct sink *, uint8_t **, size_t *, struct err *);
int sink_wrote(struct sink *, size_t, struct err *);

/**
 * sink_write(s, p, n, err):
 * Copy ${n} bytes into what the sink lends: for what lies in memory anyway.
 */
int sink_write(struct sink *, const void *, size_t, struct err *);
int sink_add(struct sink *, const struct entry *, struct err *);
int sink_evidence(struct sink *, const char *, const char *, struct err *);
void sink_warn(struct sink *, const char *, const char *, ...)
    __attribute__((format(printf, 3, 4)));
int sink_check(struct sink *, struct err *);
int sink_recall(struct sink *, struct sink_kept *, struct err *);
int sink_keep(
    struct sink *, const char *, const uint8_t *, size_t, struct err *);
int sink_remember(struct sink *, const uint8_t *, size_t, struct err *);

struct source_ops {
	const char *name; /* As written in the configuration: "tree". */

	/* Read everything into ${sink}. */
	int (*read)(struct source *, struct sink *, struct err *);

	/* Check that it can be read, without reading it: for doctor. */
	int (*probe)(struct source *, struct err *);

	void (*free)(struct source *);
};

/* First member of every driver's own structure. */
struct source {
	const struct source_ops *ops;
	char label[256]; /* For messages: "tree:/srv/node1". */
};

struct source_driver {
	const char *type; /* "tree", as in `type: tree` and `tree:/path`. */
	/* What the part behind "type:" on the line is called: "path". */
	const char *word;
	int (*open)(const struct params *, struct source **, struct err *);
};

/**
 * source_open(drivers, params, ret, err):
 * Open the source that params "type" and its words describe.
 */
int source_open(const struct source_driver *const *, const struct params *,
    struct source **, struct err *);

int source_read(struct source *, struct sink *, struct err *);
int source_probe(struct source *, struct err *);
void source_free(struct source *);
CLEANUP_DEFINE(source);

#endif /* !SOURCE_SOURCE_H_ */
