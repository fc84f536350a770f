#ifndef REPO_REPO_OPEN_H_
#define REPO_REPO_OPEN_H_

/* Opaque types. */
struct err;
struct repo;
struct repo_head;
struct repo_opts;

/* What opening and making a repository share. */

/**
 * repo_new(opts, head, ret, err):
 * Make the repository in memory, with its local state and no keys; ${head}
 * is moved into it.
 */
int repo_new(
    const struct repo_opts *, struct repo_head *, struct repo **, struct err *);

/**
 * repo_opts_check(opts, err):
 * HF_EUSAGE if the vault's name or the fingerprint cannot be one.
 */
int repo_opts_check(const struct repo_opts *, struct err *);
const char *repo_opts_vault(const struct repo_opts *);

/**
 * repo_opts_pin(opts, ret, err):
 * Give the path of the pin for the place and vault of ${opts}.
 */
int repo_opts_pin(const struct repo_opts *, char **, struct err *);

#endif /* !REPO_REPO_OPEN_H_ */
