#include <signal.h>
#include <stdarg.h>

#include "base/file.h"
#include "base/json.h"
#include "base/params.h"
#include "base/str.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_doc.h"
#include "cmd/cmd_main.h"
#include "cmd/cmd_parse.h"
#include "config/config.h"
#include "test.h"

/* A run of the program with its words caught. */
static volatile sig_atomic_t cancel;
static char *out, *err_out;
static size_t out_len, err_len;

static const struct drivers no_drivers = { NULL, NULL, NULL };

static int
holdfast(const char *first, ...)
{
	char *argv[20], *copies[20];
	struct cmd_env env = { .drivers = &no_drivers, .cancel = &cancel };
	int argc = 0, copied, rc;
	const char *arg;
	va_list ap;

	free(out);
	free(err_out);
	env.out = open_memstream(&out, &out_len);
	env.err = open_memstream(&err_out, &err_len);
	CHECK(env.out != NULL && env.err != NULL);
	argv[argc++] = copies[0] = strdup("holdfast");
	va_start(ap, first);
	for (arg = first; arg != NULL; arg = va_arg(ap, const char *), argc++)
		argv[argc] = copies[argc] = strdup(arg);
	va_end(ap);
	argv[argc] = NULL;
	copied = argc;
	rc = cmd_main(&env, argc, argv);
	while (copied > 0)
		free(copies[--copied]);
	fclose(env.out);
	fclose(env.err);
	return rc;
}

static void
check_error(int rc, const char *want)
{
	CHECK(rc == 2);
	CHECK_STR(out, "");
	CHECK_STR(err_out, want);
}

TEST(cmd__says_what_was_meant_by_a_mistyped_word)
{
	check_error(holdfast("hlep", NULL),
	    "holdfast: there is no command 'hlep'\n"
	    "holdfast: hint: did you mean 'help'?\n");
	check_error(holdfast("frobnicate", NULL),
	    "holdfast: there is no command 'frobnicate'\n"
	    "holdfast: hint: 'holdfast help' lists them\n");
	check_error(holdfast("help", "--jsno", NULL),
	    "holdfast: there is no option '--jsno'\n"
	    "holdfast: hint: did you mean '--json'?\n");
	check_error(holdfast("-Q", NULL),
	    "holdfast: there is no option '-Q'\n"
	    "holdfast: hint: 'holdfast help COMMAND' lists them\n");
	check_error(holdfast(NULL),
	    "holdfast: no command was given\n"
	    "holdfast: hint: 'holdfast help' lists them\n");
	check_error(holdfast("key", NULL),
	    "holdfast: 'key' is only the first word of a command\n"
	    "holdfast: hint: as in 'holdfast key list'\n");
	check_error(holdfast("key", "ad", "file:/k", NULL),
	    "holdfast: there is no command 'key ad'\n"
	    "holdfast: hint: did you mean 'key add'?\n");
	check_error(holdfast("help", "key", "ad", NULL),
	    "holdfast: there is no command 'key ad'\n"
	    "holdfast: hint: did you mean 'key add'?\n");
	check_error(holdfast("help", "nothing", NULL),
	    "holdfast: there is no command 'nothing'\n"
	    "holdfast: hint: 'holdfast help' lists them\n");
}

TEST(cmd__refuses_options_and_arguments_that_do_not_belong)
{
	check_error(holdfast("help", "--repo", "x", NULL),
	    "holdfast: 'help' does not take '--repo'\n"
	    "holdfast: hint: see 'holdfast help help'\n");
	check_error(holdfast("--repo", "x", NULL),
	    "holdfast: '--repo' needs a command\n");
	check_error(holdfast("help", "--config", NULL),
	    "holdfast: '--config' needs a value (PATH)\n");
	check_error(holdfast("help", "--json=maybe", NULL),
	    "holdfast: '--json' cannot be 'maybe'\n"
	    "holdfast: hint: it is one of: true false\n");
	check_error(holdfast("completion", NULL),
	    "holdfast: 'completion' needs bash|zsh|fish\n"
	    "holdfast: hint: see 'holdfast help completion'\n");
	check_error(holdfast("completion", "bash", "zsh", NULL),
	    "holdfast: 'completion' does not take 'zsh'\n"
	    "holdfast: hint: see 'holdfast help completion'\n");
}

