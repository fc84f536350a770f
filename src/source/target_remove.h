#ifndef SOURCE_TARGET_REMOVE_H_
#define SOURCE_TARGET_REMOVE_H_

/**
 * target_remove(dir, name):
 * Remove ${name} in the folder ${dir} and all below it.  Return 0, also if
 * there is none, or a negative errno; some of it may be gone then.
 *
 * However deep it is, this takes two descriptors and no recursion.  Links
 * are removed, not followed, and what is mounted in it is left alone: EBUSY.
 */
int target_remove(int, const char *);

#endif /* !SOURCE_TARGET_REMOVE_H_ */
