#ifndef TEST_CRASH_POWER_META_H_
#define TEST_CRASH_POWER_META_H_

#include <stddef.h>
#include <stdint.h>

/*
 * What a file, a folder or a link is like, but for its bytes and names: mode,
 * owner, time, and the extended attributes that are the user's.  On the disk
 * it is when the thing itself is synced; the name may be there long before.
 */

/* As much as the tests have. */
#define POWER_META_MAX 4096

/**
 * power_meta_get(fd, to):
 * Write what is open as ${fd}, perhaps with O_PATH, to the POWER_META_MAX bytes
 * at ${to}; return how many it took.  It ends the process if that cannot be.
 */
size_t power_meta_get(int, uint8_t *);

/**
 * power_meta_set(path, p, n):
 * Make ${path} so; a link is not followed.  It ends the process if that cannot
 * be.
 */
void power_meta_set(const char *, const uint8_t *, size_t);

#endif /* !TEST_CRASH_POWER_META_H_ */
