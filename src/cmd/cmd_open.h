#ifndef CMD_CMD_OPEN_H_
#define CMD_CMD_OPEN_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "store/store.h"

/* Opaque types. */
struct ctx;
struct err;
struct key;
struct params;
struct repo;
struct repo_opts;
struct source;

/*
 * From options to opened things.  A place or a thing may be said on the line
 * in full (s3://..., tree:/srv) or by its name in the configuration; either
 * way it ends as the same params, with the line's options on top.
 */

/* A repository as the operator described it. */
struct cmd_repo {
	char *name;            /* In the configuration, or the place itself. */
	struct params *params; /* As store_open takes them. */
	char *state_dir;       /* Of this host. */
};

/* A source as the operator described it. */
struct cmd_source {
	char *name;            /* What it is called in the repository. */
	struct params *params; /* As source_open takes them. */
};

/**
 * cmd_repo_find(ctx, name, ret, err):
 * Find the repository: ${name} (a name of the configuration or a place) if
 * it is not NULL, else --repo or HOLDFAST_REPO, else the only one of the
 * configuration.  HF_EUSAGE says what to give.
 */
int cmd_repo_find(struct ctx *, const char *, struct cmd_repo **, struct err *);
void cmd_repo_free(struct cmd_repo *);
CLEANUP_DEFINE(cmd_repo);

/**
 * cmd_store_open(ctx, repo, power, ret, err):
 * Open the repository's store.
 */
int cmd_store_open(struct ctx *, const struct cmd_repo *, enum store_power,
    struct store **, struct err *);

/*
 * Keys: those of --key if there are any, else those that the repository
 * names, else the key of config_key_path if there is one, else none.
 * cmd_keys_open is a repo_open_keys_fn and a repo_stream_keys_fn, its first
 * argument a struct cmd_keys.
 */
struct cmd_keys {
	struct ctx *ctx;
	const struct cmd_repo *repo; /* NULL: only --key. */
	/* What is to be done may need none: one that cannot be opened is a
	 * detail, not a failure. */
	bool keyless;
};
int cmd_keys_open(
    void *, const uint8_t[16], struct key ***, size_t *, struct err *);

/**
 * cmd_key_params(ctx, text, ret, err):
 * What a key is, said as on the line: a name of the configuration, or
 * "file:/path", "passphrase:env:VAR", "recipient:hfr1...".
 */
int cmd_key_params(struct ctx *, const char *, struct params **, struct err *);

/**
 * cmd_key_open(ctx, text, salt, ret, err):
 * Open one key that is said so.
 */
int cmd_key_open(
    struct ctx *, const char *, const uint8_t[16], struct key **, struct err *);

/**
 * cmd_repo_opts(ctx, repo, store, opts, err):
 * Fill in what repo_open and repo_init need beside the keys: the strings are
 * ${ctx}'s and ${repo}'s and live as long as those.
 */
int cmd_repo_opts(struct ctx *, const struct cmd_repo *, struct store *,
    struct repo_opts *, struct err *);

/**
 * cmd_repo_open(ctx, repo, store, keyless, ret, err):
 * Open the repository in ${store}, with its keys; ${keyless} as in struct
 * cmd_keys.  The repository must be freed before the store.
 */
int cmd_repo_open(struct ctx *, const struct cmd_repo *, struct store *, bool,
    struct repo **, struct err *);

/*
 * The sources to read.
 */
struct cmd_sources {
	struct cmd_source *v;
	size_t n;
};

/**
 * A source that is said on the line in full is called what --source-name
 * says, else its type and 8 hex digits that tell it from others: its place
 * is nothing that whoever may list the store should read.
 *
 * cmd_sources_find(ctx, n, names, ret, err):
 * The sources of --from and those ${n} ${names} of the configuration, or, if
 * there are neither, all of the configuration.  HF_EUSAGE if that is none.
 */
int cmd_sources_find(
    struct ctx *, size_t, char *[], struct cmd_sources *, struct err *);
void cmd_sources_clear(struct cmd_sources *);

static inline void
freep_cmd_sources(struct cmd_sources *s)
{
	cmd_sources_clear(s);
}

/**
 * cmd_source_repo(ctx, s):
 * Return the name of the repository that the configuration gives to ${s}, or
 * NULL: what to hand to cmd_repo_find.  --repo goes before it.
 */
const char *cmd_source_repo(struct ctx *, const struct cmd_source *);

/**
 * cmd_source_open(ctx, s, ret, err):
 * Open the source.
 */
int cmd_source_open(
    struct ctx *, const struct cmd_source *, struct source **, struct err *);

#endif /* !CMD_CMD_OPEN_H_ */
