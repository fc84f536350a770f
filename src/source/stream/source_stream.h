#ifndef SOURCE_STREAM_SOURCE_STREAM_H_
#define SOURCE_STREAM_SOURCE_STREAM_H_

/* Opaque types. */
struct source_driver;

/*
 * Bytes that come one after the other: one ENTRY_FILE of mode 0600 that is
 * as old as the backup.
 *
 * Its words:
 *	command  "-": standard input, which must not be a terminal;
 *	         "exec:COMMAND": what COMMAND writes.
 *	name     of the entry; "stream" unless told.
 *
 * COMMAND is run by /bin/sh -c, in a process group of its own, with nothing
 * to read; what it writes to standard error is passed through.  The backup
 * counts only if it exits with status 0: HF_ESOURCE otherwise.  Of a
 * pipeline the shell tells the last status alone, so a command whose first
 * part may fail has to see to that itself.  When the backup ends early the
 * whole group is told to end (SIGTERM), and two seconds later made to.
 */
extern const struct source_driver source_stream_driver;

#endif /* !SOURCE_STREAM_SOURCE_STREAM_H_ */
