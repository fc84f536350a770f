#ifndef BASE_REMOVE_TREE_H_
#define BASE_REMOVE_TREE_H_

/**
 * remove_tree(dir, name):
 * Remove ${name} in the folder ${dir} and all below it.  Return 0, also if
 * there is none, or a negative errno; some of it may be gone then.
 *
 * However deep it is, this takes two descriptors and no recursion.  Links
 * are removed, not followed, and what is mounted in it is left alone: EBUSY.
 */
int remove_tree(int, const char *);

#endif /* !BASE_REMOVE_TREE_H_ */
