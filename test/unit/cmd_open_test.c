#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "base/params.h"
#include "base/str.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_open.h"
#include "config/config.h"
#include "crypto/secret.h"
#include "key/file/key_file.h"
#include "key/key.h"
#include "key/passphrase/key_passphrase.h"
#include "key/recipient/key_recipient.h"
#include "repo/repo.h"
#include "source/etcd/source_etcd.h"
#include "source/source.h"
#include "source/stream/source_stream.h"
#include "source/tree/source_tree.h"
#include "store/fs/store_fs.h"
#include "store/s3/store_s3.h"
#include "test.h"

static const struct store_driver *const stores[] = { &store_fs_driver,
	&store_s3_driver, NULL };
static const struct key_driver *const keys[] = { &key_file_driver,
	&key_passphrase_driver, &key_recipient_driver, &key_identity_driver,
	NULL };
static const struct source_driver *const sources[] = { &source_tree_driver,
	&source_stream_driver, &source_etcd_driver, NULL };
static const struct drivers drivers = { stores, keys, sources };
static volatile sig_atomic_t cancel;
static struct cmd_env env = { .drivers = &drivers, .cancel = &cancel };

static const struct cmd probe = {
	.name = "probe",
	.summary = "Of the tests",
	.flags = CMD_REPO | CMD_SOURCE | CMD_RETENTION,
};

static const char yaml[] =
    "keys:\n"
    "  site: { type: file, path: DIR/site.key }\n"
    "  other: { type: file, path: DIR/other.key }\n"
    "repositories:\n"
    "  main: { url: s3://b/p, region: eu-west-3, keys: [site, other],\n"
    "          retention: { keep_daily: 7 } }\n"
    "  local: { url: file:/backup }\n"
    "sources:\n"
    "  cp: { type: etcd, endpoints: [\"https://a:2379\"],\n"
    "        repository: main }\n"
    "  node1: { type: tree, path: /srv, exclude: [a, b] }\n";

static void
write_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
	CHECK((f = fopen(path, "w")) != NULL);
	fputs(text, f);
	CHECK(fclose(f) == 0);
	CHECK(chmod(path, 0600) == 0);
}

/* The configuration, with the test's folder for every "DIR". */
static void
write_config(void)
{
	char text[2048] = "";
	const char *s = yaml, *dir;
	size_t n = 0;

	for (; *s != '\0'; s++) {
		if ((dir = str_has_prefix(s, "DIR")) != NULL) {
			n += (size_t)sprintf(text + n, "%s", test_dir());
			s = dir - 1;
		} else
			text[n++] = *s;
	}
	text[n] = '\0';
	write_file("h.yaml", text);
}

static void
write_key(const char *name, char digit)
{
	char hex[65];

	memset(hex, digit, 64);
	hex[64] = '\0';
	write_file(name, hex);
}

/* An invocation with pairs of name and value on the line. */
static struct ctx *
begin(const char *name, ...)
{
	struct err e = ERR_INIT;
	struct ctx *ctx = NULL;
	char path[256];
	va_list ap;

	(void)snprintf(path, sizeof(path), "%s/h.yaml", test_dir());
	write_config();
	write_key("site.key", '1');
	write_key("other.key", '2');
	CHECK(setenv("XDG_CONFIG_HOME", test_dir(), 1) == 0);
	env.out = stdout;
	env.err = stderr;
	CHECK_OK(secret_process_init(&e), &e);
	CHECK_OK(ctx_new(&env, &ctx, &e), &e);
	CHECK_OK(params_set(ctx_line(ctx), "config", path, &e), &e);
	va_start(ap, name);
	for (; name != NULL; name = va_arg(ap, const char *))
		CHECK_OK(params_add(
			     ctx_line(ctx), name, va_arg(ap, const char *), &e),
		    &e);
	va_end(ap);
	CHECK_OK(ctx_start(ctx, &probe, &e), &e);
	return ctx;
}

TEST(repo__by_name_has_the_words_of_the_configuration_below_the_line)
{
	CLEANUP(freep_ctx)
	struct ctx *ctx = begin("repo", "main", "region", "us-east-1",
	    "keep_last", "3", "state_dir", "/s", NULL);
	CLEANUP(freep_cmd_repo) struct cmd_repo *r = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(cmd_repo_find(ctx, NULL, &r, &e), &e);
	CHECK_STR(r->name, "main");
	CHECK_STR(r->state_dir, "/s");
	CHECK_STR(params_get(r->params, "url"), "s3://b/p");
	CHECK_STR(params_get(r->params, "region"), "us-east-1");
	CHECK(params_at(r->params, "region", 1) == NULL);
	CHECK_STR(params_get(r->params, "keep_daily"), "7");
	CHECK_STR(params_get(r->params, "keep_last"), "3");
}