TEST(cmd__never_repeats_a_secret)
{
	CHECK(holdfast("backup", "--secret-key", "hunter2", NULL) == 2);
	CHECK(strstr(err_out, "hunter2") == NULL);
	CHECK(holdfast("backup", "--secrte-key=hunter2", NULL) == 2);
	CHECK_STR(err_out, "holdfast: there is no option '--secrte-key'\n"
			   "holdfast: hint: did you mean '--secret-key'?\n");
}

TEST(cmd__takes_options_in_front_of_and_behind_the_words)
{
	CHECK(holdfast("--man", "help", "help", NULL) == 0);
	CHECK(strncmp(out, ".TH \"holdfast-help\"", 19) == 0);
	CHECK(holdfast("help", "help", "--man", NULL) == 0);
	CHECK(strncmp(out, ".TH \"holdfast-help\"", 19) == 0);
	/* Behind "--" everything is a word. */
	CHECK(holdfast("help", "--", "--man", NULL) == 2);
	CHECK_STR(err_out, "holdfast: there is no command '--man'\n"
			   "holdfast: hint: 'holdfast help' lists them\n");
}

TEST(cmd__answers_errors_in_json_where_that_was_asked_for)
{
	json_auto_t *j = NULL;
	const char *word, *message, *hint;
	int status;

	CHECK(holdfast("--json", "hlep", NULL) == 2);
	CHECK_STR(out, "");
	CHECK(strchr(err_out, '\n') == err_out + err_len - 1);
	CHECK((j = json_loads(err_out, 0, NULL)) != NULL);
	CHECK(json_unpack(j, "{s:s, s:s, s:s, s:i!}", "error", &word, "message",
		  &message, "hint", &hint, "exit", &status) == 0);
	CHECK_STR(word, "usage");
	CHECK_STR(message, "there is no command 'hlep'");
	CHECK_STR(hint, "did you mean 'help'?");
	CHECK(status == 2);
}

TEST(cmd__tells_its_version)
{
	CHECK(holdfast("--version", NULL) == 0);
	CHECK_STR(out, "holdfast " HOLDFAST_VERSION "\n");
	CHECK(holdfast("-V", "--json", NULL) == 0);
	CHECK_STR(out, "{\"version\":\"" HOLDFAST_VERSION "\"}\n");
}

TEST(cmd__checks_the_environment_as_it_does_the_line)
{
	CHECK(setenv("HOLDFAST_MEMORY", "plenty", 1) == 0);
	CHECK(holdfast("help", NULL) == 0); /* Does not take --memory. */
	CHECK(unsetenv("HOLDFAST_MEMORY") == 0);
}

static int
help(const struct cmd *cmd, bool man)
{
	const char *space = cmd != NULL ? strchr(cmd->name, ' ') : NULL;
	const char *flag = man ? "--man" : "--quiet";
	char first[64];

	if (cmd == NULL)
		return holdfast("help", flag, NULL);
	if (space == NULL)
		return holdfast("help", flag, cmd->name, NULL);
	(void)snprintf(
	    first, sizeof(first), "%.*s", (int)(space - cmd->name), cmd->name);
	return holdfast("help", flag, first, space + 1, NULL);
}

/* Is ${flag} in what was printed, and not only as the start of another? */
static bool
printed(const char *flag)
{
	const char *p = out;
	size_t n = strlen(flag);

	while ((p = strstr(p, flag)) != NULL) {
		p += n;
		if (*p != '-' && (*p < 'a' || *p > 'z'))
			return true;
	}
	return false;
}

