#ifndef STORE_FS_STORE_FS_TEMPORARY_H_
#define STORE_FS_STORE_FS_TEMPORARY_H_

#include <stdbool.h>

/* Opaque types. */
struct err;
struct store_fs;

/*
 * The file that an object is before it has its name: none at all where the
 * file system can do that, else a temporary one, which no object can have
 * ('~'); store_fs_list.c removes those that are left.
 */
#define STORE_FS_TEMPORARY ".holdfast-"
#define STORE_FS_TEMPORARY_DIGITS 16

struct store_fs_temporary {
	int fd;
	int dir;
	/* Or "". */
	char name[sizeof(STORE_FS_TEMPORARY) + STORE_FS_TEMPORARY_DIGITS + 1];
};
#define STORE_FS_TEMPORARY_INIT                                                \
	{                                                                      \
		-1, -1, ""                                                     \
	}
void store_fs_temporary_close(struct store_fs_temporary *);

/**
 * store_fs_temporary_open(fs, dir, t):
 * Make an empty file in the folder ${dir}; return 0 or -1 and errno.
 */
int store_fs_temporary_open(
    struct store_fs *, int, struct store_fs_temporary *);

/**
 * store_fs_temporary_open_named(dir, t):
 * Likewise, and with a name in any case.
 */
int store_fs_temporary_open_named(int, struct store_fs_temporary *);

/**
 * store_fs_temporary_publish(fs, t, base, err):
 * Give the file the name ${base} in its folder; HF_EEXISTS if that is taken.
 */
int store_fs_temporary_publish(
    struct store_fs *, struct store_fs_temporary *, const char *, struct err *);

#endif /* !STORE_FS_STORE_FS_TEMPORARY_H_ */
