#include <string.h>

#include "base/err.h"
#include "cmd/cmd_completion.h"
#include "cmd/cmd_ctx.h"
#include "config/config_option.h"

/* Print the script that lets a shell complete holdfast's line. */

static const struct {
	const char *name;
	void (*print)(FILE *);
} shells[] = {
	{ "bash", cmd_completion_bash },
	{ "zsh", cmd_completion_zsh },
	{ "fish", cmd_completion_fish },
};

static int
cmd_completion_run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	size_t i;

	(void)argc; /* The table has checked the count. */
	for (i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(shells[i].name, argv[0]) == 0) {
			shells[i].print(ctx_out(ctx));
			return 0;
		}
	}
	(void)err_set(
	    err, HF_EUSAGE, "no completion for the shell '%.32s'", argv[0]);
	return err_hint(err, "there is one for bash, zsh and fish");
}

static const struct cmd_example examples[] = {
	{ "holdfast completion bash > "
	  "~/.local/share/bash-completion/completions/holdfast",
	    "for bash" },
	{ "holdfast completion zsh > ~/.zfunc/_holdfast",
	    "for zsh, with ~/.zfunc in $fpath" },
	{ "holdfast completion fish > "
	  "~/.config/fish/completions/holdfast.fish",
	    "for fish" },
	{ 0 },
};

extern const struct cmd cmd_completion;
const struct cmd cmd_completion = {
	.name = "completion",
	.args = "bash|zsh|fish",
	.summary = "Print the completion script of a shell",
	.examples = examples,
	.flags = CMD_NO_CONFIG,
	.min_args = 1,
	.max_args = 1,
	.run = cmd_completion_run,
};

/* Write the first word of a command's name. */
static void
head_of(const struct cmd *cmd, char *to, size_t n)
{
	(void)snprintf(to, n, "%.*s", (int)strcspn(cmd->name, " "), cmd->name);
}

bool
cmd_completion_head(size_t index, char *to, size_t n)
{
	char last[64] = "";
	size_t i;

	/* Commands with the same first word stand side by side. */
	for (i = 0; cmd_table[i] != NULL; i++) {
		head_of(cmd_table[i], to, n);
		if (strcmp(to, last) != 0 && index-- == 0)
			return true;
		(void)snprintf(last, sizeof(last), "%s", to);
	}
	return false;
}

const char *
cmd_completion_tail(const struct cmd *cmd, const char *head)
{
	size_t n = strlen(head);

	if (strncmp(cmd->name, head, n) != 0 || cmd->name[n] != ' ')
		return NULL;
	return cmd->name + n + 1;
}

static void
type_values(FILE *f, enum option_place place)
{
	const struct config_type *t;
	size_t i;

	for (i = 0; (t = config_type_at(i)) != NULL; i++)
		if (t->place == place)
			fprintf(f, "%s: ", t->name);
}

void
cmd_completion_values(FILE *f, const struct config_option *o)
{
	char value[OPTION_FLAG_MAX];
	size_t i;

	if (strcmp(o->name, "repo") == 0)
		type_values(f, OPTION_IN_REPO);
	else if (strcmp(o->name, "key") == 0)
		type_values(f, OPTION_IN_KEY);
	else if (strcmp(o->name, "from") == 0)
		type_values(f, OPTION_IN_SOURCE);
	else if (o->type == OPTION_SECRET)
		fputs("file: env: fd: ", f);
	for (i = 0; config_option_value(o, i, value) != NULL; i++)
		fprintf(f, "%s ", value);
}

void
cmd_completion_quote(FILE *f, const char *s, const char *special)
{
	for (; *s != '\0'; s++) {
		if (*s == '\'') {
			fputs("'\\''", f);
			continue;
		}
		if (strchr(special, *s) != NULL)
			fputc('\\', f);
		fputc(*s, f);
	}
}

bool
cmd_completion_is_path(const struct config_option *o)
{
	return o->type == OPTION_PATH;
}