TEST(repo__by_place_needs_no_configuration)
{
	CLEANUP(freep_ctx) struct ctx *ctx = begin("repo", "file:/x", NULL);
	CLEANUP(freep_cmd_repo) struct cmd_repo *r = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(cmd_repo_find(ctx, NULL, &r, &e), &e);
	CHECK_STR(params_get(r->params, "url"), "file:/x");
	CHECK_STR(params_get(r->params, "type"), "file");
	CHECK_STR(params_get(r->params, "vault"), "main");
}

static void
check_no_repo(struct ctx *ctx, const char *name, enum hf_code code,
    const char *message, const char *hint)
{
	struct cmd_repo *r = NULL;
	struct err e = ERR_INIT;

	CHECK_FAIL(cmd_repo_find(ctx, name, &r, &e), &e, code);
	CHECK_STR(e.msg, message);
	CHECK_STR(e.hint, hint);
	CHECK(r == NULL);
}

TEST(repo__that_is_not_clear_is_asked_for)
{
	CLEANUP(freep_ctx) struct ctx *ctx = begin(NULL);
	CLEANUP(freep_ctx)
	struct ctx *stray = begin("endpoint", "https://x", NULL);

	check_no_repo(ctx, NULL, HF_EUSAGE,
	    "the configuration has several repositories",
	    "name one, as in --repo main");
	check_no_repo(ctx, "mian", HF_ENOTFOUND,
	    "there is no repository 'mian'", "did you mean 'main'?");
	check_no_repo(ctx, "/backup", HF_ENOTFOUND,
	    "there is no repository '/backup'",
	    "a folder is written file:/backup");
	check_no_repo(ctx, "s4://b", HF_EUSAGE,
	    "there is no repository of type 's4'", "did you mean 's3'?");
	check_no_repo(stray, "local", HF_EUSAGE,
	    "'--endpoint' is for no repository that is used here",
	    "it is for the type: s3");
}

TEST(repo__opts_take_a_fingerprint_only_if_it_is_one)
{
	CLEANUP(freep_ctx)
	struct ctx *good = begin("fingerprint",
	    "00112233445566778899aabbccddeeff", "host", "h1", NULL);
	CLEANUP(freep_ctx) struct ctx *bad = begin("fingerprint", "0011", NULL);
	CLEANUP(freep_cmd_repo) struct cmd_repo *r = NULL;
	CLEANUP(freep_cmd_repo) struct cmd_repo *s = NULL;
	struct repo_opts opts;
	struct err e = ERR_INIT;

	CHECK_OK(cmd_repo_find(good, "local", &r, &e), &e);
	CHECK_OK(cmd_repo_opts(good, r, NULL, &opts, &e), &e);
	CHECK_STR(opts.host, "h1");
	CHECK_STR(opts.vault, "main");
	CHECK_STR(opts.fingerprint, "00112233445566778899aabbccddeeff");
	CHECK_OK(cmd_repo_find(bad, "local", &s, &e), &e);
	CHECK_FAIL(cmd_repo_opts(bad, s, NULL, &opts, &e), &e, HF_EUSAGE);
}

/* Open the keys of ${repo} and check the labels. */
static void
check_keys(struct ctx *ctx, const char *repo, const char *a, const char *b)
{
	CLEANUP(freep_cmd_repo) struct cmd_repo *r = NULL;
	static const uint8_t salt[16] = { 1 };
	struct cmd_keys k = { .ctx = ctx };
	struct key **v = NULL;
	struct err e = ERR_INIT;
	size_t n = 0, i;

	CHECK_OK(cmd_repo_find(ctx, repo, &r, &e), &e);
	k.repo = r;
	CHECK_OK(cmd_keys_open(&k, salt, &v, &n, &e), &e);
	CHECK(n == (size_t)(a != NULL) + (b != NULL));
	CHECK(a == NULL || strstr(v[0]->label, a) != NULL);
	CHECK(b == NULL || strstr(v[1]->label, b) != NULL);
	for (i = 0; i < n; i++)
		key_free(v[i]);
	free(v);
}

