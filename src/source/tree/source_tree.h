#ifndef SOURCE_TREE_SOURCE_TREE_H_
#define SOURCE_TREE_SOURCE_TREE_H_

/* Opaque types. */
struct source_driver;

/*
 * A tree of files, from one folder down (doc/format.md, "Entry").
 *
 * Everything below the top is opened relative to its folder and without
 * following symbolic links, so that who can rename things in the tree cannot
 * lead the walk out of it.  Memory is bounded by the largest folder and the
 * number of hard links, not by the size of the tree.  A file is read up to
 * the size that it had when it was opened.  Access times stay as they are
 * where the kernel allows that (O_NOATIME).  A file that the last backup has,
 * unchanged (source_tree_base.h), is kept as it is there, and not read.
 *
 * Its words:
 *	path             the top folder; it may be a link to one.
 *	exclude          globs (base/glob.h): what to leave out.
 *	include          globs: if there are any, keep only what they match.
 *	one_file_system  true: do not enter another file system.
 *
 * A glob with a '/' is matched against the path below the top, one without
 * against the last component.  A '/' in front is dropped: it only anchors.
 * - What matches an exclude glob is left out; a folder that does is not
 *   entered.  No include glob brings anything back.
 * - With include globs, things other than folders are kept if they, or a
 *   folder above them, match one.  Folders are always kept and entered, so
 *   that what is kept has its place.
 * - With one_file_system a folder on another file system is kept as an empty
 *   folder: the mount point.
 */
extern const struct source_driver source_tree_driver;

#endif /* !SOURCE_TREE_SOURCE_TREE_H_ */
