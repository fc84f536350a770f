#ifndef TEST_CRASH_STORE_H_
#define TEST_CRASH_STORE_H_

/*
 * The file store as holdfast-fault has it: HOLDFAST_FAULT says what goes
 * wrong and where, "KIND:N[:WORD]".  N counts the writes (put and delete; for
 * "flip" and "cut" the gets) of the whole process from 1, whatever stores it
 * opens.  KIND is
 *
 *	kill		end the process before the Nth, with status 137
 *	kill-after	... right after it
 *	fail		the Nth does nothing and fails
 *	full		the Nth and all after it fail
 *	lost		the Nth is done and fails all the same
 *	drop		the Nth is only said to be done
 *	flip, cut	the Nth get gives a changed bit, or half
 *
 * and WORD the class of the error (base/err.c): "unavailable" unless told.
 */
struct store_driver;
extern const struct store_driver crash_store_driver;

#endif /* !TEST_CRASH_STORE_H_ */