/* What a command takes is in its help and its page, and nothing else is. */
TEST(help__mentions_every_option_of_every_command)
{
	char flag[OPTION_FLAG_MAX], escaped[3 * OPTION_FLAG_MAX];
	const struct config_option *o;
	const struct cmd *cmd;
	size_t i, j, k, n;

	for (i = 0; (cmd = cmd_table[i]) != NULL; i++) {
		for (k = 0; (o = cmd_row(cmd, k)) != NULL; k++) {
			/* One of its own may have that name. */
			if (cmd->own != NULL && !cmd_takes(cmd, o))
				continue;
			CHECK(help(cmd, false) == 0);
			CHECK(strstr(out, cmd->summary) != NULL);
			(void)snprintf(escaped, sizeof(escaped), " %s%s%s\n",
			    config_option_flag(o, flag),
			    o->arg != NULL ? " " : "",
			    o->arg != NULL ? o->arg : "");
			escaped[strlen(escaped) - 1] = '\0';
			CHECK(printed(escaped) == cmd_takes(cmd, o));
			if (!cmd_takes(cmd, o))
				continue;
			CHECK(help(cmd, true) == 0);
			for (j = n = 0; flag[j] != '\0'; j++) {
				if (flag[j] == '-')
					escaped[n++] = '\\';
				escaped[n++] = flag[j];
			}
			escaped[n] = '\0';
			CHECK(strstr(out, escaped) != NULL);
		}
	}
}

TEST(help__keeps_to_the_width_of_a_terminal)
{
	const char *line, *end;
	size_t i;

	for (i = 0; i == 0 || cmd_table[i - 1] != NULL; i++) {
		CHECK(help(i == 0 ? NULL : cmd_table[i - 1], false) == 0);
		for (line = out; *line != '\0'; line = end + 1) {
			end = strchr(line, '\n');
			CHECK(end != NULL && end - line <= 80);
			CHECK(end == line || end[-1] != ' ');
		}
	}
}

TEST(help__knows_every_word_of_the_configuration)
{
	const struct config_option *o;
	char word[64];
	size_t i;

	CHECK(holdfast("help", "config", NULL) == 0);
	CHECK(strstr(out, cmd_doc_example) != NULL);
	for (i = 0; (o = config_option_at(i)) != NULL; i++) {
		if (!(o->places &
			(OPTION_IN_FILE | OPTION_IN_KEY | OPTION_IN_REPO |
			    OPTION_IN_SOURCE | OPTION_IN_RETENTION)))
			continue;
		(void)snprintf(
		    word, sizeof(word), "\n  %s: ", config_option_word(o));
		CHECK(strstr(out, word) != NULL);
	}
}

TEST(help__has_an_example_of_the_configuration_that_can_be_loaded)
{
	CLEANUP(freep_config) struct config *c = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(config_parse("example", cmd_doc_example,
		     strlen(cmd_doc_example), &c, &e),
	    &e);
	CHECK(config_named(c, OPTION_IN_SOURCE, "node1") != NULL);
}

TEST(help__is_one_document_in_json)
{
	json_auto_t *j = NULL;

	CHECK(holdfast("help", "--json", NULL) == 0);
	CHECK(strchr(out, '\n') == out + out_len - 1);
	CHECK((j = json_loads(out, 0, NULL)) != NULL);
	CHECK(json_array_size(json_object_get(j, "commands")) > 1);
	CHECK(json_array_size(json_object_get(j, "options")) > 3);
}

TEST(man__has_every_status_and_variable)
{
	const struct config_option *o;
	const struct err_class *c;
	size_t i;
	int k;

	CHECK(help(NULL, true) == 0);
	for (k = 0; (c = err_class_at(k)) != NULL; k++)
		CHECK(strstr(out, c->about) != NULL);
	for (i = 0; (o = config_option_at(i)) != NULL; i++)
		CHECK(o->env == NULL || strstr(out, o->env) != NULL);
	for (i = 0; cmd_doc_env(i) != NULL; i++)
		;
	CHECK(i > 0);
}

