#ifndef KEY_FILE_KEY_FILE_H_
#define KEY_FILE_KEY_FILE_H_

/* Opaque types. */
struct err;
struct key;
struct key_driver;
struct secret;

/*
 * A master key of 32 bytes in a file: "file:/path".  The file holds the
 * bytes as they are, or 64 hex digits of either case with or without a
 * newline; nobody but its owner and group may be able to read it.
 */

extern const struct key_driver key_file_driver;

/**
 * key_file_new(master, label, ret, err):
 * Make the key of the 32 bytes ${master}, wherever they come from.
 */
int key_file_new(
    const struct secret *, const char *, struct key **, struct err *);

/**
 * key_file_generate(text, err):
 * Make a new master key and give the text of its file: 64 hex digits and a
 * newline.
 */
int key_file_generate(struct secret **, struct err *);

#endif /* !KEY_FILE_KEY_FILE_H_ */
