#ifndef BASE_FILE_H_
#define BASE_FILE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

/* Opaque types. */
struct buf;
struct err;

/*
 * Files, whole and durable.  "Durable" means: once the call has returned 0,
 * bytes and name survive a power cut; whatever happens before, the name
 * stands for all of the old bytes or all of the new ones, never for a part.
 */

/* For CLEANUP(freep_fd): close ${*fd} unless it is negative. */
static inline void
freep_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

/* Hand ownership of the open file fd to somebody else; fd becomes -1. */
#define TAKE_FD(fd)                                                            \
	({                                                                     \
		int take_fd_ = (fd);                                           \
		(fd) = -1;                                                     \
		take_fd_;                                                      \
	})

/**
 * file_read(path, max, out, err):
 * Append the whole file ${path} to ${out}, which stays as it was on failure.
 * HF_ECORRUPT if there are more than ${max} bytes.  A pipe will do.
 */
int file_read(const char *, size_t, struct buf *, struct err *);

/**
 * file_write_new(path, mode, p, n, err):
 * Make the file ${path}, of exactly ${mode}, durably.  HF_EEXISTS, changing
 * nothing, if something has that name.
 */
int file_write_new(const char *, mode_t, const void *, size_t, struct err *);

/**
 * file_replace(path, mode, p, n, err):
 * Make or replace the file ${path}, durably and in one step.
 */
int file_replace(const char *, mode_t, const void *, size_t, struct err *);

/**
 * file_mkdirs(path, mode, err):
 * Make the folder ${path} and what is missing above it, durably; each new
 * one gets ${mode}.  It is no error that it exists.
 */
int file_mkdirs(const char *, mode_t, struct err *);

/**
 * file_write_full(fd, p, n, err):
 * Write all ${n} bytes.
 */
int file_write_full(int, const void *, size_t, struct err *);

/**
 * file_write_at(fd, p, n, off, err):
 * Write all ${n} bytes at ${off} of a file.  A large piece that begins at a
 * multiple of FILE_PAGE, in memory and in the file, goes past the page cache
 * where the file system allows that: a copy there would cost more processor
 * time than all else, and push out what others have there.
 */
int file_write_at(int, const void *, size_t, uint64_t, struct err *);
#define FILE_PAGE 4096

/**
 * file_in_memory(fd):
 * Does the file system of the file have no disk?
 */
bool file_in_memory(int);

/**
 * file_direct(fd, on):
 * Between a call with ${on} and one without it, several threads may give such
 * pieces to file_write_at at once, for neither takes the other's way past the
 * page cache away; who reads or writes the file otherwise must wait.  Return
 * false, and change nothing, where there is no such way.
 */
bool file_direct(int, bool);

/**
 * file_read_full(fd, p, n, got, err):
 * Read until ${n} bytes are there or the file ends: ${*got} says how many.
 */
int file_read_full(int, void *, size_t, size_t *, struct err *);

/**
 * file_read_at(fd, p, n, off, got, err):
 * Likewise from ${off}; the file's position stays.
 */
int file_read_at(int, void *, size_t, uint64_t, size_t *, struct err *);

/**
 * file_write_behind(fd, from, to):
 * Of a file that is written in order, have the kernel begin to write what lies
 * between ${*from} and ${to} to the disk, instead of all of it when it is
 * synced; small pieces wait for more.  ${*from} is how far that has come, 0 for
 * a new file.  This is only a hint: the file is durable after fsync.
 */
void file_write_behind(int, uint64_t *, uint64_t);

/**
 * file_reserve(fd, from, to):
 * Of a file that is written in order, have the kernel find room for what will
 * lie before ${to}, and some more; ${*from} is how far that has come, 0 for a
 * new file.  The file is longer then, until it is cut.  Pieces within it need
 * not wait for each other; where there is no room, the write will say so.
 */
void file_reserve(int, uint64_t *, uint64_t);

/**
 * file_publish(fd, from, to, err):
 * Give the file ${from} its final name ${to}, both relative to the folder
 * ${fd}, unless that name is taken: HF_EEXISTS, and ${from} stays.  The folder
 * must still be synced.
 */
int file_publish(int, const char *, const char *, struct err *);

/**
 * file_sync_output(fd, err):
 * If ${fd}, which somebody else has opened for us, is a file, make its bytes
 * durable.  Its name is their business; a pipe or a terminal is left alone.
 */
int file_sync_output(int, struct err *);

/**
 * file_sync_dir(fd, err):
 * Make the names in the folder ${fd} durable.
 */
int file_sync_dir(int, struct err *);

#endif /* !BASE_FILE_H_ */
