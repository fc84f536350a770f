#ifndef STORE_FS_STORE_FS_H_
#define STORE_FS_STORE_FS_H_

/* Opaque types. */
struct store;
struct store_driver;

/*
 * Objects are files (0600) in folders (0700) below a folder: "file:/path".
 * Where a name's folders are missing they are made; del removes those that
 * it leaves empty.  Links inside the folder are refused, whoever made them.
 */

extern const struct store_driver store_fs_driver;

/**
 * store_fs_name_temporaries(s):
 * Write to temporary names even where the file system knows files without
 * one: what the driver does by itself on NFS and the like.
 */
void store_fs_name_temporaries(struct store *);

#endif /* !STORE_FS_STORE_FS_H_ */
