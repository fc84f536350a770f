#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/time.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_ctx_state.h"

/*
 * The only file that writes to the operator's streams.
 */

#define DRAW_MS 100
#define PLAIN_MS 10000

bool
ctx_json_wanted(const struct ctx *ctx)
{
	return ctx_flag(ctx, "json");
}

/*
 * If data goes to standard output, nothing else may: answers then go to the
 * other.
 */
FILE *
ctx_out(struct ctx *ctx)
{
	if (ctx->cmd != NULL && (ctx->cmd->flags & CMD_RAW))
		return ctx->env->err;
	return ctx->env->out;
}

/* Take the progress line away, so that text does not run into it. */
static void
begin(struct ctx *ctx)
{
	(void)pthread_mutex_lock(&ctx->lock);
	if (ctx->drawn)
		fputs("\r\033[K", ctx->env->err);
	ctx->drawn = false;
}

/* The first failure tells why; a later one does not. */
static void
end(struct ctx *ctx)
{
	if (ctx->lost == 0 && ferror(ctx->env->out))
		ctx->lost = errno;
	(void)pthread_mutex_unlock(&ctx->lock);
}

/* If both streams go to one place, what was said first must come first. */
static void
flush_answers(struct ctx *ctx)
{
	begin(ctx);
	(void)fflush(ctx->env->out);
	end(ctx);
}

static void
say(struct ctx *ctx, FILE *f, const char *prefix, const char *fmt, va_list ap)
{
	begin(ctx);
	fputs(prefix, f);
	(void)vfprintf(f, fmt, ap);
	fputc('\n', f);
	end(ctx);
}

static void
say_json(struct ctx *ctx, FILE *f, const json_t *doc)
{
	begin(ctx);
	if (json_line(f, doc) < 0)
		fputs("{\"error\":\"memory\"}\n", f);
	end(ctx);
}

void
ctx_print(struct ctx *ctx, const char *fmt, ...)
{
	va_list ap;

	if (ctx_json_wanted(ctx))
		return;
	va_start(ap, fmt);
	say(ctx, ctx_out(ctx), "", fmt, ap);
	va_end(ap);
}

int
ctx_json(struct ctx *ctx, json_t *doc, struct err *err)
{
	json_auto_t *owned = doc;

	if (owned == NULL)
		return err_nomem(err);
	if (ctx_json_wanted(ctx))
		say_json(ctx, ctx_out(ctx), owned);
	return 0;
}

int
ctx_data(struct ctx *ctx, const void *p, size_t n, struct err *err)
{
	size_t done;

	begin(ctx);
	errno = 0;
	done = n > 0 ? fwrite(p, 1, n, ctx->env->out) : 0;
	end(ctx);
	return done == n ? 0
			 : err_errno(err, errno, "write to standard output");
}

int
ctx_data_json(struct ctx *ctx, json_t *doc, struct err *err)
{
	json_auto_t *owned = doc;
	int rc;

	if (owned == NULL)
		return err_nomem(err);
	begin(ctx);
	errno = 0;
	rc = json_line(ctx->env->out, owned);
	end(ctx);
	return rc == 0 ? 0 : err_errno(err, errno, "write to standard output");
}

bool
ctx_data_terminal(const struct ctx *ctx)
{
	return isatty(fileno(ctx->env->out)) == 1;
}

void
ctx_note(struct ctx *ctx, const char *fmt, ...)
{
	va_list ap;

	if (ctx_json_wanted(ctx) || ctx_flag(ctx, "quiet"))
		return;
	va_start(ap, fmt);
	flush_answers(ctx);
	say(ctx, ctx->env->err, "", fmt, ap);
	va_end(ap);
}

void
ctx_detail(struct ctx *ctx, const char *fmt, ...)
{
	va_list ap;

	if (ctx_json_wanted(ctx) || !ctx_flag(ctx, "verbose"))
		return;
	va_start(ap, fmt);
	flush_answers(ctx);
	say(ctx, ctx->env->err, "", fmt, ap);
	va_end(ap);
}

void
ctx_warn(struct ctx *ctx, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	if (ctx_json_wanted(ctx)) {
		json_auto_t *doc = NULL;

		(void)vsnprintf(text, sizeof(text), fmt, ap);
		doc = json_pack("{s:o}", "warning", json_text(text));
		say_json(ctx, ctx->env->err, doc);
	} else
		say(ctx, ctx->env->err, "holdfast: warning: ", fmt, ap);
	va_end(ap);
}

/* Once every ten seconds for a log, as words or as a document. */
static void
progress_plain(struct ctx *ctx, const char *what, uint64_t done, uint64_t total,
    const char *text)
{
	json_auto_t *doc = NULL;

	if (!ctx_json_wanted(ctx)) {
		(void)fprintf(ctx->env->err, "%s\n", text);
		return;
	}
	doc = json_pack("{s:o, s:I, s:I, s:I}", "progress", json_text(what),
	    "done", (json_int_t)done, "total", (json_int_t)total, "rate",
	    (json_int_t)ctx->progress.rate);
	(void)json_line(ctx->env->err, doc);
}

void
ctx_progress(struct ctx *ctx, const char *what, uint64_t done, uint64_t total)
{
	bool json = ctx_json_wanted(ctx);
	bool draw = ctx->terminal && !json && !ctx_flag(ctx, "quiet");
	int64_t now = time_mono_ms();
	char text[PROGRESS_TEXT_MAX];

	if (!draw && !ctx_flag(ctx, "verbose"))
		return;
	(void)pthread_mutex_lock(&ctx->lock);
	if (progress_due(
		&ctx->progress, what, now, draw ? DRAW_MS : PLAIN_MS)) {
		progress_update(&ctx->progress, now, done);
		progress_text(&ctx->progress, now, done, total, text);
		if (draw)
			(void)fprintf(ctx->env->err, "\r\033[K%s", text);
		else
			progress_plain(ctx, what, done, total, text);
		(void)fflush(ctx->env->err);
		ctx->drawn = draw;
	}
	(void)pthread_mutex_unlock(&ctx->lock);
}

int
ctx_finish(struct ctx *ctx, struct err *err)
{
	flush_answers(ctx);
	/* A reader that has gone has seen enough of the answer. */
	if (ctx->lost == 0 ||
	    (ctx->lost == EPIPE &&
		!(ctx->cmd != NULL && (ctx->cmd->flags & CMD_RAW))))
		return 0;
	return err_errno(err, ctx->lost, "write to standard output");
}

int
ctx_fail(struct ctx *ctx, const struct err *e)
{
	const struct err_class *class = err_class_of(e->code);
	FILE *f = ctx->env->err;

	if (ctx_json_wanted(ctx)) {
		json_auto_t *doc = json_pack("{s:s, s:o, s:o, s:i}", "error",
		    class->word, "message", json_text(e->msg), "hint",
		    json_text(e->hint), "exit", class->exit_status);
		say_json(ctx, f, doc);
		return class->exit_status;
	}
	begin(ctx);
	(void)fprintf(f, "holdfast: %s\n", e->msg);
	if (e->hint[0] != '\0')
		(void)fprintf(f, "holdfast: hint: %s\n", e->hint);
	end(ctx);
	return class->exit_status;
}