TEST(commands__list_only_options_that_exist)
{
	const struct config_option *o;
	const char *const *name;
	const struct cmd *cmd;
	size_t i;

	for (i = 0; (cmd = cmd_table[i]) != NULL; i++) {
		CHECK(cmd_find(cmd->name) == cmd); /* No name twice. */
		CHECK(cmd->summary[strlen(cmd->summary) - 1] != '.');
		CHECK(cmd->max_args < 0 || cmd->max_args >= cmd->min_args);
		CHECK(cmd->max_args == 0 || cmd->args != NULL);
		for (name = cmd->options; name != NULL && *name != NULL;
		     name++) {
			o = config_option_named(*name);
			CHECK(o != NULL && (o->places & OPTION_ON_LINE));
		}
	}
}

static const struct cmd probe = {
	.name = "probe",
	.summary = "Of the tests",
	.options = (const char *const[]){ "only", "memory", "compression",
	    "max_age", NULL },
	.flags = CMD_REPO,
};

/* Parse a line, load the configuration, and look at what ctx says. */
TEST(ctx__prefers_line_over_environment_over_file_over_default)
{
	CLEANUP(freep_ctx) struct ctx *ctx = NULL;
	CLEANUP(freep_mem) char *path = NULL;
	static const char yaml[] = "memory: 64MiB\ncompression: 5\n"
				   "host: from-file\n";
	struct cmd_env env = { .drivers = &no_drivers,
		.cancel = &cancel,
		.out = stdout,
		.err = stderr };
	struct err e = ERR_INIT;

	CHECK_OK(str_printf(&path, &e, "%s/h.yaml", test_dir()), &e);
	CHECK_OK(file_write_new(path, 0600, yaml, strlen(yaml), &e), &e);
	CHECK(setenv("HOLDFAST_MEMORY", "32MiB", 1) == 0);
	CHECK(setenv("HOLDFAST_HOST", "", 1) == 0); /* As if not set. */
	CHECK_OK(ctx_new(&env, &ctx, &e), &e);
	CHECK_OK(params_add(ctx_line(ctx), "config", path, &e), &e);
	CHECK_OK(params_add(ctx_line(ctx), "only", "a", &e), &e);
	CHECK_OK(params_add(ctx_line(ctx), "only", "b", &e), &e);
	CHECK_OK(ctx_start(ctx, &probe, &e), &e);

	CHECK(ctx_number(ctx, "memory", 0) == 32 << 20);
	CHECK(ctx_number(ctx, "compression", 0) == 5);
	CHECK_STR(ctx_option(ctx, "host"), "from-file");
	CHECK_STR(ctx_option(ctx, "vault"), "main");
	CHECK_STR(ctx_option_at(ctx, "only", 1), "b");
	CHECK(ctx_option_at(ctx, "only", 2) == NULL);
	CHECK(ctx_number(ctx, "max_age", -7) == -7);
	CHECK(!ctx_flag(ctx, "quiet"));
	CHECK_OK(params_set(ctx_line(ctx), "memory", "48MiB", &e), &e);
	CHECK(ctx_number(ctx, "memory", 0) == 48 << 20);
	CHECK(unsetenv("HOLDFAST_MEMORY") == 0);
	CHECK(unsetenv("HOLDFAST_HOST") == 0);
}

TEST(ctx__refuses_a_variable_that_makes_no_sense)
{
	CLEANUP(freep_ctx) struct ctx *ctx = NULL;
	struct cmd_env env = { .drivers = &no_drivers,
		.cancel = &cancel,
		.out = stdout,
		.err = stderr };
	struct err e = ERR_INIT;

	CHECK_OK(ctx_new(&env, &ctx, &e), &e);
	CHECK(setenv("HOLDFAST_MEMORY", "plenty", 1) == 0);
	CHECK_FAIL(ctx_start(ctx, &probe, &e), &e, HF_EUSAGE);
	CHECK_STR(
	    e.msg, "environment: 'HOLDFAST_MEMORY': 'plenty' is not a size");
	CHECK(unsetenv("HOLDFAST_MEMORY") == 0);
}

