#ifndef TEST_TEST_REPO_H_
#define TEST_TEST_REPO_H_

#include "repo/repo.h"
#include "store/store.h"

/*
 * Repositories for tests.  A host is a name: its state folder lies in
 * test_dir().  Its keys are a word of one letter each:
 *
 *	1 to 9	a file key, each its own
 *	r	a recipient, the public half alone
 *	i	the identity that opens what r sealed
 */

int test_repo_init(
    struct store *, const char *host, const char *keys, struct err *);
int test_repo_open(struct store *, const char *host, const char *keys,
    struct repo **, struct err *);

/* As struct repo_opts has it; 0 unless a test changes it. */
extern uint64_t test_repo_cache;

/**
 * test_secret(fill):
 * Return a secret of 32 bytes, each of which is ${fill}.
 */
struct secret *test_secret(uint8_t);

/**
 * test_key_open(letter, ret, err):
 * Open one key, for repo_rewrap.
 */
int test_key_open(char, struct key **, struct err *);

/**
 * test_key_fingerprint(letter):
 * What it is called in the names of wrappings, until the next call.
 */
const uint8_t *test_key_fingerprint(char);

/**
 * test_commit(r, source, id, err):
 * Commit a backup without a pack; its label, sealed, is "the marker".
 */
int test_commit(
    struct repo *, const char *, char id[REPO_BACKUP_ID_LEN + 1], struct err *);

/**
 * test_tombstone(r, b, err):
 * Remove the backup ${b}, as prune does.
 */
int test_tombstone(struct repo *, const struct repo_backup *, struct err *);

/**
 * test_pack(r, b, i):
 * The row of pack ${i} in the manifest of ${b}.
 */
struct repo_pack_row test_pack(
    struct repo *, const struct repo_backup *, size_t);

/**
 * test_object_put(s, name, p, n):
 * Replace whatever is stored as ${name}; ${p} NULL: only remove it.
 */
void test_object_put(struct store *, const char *, const void *, size_t);

/**
 * test_object_flip(s, name, at):
 * Flip a bit of byte ${at} of what is stored as ${name}.
 */
void test_object_flip(struct store *, const char *, size_t);

/**
 * test_count(s, prefix):
 * Return how many objects have names that begin so.
 */
size_t test_count(struct store *, const char *);

/**
 * test_first(s, prefix):
 * Return the first such name, until the next call.
 */
const char *test_first(struct store *, const char *);

#endif /* !TEST_TEST_REPO_H_ */
