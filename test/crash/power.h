#ifndef TEST_CRASH_POWER_H_
#define TEST_CRASH_POWER_H_

#include <stdint.h>

/*
 * The power goes: what is left?  A program runs with power_record.so loaded
 * before libc, which notes in a log all that it asks of the file system: new
 * files, names, bytes, modes, syncs.  `power` (power.c) replays that log up to
 * any record, and builds the folder as POSIX allows it to be found after a
 * power cut there: what was synced is there, of all else anything may be.
 *
 * A log is a row of records, each followed by its ${n} bytes.  Files and
 * folders are told apart by their inode numbers.  A number means another
 * file from the next POWER_FILE, _DIR or _LINK on that has it.
 */
enum power_op {
	POWER_ROOT = 1, /* ${ino} is the folder that is looked at. */
	POWER_FILE,     /* A new file ${ino}, without a name, */
	POWER_DIR,      /* a new folder, */
	POWER_LINK,     /* a new symbolic link; bytes: where to. */
	POWER_META,     /* Bytes: what ${ino} is like (power_meta.h). */
	POWER_NAME,     /* ${ino} gets a name in ${dir}; bytes: it. */
	POWER_UNNAME,   /* A name is taken from ${dir}; bytes: it. */
	POWER_RENAME,   /* From ${dir} to ${dir2}; bytes: both, with NULs. */
	POWER_EXCHANGE, /* Likewise, and what was there goes the other way. */
	POWER_WRITE,    /* Bytes are written at ${at} of ${ino}. */
	POWER_SIZE,     /* ${ino} is ${at} bytes long from now on. */
	POWER_SYNC,     /* ${ino}, a file or a folder, is synced, */
	POWER_SYNC_ALL, /* all of them. */
	POWER_BEGIN,    /* Here the program starts: until then all is old. */
	POWER_SAID,     /* It has printed this line. */
	POWER_EXIT,     /* It has ended with the status ${at}. */
};

struct power_record {
	uint32_t op;
	uint32_t n;
	uint64_t ino, dir, dir2;
	int64_t at;
};

#endif /* !TEST_CRASH_POWER_H_ */
