#ifndef BASE_HUGE_H_
#define BASE_HUGE_H_

#include <stddef.h>

/**
 * huge_alloc(n):
 * Return ${n} bytes at the start of a page, to be freed with free, or NULL.  A
 * buffer of some mebibytes gets huge pages if the kernel has them: touching it
 * then costs a few page faults instead of thousands.
 */
void *huge_alloc(size_t);

#endif /* !BASE_HUGE_H_ */
