#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/cmd_completion.h"
#include "config/config_option.h"
#include "test.h"

/* Write a script and let its shell check it, as ${shell} ${flags} PATH. */
static int
run(void (*print)(FILE *), const char *command)
{
	CLEANUP(freep_mem) char *line = NULL;
	char path[128];
	struct err e = ERR_INIT;
	FILE *f;
	int rc;

	(void)snprintf(path, sizeof(path), "%s/script", test_dir());
	CHECK((f = fopen(path, "w")) != NULL);
	print(f);
	CHECK(fclose(f) == 0);
	CHECK_OK(str_printf(&line, &e, "SCRIPT=%s; %s", path, command), &e);
	rc = system(line); /* NOLINT(cert-env33-c): our own words. */
	CHECK(rc != -1 && WIFEXITED(rc));
	return WEXITSTATUS(rc);
}

static bool
have(const char *shell)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/usr/bin/%s", shell);
	return access(path, X_OK) == 0;
}

TEST(completion__for_bash_is_bash)
{
	if (!have("bash"))
		SKIP_MISSING("no bash here: apt-get install bash");
	CHECK(run(cmd_completion_bash, "bash -n $SCRIPT") == 0);
}

TEST(completion__for_bash_completes_commands_options_and_values)
{
	static const char try_it[] =
	    "cat >$SCRIPT.try <<'EOF'\n"
	    ". \"$1\"; shift\n"
	    "COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _holdfast\n"
	    "echo \"${COMPREPLY[*]}\"\n"
	    "EOF\n"
	    "try() { bash $SCRIPT.try $SCRIPT \"$@\"; }\n"
	    "[ \"$(try holdfast hel)\" = help ] &&\n"
	    "[ \"$(try holdfast --js)\" = --json ] &&\n"
	    "[ \"$(try holdfast help --ma)\" = --man ] &&\n"
	    "[ \"$(try holdfast --config help --ma)\" = '' ] &&\n"
	    "[ \"$(try holdfast --key pass)\" = passphrase: ]\n";

	if (!have("bash"))
		SKIP_MISSING("no bash here: apt-get install bash");
	CHECK(run(cmd_completion_bash, try_it) == 0);
}

TEST(completion__for_zsh_is_zsh)
{
	if (!have("zsh"))
		SKIP_MISSING("no zsh here: apt-get install zsh");
	CHECK(run(cmd_completion_zsh, "zsh -n $SCRIPT") == 0);
}

TEST(completion__for_fish_is_fish)
{
	if (!have("fish"))
		SKIP_MISSING("no fish here: apt-get install fish");
	CHECK(run(cmd_completion_fish, "fish -n $SCRIPT") == 0);
}

/* A quote in a help text must not end the script's string. */
TEST(completion__quotes_what_shells_would_read)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	CHECK(f != NULL);
	cmd_completion_quote(f, "it's [a]: b", "[]:");
	fclose(f);
	CHECK_STR(text, "it'\\''s \\[a\\]\\: b");
	free(text);
}

TEST(completion__knows_every_option_of_the_line)
{
	static void (*const print[])(FILE *) = { cmd_completion_bash,
		cmd_completion_zsh, cmd_completion_fish };
	char flag[OPTION_FLAG_MAX];
	const struct config_option *o;
	bool taken;
	size_t i, j, k, n;

	for (i = 0; i < 3; i++) {
		char *text = NULL;
		FILE *f = open_memstream(&text, &n);

		CHECK(f != NULL);
		print[i](f);
		fclose(f);
		for (j = 0; (o = config_option_at(j)) != NULL; j++) {
			taken = false;
			for (k = 0; cmd_table[k] != NULL; k++)
				taken |= cmd_takes(cmd_table[k], o);
			config_option_flag(o, flag);
			CHECK(!taken ||
			      strstr(text, flag + (i == 2 ? 2 : 0)) != NULL);
		}
		for (k = 0; cmd_table[k] != NULL; k++)
			for (o = cmd_table[k]->own; o != NULL && o->name; o++) {
				config_option_flag(o, flag);
				CHECK(strstr(text, flag + (i == 2 ? 2 : 0)) !=
				      NULL);
			}
		free(text);
	}
}