TEST(keys__are_those_of_the_line_else_of_the_repository_else_the_default)
{
	CLEANUP(freep_ctx) struct ctx *plain = begin(NULL);
	CLEANUP(freep_ctx) struct ctx *named = begin("key", "other", NULL);
	CLEANUP(freep_mem) char *path = NULL;
	struct err e = ERR_INIT;
	char dir[256];

	check_keys(plain, "main", "site.key", "other.key");
	check_keys(named, "main", "other.key", NULL);
	check_keys(plain, "local", NULL, NULL);
	CHECK_OK(config_key_path(&path, &e), &e);
	(void)snprintf(dir, sizeof(dir), "%s/holdfast", test_dir());
	CHECK(mkdir(dir, 0700) == 0);
	write_key("holdfast/holdfast.key", '3');
	check_keys(plain, "local", path, NULL);
}

TEST(keys__are_asked_for_where_there_is_no_repository_to_name_them)
{
	CLEANUP(freep_ctx) struct ctx *ctx = begin(NULL);
	static const uint8_t salt[16] = { 1 };
	struct cmd_keys k = { .ctx = ctx };
	struct key **v = NULL;
	struct err e = ERR_INIT;
	size_t n = 0;

	CHECK_FAIL(cmd_keys_open(&k, salt, &v, &n, &e), &e, HF_EUSAGE);
	CHECK(v == NULL && n == 0);
}

TEST(keys__that_make_no_sense_are_never_repeated)
{
	static const char *const bad[] = { "hunter2", "hunter2:x",
		"passphrase:hunter2", "file", "passphrase:", ":" };
	CLEANUP(freep_ctx) struct ctx *ctx = begin(NULL);
	struct params *p = NULL;
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_FAIL(cmd_key_params(ctx, bad[i], &p, &e), &e, HF_EUSAGE);
		CHECK(strstr(e.msg, "hunter2") == NULL);
		CHECK(strstr(e.hint, "hunter2") == NULL);
		CHECK(e.hint[0] != '\0' && p == NULL);
	}
	CHECK_FAIL(cmd_key_params(ctx, "siet", &p, &e), &e, HF_EUSAGE);
	CHECK_STR(e.hint, "did you mean 'site'?");
}

TEST(keys__said_in_full_become_the_words_of_their_driver)
{
	CLEANUP(freep_ctx) struct ctx *ctx = begin(NULL);
	CLEANUP(freep_params) struct params *p = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(cmd_key_params(ctx, "passphrase:env:PW", &p, &e), &e);
	CHECK_STR(params_get(p, "type"), "passphrase");
	CHECK_STR(params_get(p, "from"), "env:PW");
}

TEST(sources__are_all_of_the_configuration_or_those_that_were_named)
{
	CLEANUP(freep_ctx) struct ctx *ctx = begin(NULL);
	CLEANUP(freep_cmd_sources) struct cmd_sources all = { NULL, 0 };
	CLEANUP(freep_cmd_sources) struct cmd_sources one = { NULL, 0 };
	char node1[] = "node1", *names[] = { node1 };
	struct err e = ERR_INIT;

	CHECK_OK(cmd_sources_find(ctx, 0, NULL, &all, &e), &e);
	CHECK(all.n == 2);
	CHECK_STR(all.v[0].name, "cp");
	CHECK_STR(cmd_source_repo(ctx, &all.v[0]), "main");
	CHECK(cmd_source_repo(ctx, &all.v[1]) == NULL);
	CHECK_OK(cmd_sources_find(ctx, 1, names, &one, &e), &e);
	CHECK(one.n == 1);
	CHECK_STR(params_at(one.v[0].params, "exclude", 1), "b");
}

TEST(sources__take_the_options_of_the_line_for_their_type)
{
	CLEANUP(freep_ctx)
	struct ctx *ctx =
	    begin("exclude", "c", "etcd_ca", "/ca", "repo", "local", NULL);
	CLEANUP(freep_cmd_sources) struct cmd_sources all = { NULL, 0 };
	struct err e = ERR_INIT;

	CHECK_OK(cmd_sources_find(ctx, 0, NULL, &all, &e), &e);
	CHECK_STR(params_get(all.v[0].params, "ca"), "/ca");
	CHECK(params_get(all.v[0].params, "exclude") == NULL);
	CHECK_STR(params_get(all.v[1].params, "exclude"), "c");
	CHECK(params_at(all.v[1].params, "exclude", 1) == NULL);
	CHECK(cmd_source_repo(ctx, &all.v[0]) == NULL); /* --repo wins. */
}

