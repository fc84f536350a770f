#include <sys/stat.h>

#include "base/file.h"
#include "base/params.h"
#include "cred/cred.h"
#include "crypto/secret.h"
#include "test.h"

/* Whoever runs the tests may have credentials of their own. */
static void
forget_environment(void)
{
	static const char *const names[] = { "AWS_ACCESS_KEY_ID",
		"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unsetenv(names[i]);
	(void)setenv("HOME", test_dir(), 1);
}

static void
write_file(const char *name, const char *text)
{
	char path[128];
	struct err e = ERR_INIT;

	(void)snprintf(path, sizeof(path), "%s/.aws", test_dir());
	CHECK_OK(file_mkdirs(path, 0700, &e), &e);
	(void)snprintf(path, sizeof(path), "%s/.aws/%s", test_dir(), name);
	CHECK_OK(file_replace(path, 0600, text, strlen(text), &e), &e);
}

static int
find(const char *option, const char *value, struct cred **c, struct err *err)
{
	CLEANUP(freep_params) struct params *p = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(params_new(&p, &e), &e);
	if (option != NULL)
		CHECK_OK(params_add(p, option, value, &e), &e);
	return cred_find(p, c, err);
}

static bool
secret_is(const struct secret *s, const char *want)
{
	return s != NULL && secret_len(s) == strlen(want) &&
	       memcmp(secret_p(s), want, strlen(want)) == 0;
}

TEST(cred__takes_references_of_the_configuration_first)
{
	CLEANUP(freep_params) struct params *p = NULL;
	CLEANUP(freep_cred) struct cred *c = NULL;
	struct err e = ERR_INIT;

	forget_environment();
	(void)setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", "env", 1);
	(void)setenv("T_ID", "AKIDCONF", 1);
	(void)setenv("T_KEY", "conf", 1);
	(void)setenv("T_TOKEN", "token", 1);
	CHECK_OK(params_new(&p, &e), &e);
	CHECK_OK(params_add(p, "access_key", "env:T_ID", &e), &e);
	CHECK_OK(params_add(p, "secret_key", "env:T_KEY", &e), &e);
	CHECK_OK(params_add(p, "session_token", "env:T_TOKEN", &e), &e);
	CHECK_OK(cred_find(p, &c, &e), &e);
	CHECK_STR(c->access_key, "AKIDCONF");
	CHECK(secret_is(c->secret_key, "conf"));
	CHECK(secret_is(c->session_token, "token"));
}

TEST(cred__refuses_half_of_a_pair_and_names_the_other_half)
{
	struct cred *c = NULL;
	struct err e = ERR_INIT;

	forget_environment();
	CHECK_FAIL(find("access_key", "env:X", &c, &e), &e, HF_ECONFIG);
	CHECK(strstr(e.msg, "not 'secret_key'") != NULL);
	CHECK_FAIL(find("secret_key", "env:X", &c, &e), &e, HF_ECONFIG);
	CHECK(strstr(e.msg, "not 'access_key'") != NULL);
	(void)setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
	CHECK_FAIL(find(NULL, NULL, &c, &e), &e, HF_ECONFIG);
	CHECK(strstr(e.msg, "not 'AWS_SECRET_ACCESS_KEY'") != NULL);
	CHECK(c == NULL);
}

TEST(cred__takes_the_environment_before_the_default_profile)
{
	CLEANUP(freep_cred) struct cred *c = NULL;
	struct err e = ERR_INIT;

	forget_environment();
	write_file("credentials",
	    "[default]\naws_access_key_id=F\naws_secret_access_key=f\n");
	(void)setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", "env", 1);
	CHECK_OK(find(NULL, NULL, &c, &e), &e);
	CHECK_STR(c->access_key, "AKIDENV");
	CHECK(secret_is(c->secret_key, "env") && c->session_token == NULL);
	/* What a program has read is still there for the next one. */
	CHECK(getenv("AWS_SECRET_ACCESS_KEY") != NULL);
}

TEST(cred__takes_a_profile_that_was_asked_for_before_the_environment)
{
	CLEANUP(freep_cred) struct cred *c = NULL;
	struct err e = ERR_INIT;

	forget_environment();
	(void)setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", "env", 1);
	write_file("credentials",
	    "# ours\r\n"
	    "[other]\n"
	    "aws_access_key_id = NO\n"
	    "[ backup ]\n"
	    "aws_access_key_id = AKIDFILE\n"
	    "  aws_access_key_id = nested, and so another's\n"
	    "; a comment\n"
	    "aws_secret_access_key=a=b/c+d \r\n"
	    "aws_session_token\t=\tt\n"
	    "[last]\n"
	    "aws_secret_access_key=NO\n");
	write_file("config", "[profile backup]\nregion = eu-west-3\n"
			     "aws_session_token = not this one\n");
	CHECK_OK(find("profile", "backup", &c, &e), &e);
	CHECK_STR(c->access_key, "AKIDFILE");
	CHECK(secret_is(c->secret_key, "a=b/c+d"));
	CHECK(secret_is(c->session_token, "t"));
	CHECK_STR(c->region, "eu-west-3");
	CHECK(strstr(c->from, "profile 'backup'") != NULL);
}

TEST(cred__does_not_mix_the_keys_of_two_files)
{
	CLEANUP(freep_cred) struct cred *c = NULL;
	struct err e = ERR_INIT;

	forget_environment();
	write_file("credentials",
	    "[p]\naws_access_key_id=A\naws_secret_access_key=a\n");
	write_file("config",
	    "[profile p]\naws_access_key_id=B\naws_secret_access_key=b\n"
	    "aws_session_token=b\n");
	(void)setenv("AWS_PROFILE", "p", 1);
	CHECK_OK(find(NULL, NULL, &c, &e), &e);
	CHECK_STR(c->access_key, "A");
	CHECK(secret_is(c->secret_key, "a") && c->session_token == NULL);
}

TEST(cred__says_what_is_wrong_with_a_profile)
{
	struct cred *c = NULL;
	struct err e = ERR_INIT;

	forget_environment();
	CHECK_FAIL(find(NULL, NULL, &c, &e), &e, HF_ECONFIG);
	CHECK(strstr(e.msg, "no credentials") != NULL && e.hint[0] != '\0');

	CHECK_FAIL(find("profile", "none", &c, &e), &e, HF_ECONFIG);
	CHECK(strstr(e.msg, "no profile 'none'") != NULL);

	write_file("config", "[profile r]\nrole_arn = arn:aws:iam::1:role/x\n");
	CHECK_FAIL(find("profile", "r", &c, &e), &e, HF_ECONFIG);
	CHECK(strstr(e.hint, "'role_arn'") != NULL);

	write_file("credentials", "[r]\naws_access_key_id A\n");
	CHECK_FAIL(find("profile", "r", &c, &e), &e, HF_ECONFIG);
	CHECK(strstr(e.msg, "line 2: '=' is missing") != NULL);

	write_file("credentials", "[r\n");
	CHECK_FAIL(find("profile", "r", &c, &e), &e, HF_ECONFIG);
	CHECK(strstr(e.msg, "line 1: ']' is missing") != NULL);
	CHECK(c == NULL);
}

TEST(cred__survives_running_out_of_memory)
{
	CLEANUP(freep_params) struct params *p = NULL;
	struct cred *c = NULL;
	struct err e = ERR_INIT;
	int rc = -1;

	forget_environment();
	write_file("credentials",
	    "[default]\naws_access_key_id=A\naws_secret_access_key=a\n"
	    "aws_session_token=b\nregion=r\n");
	CHECK_OK(params_new(&p, &e), &e);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = cred_find(p, &c, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM && c == NULL);
	}
	test_malloc_fail(0);
	CHECK(rc == 0);
	cred_free(c);
}
