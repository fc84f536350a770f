#ifndef ETCD_ETCD_WAL_H_
#define ETCD_ETCD_WAL_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct buf;
struct err;
struct etcd_membership;

/*
 * etcd's write-ahead log (etcd: server/storage/wal): a run of records,
 *
 *	u64 length, little endian; if the record is padded, to a multiple of
 *	8 bytes, the top byte is 0x80 | padding
 *	Record{type = 1, crc = 2, data = 3}
 *	zeroes as padding
 *
 * in a file that is preallocated with zeroes.  The crc is CRC-32C over the
 * data of all records up to this one.  A length of 0 is the end.
 */
enum etcd_wal_type {
	ETCD_WAL_METADATA = 1, /* Metadata{node = 1, cluster = 2} */
	ETCD_WAL_ENTRY = 2,    /* Entry{type = 1, term, index, data} */
	ETCD_WAL_STATE = 3,    /* HardState{term = 1, vote, commit} */
	ETCD_WAL_CRC = 4,      /* The sum so far, at the head of a file. */
	ETCD_WAL_SNAPSHOT = 5, /* Snapshot{index = 1, term, conf_state} */
};

/* The first file of a log, and its length. */
#define ETCD_WAL_NAME "0000000000000000-0000000000000000.wal"
#define ETCD_WAL_SIZE 64000000

/* Writing: the sum so far and where records go. */
struct etcd_wal_out {
	struct buf *b;
	uint32_t crc;
};

/**
 * etcd_wal_add(o, type, p, n, err):
 * Append a record with ${n} bytes of data; without data, if ${p} is NULL.
 */
int etcd_wal_add(struct etcd_wal_out *, enum etcd_wal_type, const void *,
    size_t, struct err *);

/**
 * etcd_wal_encode(s, b, err):
 * Append the records of the log of a member that was just restored, byte for
 * byte as etcdutl 3.5 and 3.6 do: every member is an entry that has been
 * applied, and there is a snapshot of that.
 */
int etcd_wal_encode(const struct etcd_membership *, struct buf *, struct err *);

/**
 * etcd_wal_write(fd, s, err):
 * Write that log to the new file ${fd}, with room for what etcd will append.
 * The room is allocated, so that etcd does not run out of it; if the file
 * system cannot do that, it is a hole.  The log is read back and checked as
 * etcd does when it starts.  It is not synced.
 */
int etcd_wal_write(int, const struct etcd_membership *, struct err *);

/* Reading one file of a log, which is in memory and may be anything. */
struct etcd_wal_in {
	const uint8_t *p;
	size_t size;
	size_t at; /* Behind the last good record. */
	uint32_t crc;
	bool torn; /* The last write to it was cut short. */

	/* The record that etcd_wal_next found. */
	enum etcd_wal_type type;
	const uint8_t *data;
	size_t len;
};

void etcd_wal_init(struct etcd_wal_in *, const void *, size_t);

/**
 * etcd_wal_next(w, err):
 * Step to the next record.  Return 1 if there is one, 0 at the end, or
 * -HF_ECORRUPT.  As in etcd, a record that reaches beyond the file, or that
 * is damaged and has a sector of zeroes, is a write that a crash cut short:
 * the end, with ${w->torn} set.
 */
int etcd_wal_next(struct etcd_wal_in *, struct err *);

/* What a log says. */
struct etcd_wal_facts {
	uint64_t node_id, cluster_id;
	uint64_t term, vote, commit;
	uint64_t last_index; /* Of the last entry. */
	/* The newest snapshot that the commit covers. */
	uint64_t snap_index, snap_term;
	const uint8_t *conf_state; /* Its message, in the log; or NULL. */
	size_t conf_state_len;
	uint64_t end; /* How many bytes the records take. */
	bool torn;
};

/**
 * etcd_wal_check(p, n, ret, err):
 * Read a log that consists of one file, as etcd does when it starts.
 * HF_ECORRUPT, saying where, if a sum is wrong, a record is malformed or of
 * an unknown type, entries leave a gap, or metadata is missing or changes.
 */
int etcd_wal_check(const void *, size_t, struct etcd_wal_facts *, struct err *);

#endif /* !ETCD_ETCD_WAL_H_ */
