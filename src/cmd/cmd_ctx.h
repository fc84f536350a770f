#ifndef CMD_CMD_CTX_H_
#define CMD_CMD_CTX_H_

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "cmd/cmd.h"

/* Opaque types. */
struct config;
struct params;

/*
 * One invocation: what was asked for, and the ways to answer.
 *
 * An option's value is the one of the line, else of its environment
 * variable, else of the top of the configuration file, else its default.
 * Values are checked before run is called, so that reading them never fails.
 * Asking for a name that is in no row, or that the command does not take, is
 * a bug and aborts.
 */

/**
 * ctx_option(ctx, name):
 * Return the value of the option, the first one of a list, or NULL.
 */
const char *ctx_option(const struct ctx *, const char *);

/**
 * ctx_option_at(ctx, name, i):
 * Return value ${i} of a list, or NULL behind the last.
 */
const char *ctx_option_at(const struct ctx *, const char *, size_t);

/**
 * ctx_own(ctx, name):
 * Return the value of an option that is the command's own, or NULL.
 */
const char *ctx_own(const struct ctx *, const char *);

/**
 * ctx_flag(ctx, name):
 * Return true if the flag is set.
 */
bool ctx_flag(const struct ctx *, const char *);

/**
 * ctx_number(ctx, name, absent):
 * Return the value of an integer, a size in bytes or a duration in ms;
 * ${absent} if there is none or it is a word ("small").
 */
int64_t ctx_number(const struct ctx *, const char *, int64_t);

/**
 * ctx_config(ctx):
 * Return the configuration; an empty one if there is no file.
 */
const struct config *ctx_config(const struct ctx *);

const struct drivers *ctx_drivers(const struct ctx *);

/*
 * Answering.  Results go to standard output, remarks to standard error.
 * With --json every document is one line; people's words are left out.  A
 * command therefore says everything twice: ctx_print and ctx_json.  That
 * standard output could not be written is found out at the end.
 */

/**
 * ctx_json_wanted(ctx):
 * Return true if the answer is to be JSON.
 */
bool ctx_json_wanted(const struct ctx *);

/**
 * ctx_print(ctx, fmt, ...):
 * Print a line of the result; nothing with --json.
 */
void ctx_print(struct ctx *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * ctx_json(ctx, doc, err):
 * Print the document ${doc}, whose reference is taken even on failure, as
 * one line; nothing without --json.  NULL, as json_pack gives it when memory
 * ran out, is HF_ENOMEM.
 */
int ctx_json(struct ctx *, json_t *, struct err *);

/*
 * Of a command with CMD_RAW: its data, on standard output.  These fail as
 * soon as it cannot be written.
 */

/**
 * ctx_data(ctx, p, n, err):
 * Write ${n} bytes as they are.
 */
int ctx_data(struct ctx *, const void *, size_t, struct err *);

/**
 * ctx_data_json(ctx, doc, err):
 * Write the document ${doc} as one line, with or without --json; its
 * reference is taken, and NULL is HF_ENOMEM, as by ctx_json.
 */
int ctx_data_json(struct ctx *, json_t *, struct err *);

/**
 * ctx_data_terminal(ctx):
 * Return true if they would go to a terminal.
 */
bool ctx_data_terminal(const struct ctx *);

/**
 * ctx_note(ctx, fmt, ...):
 * Remark something to people; nothing with --quiet or --json.
 */
void ctx_note(struct ctx *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * ctx_detail(ctx, fmt, ...):
 * Likewise, only with --verbose.
 */
void ctx_detail(struct ctx *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * ctx_warn(ctx, fmt, ...):
 * Warn: "holdfast: warning: ..." on standard error, or with --json the
 * document {"warning": ...} there.
 */
void ctx_warn(struct ctx *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * ctx_progress(ctx, what, done, total):
 * Show how far a job is: ${done} of ${total} bytes (0: not known) of
 * ${what}.  May be called as often as one likes, from any thread; on a
 * terminal it draws at most ten times a second, elsewhere it writes a line
 * every ten seconds, and only with --verbose.
 */
void ctx_progress(struct ctx *, const char *, uint64_t, uint64_t);

/**
 * ctx_cancel(ctx):
 * Return the flag that is set once the operator asks to stop.
 */
const volatile sig_atomic_t *ctx_cancel(const struct ctx *);

/**
 * ctx_linger(ctx):
 * Once the operator asks to stop, this command has something to finish, for
 * which it needs the network, a quarter of a minute at most.
 */
void ctx_linger(const struct ctx *);

/**
 * ctx_check(ctx, err):
 * HF_EINTR once the operator has asked to stop.
 */
int ctx_check(const struct ctx *, struct err *);

/*
 * For the framework.
 */

/**
 * ctx_new(env, ret, err):
 * Begin an invocation; ${env} must outlive it.
 */
int ctx_new(const struct cmd_env *, struct ctx **, struct err *);
void ctx_free(struct ctx *);
CLEANUP_DEFINE(ctx);

/**
 * ctx_line(ctx):
 * Return what the line said: params under the unique names of rows.
 */
struct params *ctx_line(struct ctx *);

/**
 * ctx_given(ctx, o, i):
 * Return value ${i} of ${o} from the line or the environment, or NULL.
 */
const char *ctx_given(const struct ctx *, const struct config_option *, size_t);

/**
 * ctx_start(ctx, cmd, err):
 * Check the environment and load the configuration for ${cmd}.
 */
int ctx_start(struct ctx *, const struct cmd *, struct err *);
const struct cmd *ctx_cmd(const struct ctx *);

/**
 * ctx_finish(ctx, err):
 * Flush standard output; HF_EIO if anything could not be written.
 */
int ctx_finish(struct ctx *, struct err *);

/**
 * ctx_fail(ctx, err):
 * Print ${err} and return its exit status.
 */
int ctx_fail(struct ctx *, const struct err *);

/* The stream on which results go. */
FILE *ctx_out(struct ctx *);

#endif /* !CMD_CMD_CTX_H_ */