TEST(ctx__tells_when_the_operator_asked_to_stop)
{
	CLEANUP(freep_ctx) struct ctx *ctx = NULL;
	struct cmd_env env = { .drivers = &no_drivers,
		.cancel = &cancel,
		.out = stdout,
		.err = stderr };
	struct err e = ERR_INIT;

	CHECK_OK(ctx_new(&env, &ctx, &e), &e);
	CHECK_OK(ctx_check(ctx, &e), &e);
	cancel = 1;
	CHECK_FAIL(ctx_check(ctx, &e), &e, HF_EINTR);
	cancel = 0;
}

TEST(ctx__notices_that_its_answer_was_not_written)
{
	CLEANUP(freep_ctx) struct ctx *ctx = NULL;
	struct cmd_env env = { .drivers = &no_drivers,
		.cancel = &cancel,
		.out = fopen("/dev/full", "w"),
		.err = stderr };
	struct err e = ERR_INIT;

	CHECK(env.out != NULL);
	CHECK_OK(ctx_new(&env, &ctx, &e), &e);
	ctx_print(ctx, "an answer");
	CHECK_FAIL(ctx_finish(ctx, &e), &e, HF_ENOSPC);
	fclose(env.out);
}

/* The note comes behind the answer, which fails then. */
TEST(ctx__knows_at_the_end_why_an_answer_was_not_written)
{
	CLEANUP(freep_ctx) struct ctx *ctx = NULL;
	struct cmd_env env = { .drivers = &no_drivers,
		.cancel = &cancel,
		.out = fopen("/dev/full", "w"),
		.err = stderr };
	struct err e = ERR_INIT;

	CHECK(env.out != NULL);
	CHECK_OK(ctx_new(&env, &ctx, &e), &e);
	ctx_print(ctx, "an answer");
	ctx_note(ctx, "a note");
	CHECK_FAIL(ctx_finish(ctx, &e), &e, HF_ENOSPC);
	fclose(env.out);
}

/* Before its command and behind it, with and without a "=". */
TEST(etcd_backup__takes_its_own_letters)
{
	CHECK(holdfast("etcd-backup", "-c", "/none.yml", "prune", "-a", "10w",
		  "-i=3", NULL) == err_class_of(HF_ENOTFOUND)->exit_status);
	CHECK(strstr(err_out, "/none.yml") != NULL);
	CHECK(holdfast("etcd-backup", "restore", "-a", "http://a:1", "-u=False",
		  "--config=/none.yml",
		  NULL) == err_class_of(HF_ENOTFOUND)->exit_status);
	CHECK(strstr(err_out, "/none.yml") != NULL);
}

/* B14: an unknown flag, or one that was missing, was a success. */
TEST(B14__a_line_that_makes_no_sense_fails)
{
	const int usage = err_class_of(HF_EUSAGE)->exit_status;

	CHECK(usage != 0);
	CHECK(holdfast("etcd-backup", NULL) == usage);
	CHECK(holdfast("etcd-backup", "restor", NULL) == usage);
	CHECK(strstr(err_out, "etcd-backup restore") != NULL);
	CHECK(holdfast("etcd-backup", "prune", "-x", NULL) == usage);
	CHECK(holdfast("etcd-backup", "prune", "--max-agee=1d", NULL) == usage);
	CHECK(holdfast("etcd-backup", "prune", "-a", NULL) == usage);
	CHECK(holdfast("etcd-backup", "prune", "-a", "1x", NULL) == usage);
	CHECK(holdfast("etcd-backup", "prune", "-i", "-1", NULL) == usage);
	CHECK(holdfast("etcd-backup", "restore", "-u=maybe", NULL) == usage);
	CHECK(holdfast("etcd-backup", "backup", "now", NULL) == usage);
	CHECK(holdfast("etcd-backup", "backup", "--repo", "x", NULL) == usage);
	CHECK(holdfast("etcd-backup", "rotate-key", NULL) == usage);
	CHECK(strstr(err_out, "--previous-key") != NULL);
	CHECK(out[0] == '\0');
}