TEST(sources__said_in_full_get_a_name_that_gives_nothing_away)
{
	CLEANUP(freep_ctx)
	struct ctx *ctx = begin("from", "etcd:https://a:2379,https://b:2379",
	    "from", "tree:/srv/a,b", "host", "h1", NULL);
	CLEANUP(freep_ctx)
	struct ctx *other = begin("from", "tree:/srv/a,b", "host", "h2", NULL);
	CLEANUP(freep_ctx)
	struct ctx *named =
	    begin("from", "stream:-", "source_name", "app", NULL);
	CLEANUP(freep_cmd_sources) struct cmd_sources a = { NULL, 0 };
	CLEANUP(freep_cmd_sources) struct cmd_sources b = { NULL, 0 };
	CLEANUP(freep_cmd_sources) struct cmd_sources c = { NULL, 0 };
	struct err e = ERR_INIT;

	CHECK_OK(cmd_sources_find(ctx, 0, NULL, &a, &e), &e);
	CHECK(a.n == 2);
	CHECK_STR(params_at(a.v[0].params, "endpoints", 1), "https://b:2379");
	CHECK_STR(params_get(a.v[1].params, "path"), "/srv/a,b");
	CHECK(strncmp(a.v[1].name, "tree-", 5) == 0);
	CHECK(strlen(a.v[1].name) == 13);
	/* Retention counts by name: hosts must not share one by accident. */
	CHECK_OK(cmd_sources_find(other, 0, NULL, &b, &e), &e);
	CHECK(strcmp(a.v[1].name, b.v[0].name) != 0);
	CHECK_OK(cmd_sources_find(named, 0, NULL, &c, &e), &e);
	CHECK_STR(c.v[0].name, "app");
	CHECK_STR(params_get(c.v[0].params, "command"), "-");
}

static void
check_no_source(struct ctx *ctx, const char *message)
{
	struct cmd_sources all = { NULL, 0 };
	struct err e = ERR_INIT;

	CHECK(cmd_sources_find(ctx, 0, NULL, &all, &e) < 0);
	CHECK_STR(e.msg, message);
	CHECK(all.n == 0 && all.v == NULL);
	ctx_free(ctx);
}

TEST(sources__that_make_no_sense_are_refused)
{
	check_no_source(
	    begin("from", "noed1", NULL), "there is no source 'noed1'");
	check_no_source(
	    begin("from", "tre:/x", NULL), "there is no source of type 'tre'");
	check_no_source(begin("from", "tree:", NULL), "'path' is empty");
	check_no_source(begin("from", "node1", "from", "node1", NULL),
	    "the source 'node1' is named twice");
	check_no_source(begin("from", "node1", "etcd_ca", "/ca", NULL),
	    "'--etcd-ca' is for no source that is used here");
}

/* What the table says and what the drivers say must be the same. */
TEST(drivers__have_a_row_for_their_type_and_word)
{
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; stores[i] != NULL; i++)
		CHECK(config_type_named(
			  OPTION_IN_REPO, stores[i]->scheme, &e) != NULL);
	for (i = 0; keys[i] != NULL; i++) {
		CHECK(config_type_named(OPTION_IN_KEY, keys[i]->type, &e) !=
		      NULL);
		CHECK(config_option_in(
			  OPTION_IN_KEY, keys[i]->type, keys[i]->word) != NULL);
	}
	for (i = 0; sources[i] != NULL; i++) {
		CHECK(config_type_named(
			  OPTION_IN_SOURCE, sources[i]->type, &e) != NULL);
		CHECK(config_option_in(OPTION_IN_SOURCE, sources[i]->type,
			  sources[i]->word) != NULL);
	}
}

TEST(store__opens_where_the_line_says)
{
	CLEANUP(freep_mem) char *place = NULL;
	CLEANUP(freep_store) struct store *s = NULL;
	CLEANUP(freep_cmd_repo) struct cmd_repo *r = NULL;
	CLEANUP(freep_ctx) struct ctx *ctx = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(str_printf(&place, &e, "file:%s/repo", test_dir()), &e);
	ctx = begin("repo", place, NULL);
	CHECK_OK(cmd_repo_find(ctx, NULL, &r, &e), &e);
	CHECK_OK(cmd_store_open(ctx, r, STORE_WRITE, &s, &e), &e);
	CHECK_STR(s->place, place);
}
