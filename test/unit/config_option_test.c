#include "config/config_option.h"
#include "test.h"

static const struct config_option *
named(const char *name)
{
	const struct config_option *o = config_option_named(name);

	CHECK(o != NULL);
	return o;
}

TEST(options__have_names_flags_letters_and_variables_of_their_own)
{
	const struct config_option *a, *b;
	size_t i, j;

	for (i = 0; (a = config_option_at(i)) != NULL; i++) {
		for (j = 0; j < i; j++) {
			b = config_option_at(j);
			CHECK(strcmp(a->name, b->name) != 0);
			CHECK(a->letter == 0 || a->letter != b->letter);
			CHECK(a->env == NULL || b->env == NULL ||
			      strcmp(a->env, b->env) != 0);
		}
	}
	CHECK(i > 50);
}

/* Which row a word means must not depend on the order of the table. */
TEST(options__mean_one_thing_for_every_type)
{
	const struct config_option *o;
	const struct config_type *t;
	size_t i, j;

	for (i = 0; (t = config_type_at(i)) != NULL; i++)
		for (j = 0; (o = config_option_at(j)) != NULL; j++)
			if ((o->places & t->place) &&
			    config_option_for(o, t->name))
				CHECK(config_option_in(t->place, t->name,
					  config_option_word(o)) == o);
}

TEST(options__are_complete_rows)
{
	char flag[OPTION_FLAG_MAX], last[OPTION_FLAG_MAX];
	const struct config_option *o;
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; (o = config_option_at(i)) != NULL; i++) {
		CHECK(o->places != 0);
		CHECK(o->help != NULL && o->help[strlen(o->help) - 1] != '.');
		/* The flag must not have been cut off. */
		config_option_flag(o, flag);
		CHECK(strlen(flag) == strlen(o->name) + 2);
		CHECK(strspn(flag + 2, "abcdefghijklmnopqrstuvwxyz-") ==
		      strlen(flag) - 2);
		CHECK(o->letter == 0 || (o->places & OPTION_ON_LINE));
		CHECK((o->arg != NULL) ==
		      (o->type != OPTION_FLAG && o->type != OPTION_RETENTION));
		CHECK(o->type != OPTION_ENUM || o->values != NULL);
		CHECK(o->min <= o->max);
		if (o->fallback != NULL)
			CHECK_OK(
			    config_option_check(o, "default", o->fallback, &e),
			    &e);
		if (config_option_value(o, 0, last) != NULL)
			CHECK_OK(config_option_check(o, "value", last, &e), &e);
	}
}

TEST(options__are_only_for_types_that_exist)
{
	const struct config_option *o;
	const struct config_type *t;
	bool known;
	size_t i, j;

	for (i = 0; (o = config_option_at(i)) != NULL; i++) {
		known = o->only == NULL;
		for (j = 0; (t = config_type_at(j)) != NULL; j++)
			known |= (o->places & t->place) &&
				 config_option_for(o, t->name);
		CHECK(known);
	}
}

static void
check(const char *name, const char *value, const char *message)
{
	struct err e = ERR_INIT;

	if (message == NULL) {
		CHECK_OK(
		    config_option_check(named(name), "--x", value, &e), &e);
		return;
	}
	CHECK_FAIL(
	    config_option_check(named(name), "--x", value, &e), &e, HF_EUSAGE);
	CHECK_STR(e.msg, message);
}

TEST(values__are_checked_for_type_and_range)
{
	check("level", "3", NULL);
	check("level", "4", "'--x' cannot be 4");
	check("level", "-1", "'--x': '-1' is not a whole number");
	check("level", " 1", "'--x': ' 1' is not a whole number");
	check("level", "1.0", "'--x': '1.0' is not a whole number");
	check("level", "99999999999999999999",
	    "'--x': '99999999999999999999' is too large");
	check("revision", "9223372036854775807", NULL);
	check("revision", "9223372036854775808",
	    "'--x': '9223372036854775808' is too large");
	check("json", "true", NULL);
	check("json", "yes", "'--x' cannot be 'yes'");
	check("memory", "96MiB", NULL);
	check("memory", "small", NULL);
	check("memory", "1K", "'--x' cannot be 1K");
	check("memory", "smal", "'--x': 'smal' is not a size");
	check("max_age", "15d", NULL);
	check("max_age", "0s", "'--x' cannot be 0s");
	check("config", "", "'--x' is empty");
	CHECK(config_option_number(named("memory"), "96MiB") == 96 << 20);
	CHECK(config_option_number(named("memory"), "small") == -1);
	CHECK(config_option_number(named("max_age"), "1d") == 86400000);
	CHECK(config_option_number(named("level"), "2") == 2);
}

TEST(secrets__are_references_and_their_values_are_never_repeated)
{
	static const char *const good[] = { "file:/run/secrets/x", "env:VAR",
		"env:_A1", "fd:3" };
	static const char *const bad[] = { "hunter2",
		"file:", "env:", "fd:", "env:1A", "env:A-B", "fd:x",
		"fd:99999999999", "FILE:/hunter2", "", "env:hunter2!" };
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		check("secret_key", good[i], NULL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_FAIL(
		    config_option_check(named("secret_key"), "--x", bad[i], &e),
		    &e, HF_EUSAGE);
		CHECK(strstr(e.msg, "hunter2") == NULL);
		CHECK(strstr(e.hint, "hunter2") == NULL);
		CHECK(strstr(e.hint, "env:NAME") != NULL);
	}
}

TEST(types__that_do_not_exist_are_answered_with_those_that_do)
{
	struct err e = ERR_INIT;

	CHECK(config_type_named(OPTION_IN_REPO, "s3", &e) != NULL);
	CHECK(config_type_named(OPTION_IN_SOURCE, "s3", &e) == NULL);
	CHECK_STR(e.msg, "there is no source of type 's3'");
	CHECK_STR(e.hint, "the types are: tree, stream, etcd");
	CHECK(config_type_named(OPTION_IN_KEY, "pasphrase", &e) == NULL);
	CHECK_STR(e.hint, "did you mean 'passphrase'?");
}
