#include <unistd.h>

#include "base/file.h"
#include "base/params.h"
#include "base/str.h"
#include "config/config.h"
#include "test.h"

/* The example of the manual; certificates named, as a real one has them. */
static const char example[] =
    "keys:\n"
    "  site:   { type: file, path: /etc/holdfast/site.key }\n"
    "  escrow: { type: recipient, public: hfr1... }\n"
    "repositories:\n"
    "  main:   { url: s3://backups/prod, endpoint: "
    "https://s3.example.net, region: eu-west-3, path_style: true, "
    "ca_file: /etc/holdfast/ca.pem,\n"
    "            access_key: file:/run/secrets/access, secret_key: "
    "file:/run/secrets/secret, keys: [site, escrow], retention: { "
    "keep_daily: 7, keep_weekly: 5 } }\n"
    "sources:\n"
    "  control-plane: { type: etcd, endpoints: "
    "[\"https://10.0.0.1:2379\"], ca: ..., cert: ..., key: ..., "
    "repository: main }\n"
    "  node1:         { type: tree, path: /srv/node1, exclude: "
    "[\"**/LOCK\"], repository: main }\n";

static int
parse(const char *text, struct config **ret, struct err *err)
{
	return config_parse("h.yaml", text, strlen(text), ret, err);
}

static void
check_value(const struct config_entry *e, const char *word, const char *want)
{
	CHECK(e != NULL);
	CHECK(params_get(e->params, word) != NULL);
	CHECK_STR(params_get(e->params, word), want);
}

TEST(config__loads_the_example_of_the_manual)
{
	CLEANUP(freep_config) struct config *c = NULL;
	const struct config_entry *e;
	struct err err = ERR_INIT;

	CHECK_OK(parse(example, &c, &err), &err);
	e = config_named(c, OPTION_IN_KEY, "site");
	check_value(e, "type", "file");
	check_value(e, "path", "/etc/holdfast/site.key");
	CHECK(e->line == 2);
	e = config_named(c, OPTION_IN_KEY, "escrow");
	check_value(e, "public", "hfr1...");
	e = config_named(c, OPTION_IN_REPO, "main");
	CHECK_STR(e->type, "s3");
	check_value(e, "url", "s3://backups/prod");
	check_value(e, "path_style", "true");
	check_value(e, "secret_key", "file:/run/secrets/secret");
	check_value(e, "keep_daily", "7");
	check_value(e, "keep_weekly", "5");
	check_value(e, "vault", "main"); /* The default. */
	CHECK_STR(params_at(e->params, "keys", 1), "escrow");
	CHECK(params_at(e->params, "keys", 2) == NULL);
	e = config_at(c, OPTION_IN_SOURCE, 0);
	CHECK_STR(e->name, "control-plane");
	check_value(e, "endpoints", "https://10.0.0.1:2379");
	check_value(e, "repository", "main");
	e = config_at(c, OPTION_IN_SOURCE, 1);
	CHECK_STR(e->name, "node1");
	check_value(e, "exclude", "**/LOCK");
	CHECK(config_at(c, OPTION_IN_SOURCE, 2) == NULL);
}

TEST(config__loads_an_empty_file_and_options_at_the_top)
{
	CLEANUP(freep_config) struct config *c = NULL;
	CLEANUP(freep_config) struct config *top = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(parse("keys:\nsources:\n", &c, &e), &e);
	CHECK(config_at(c, OPTION_IN_KEY, 0) == NULL);
	CHECK_OK(parse("memory: 96MiB\ncompression: 3\n", &top, &e), &e);
	CHECK_STR(params_get(config_top(top), "memory"), "96MiB");
	CHECK_STR(params_get(config_top(top), "compression"), "3");
}

TEST(config__takes_one_value_for_a_list)
{
	CLEANUP(freep_config) struct config *c = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(
	    parse("sources:\n  a: {type: tree, path: /, exclude: x}\n", &c, &e),
	    &e);
	check_value(config_named(c, OPTION_IN_SOURCE, "a"), "exclude", "x");
}

/* Text, message and hint of everything that is refused. */
static const struct {
	const char *text, *message, *hint;
} refused[] = {
	{ "keyz: {}\n", "h.yaml:1: unknown word 'keyz'",
	    "did you mean 'keys'?" },
	{ "memory: 96MiB\nendpoint: x\n", "h.yaml:2: unknown word 'endpoint'",
	    "`holdfast help config` lists the words" },
	{ "- a\n",
	    "h.yaml:1: this is not a map of keys, repositories and sources",
	    "" },
	{ "memory: 1K\n", "h.yaml:1: 'memory' cannot be 1K",
	    "it goes from 16.0 MiB to 1.0 TiB" },
	{ "memory:\n", "h.yaml:1: 'memory' has no value", "" },
	{ "memory: [1, 2]\n", "h.yaml:1: 'memory' must be a single value", "" },
	{ "keys: 3\n", "h.yaml:1: 'keys' must be a map",
	    "write it as { word: value, ... }" },
	{ "keys:\n  a: /etc/key\n", "h.yaml:2: 'a' must be a map",
	    "write it as { word: value, ... }" },
	{ "keys:\n  a: { path: /k }\n", "h.yaml:2: key 'a' has no 'type'", "" },
	{ "keys:\n  a: { type: fil, path: /k }\n",
	    "h.yaml:2: there is no key of type 'fil'", "did you mean 'file'?" },
	{ "keys:\n  a: { type: file }\n", "h.yaml:2: key 'a' has no 'path'",
	    "" },
	{ "keys:\n  a:\n    type: file\n    pth: /k\n",
	    "h.yaml:4: unknown word 'pth'", "did you mean 'path'?" },
	{ "keys:\n  a:\n    type: file\n    public: hfr1\n",
	    "h.yaml:4: a key of type 'file' has no 'public'",
	    "'public' is for: recipient" },
	{ "keys:\n  a: { type: passphrase, from: hunter2 }\n",
	    "h.yaml:2: 'from' says where the secret lies, never what it is",
	    "write file:/PATH, env:NAME or fd:N" },
	{ "keys:\n  s3://x: { type: file, path: /k }\n",
	    "h.yaml:2: 's3://x' cannot be a name",
	    "a name is 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'" },
	{ "keys:\n  a: {type: file, path: /a}\n  a: {type: file, path: /b}\n",
	    "h.yaml:3: 'a' is there already, in line 2", "" },
	{ "repositories:\n  r: { endpoint: x }\n",
	    "h.yaml:2: repository 'r' has no 'url'", "" },
	{ "repositories:\n  r: { url: /backup }\n",
	    "h.yaml:2: 'url' is not a place",
	    "write it as file:/PATH or s3://BUCKET/PREFIX" },
	{ "repositories:\n  r: { url: s4://b }\n",
	    "h.yaml:2: there is no repository of type 's4'",
	    "did you mean 's3'?" },
	{ "repositories:\n  r: { url: file:/b,\n    endpoint: x }\n",
	    "h.yaml:3: a repository of type 'file' has no 'endpoint'",
	    "'endpoint' is for: s3" },
	{ "repositories:\n  r: { url: s3://b,\n    secret_key: hunter2 }\n",
	    "h.yaml:3: 'secret_key' says where the secret lies, never what "
	    "it is",
	    "write file:/PATH, env:NAME or fd:N" },
	{ "repositories:\n  r: { url: s3://b, path_style: yes }\n",
	    "h.yaml:2: 'path_style' cannot be 'yes'",
	    "it is one of: true false" },
	{ "keys:\n  site: {type: file, path: /k}\n"
	  "repositories:\n  r: { url: file:/b,\n    keys: [site,\n   siet] }\n",
	    "h.yaml:6: there is no key 'siet'", "did you mean 'site'?" },
	{ "repositories:\n  r: { url: file:/b, keys: [a] }\n",
	    "h.yaml:2: there is no key 'a'", "'h.yaml' has none" },
	{ "repositories:\n  r: { url: file:/b, retention: 7 }\n",
	    "h.yaml:2: 'retention' must be a map",
	    "write it as { word: value, ... }" },
	{ "repositories:\n  r: { url: file:/b,\n   retention: {keep_dayly: 7}"
	  " }\n",
	    "h.yaml:3: unknown word 'keep_dayly'",
	    "did you mean 'keep_daily'?" },
	{ "repositories:\n  r: { url: file:/b, keep_daily: 7 }\n",
	    "h.yaml:2: unknown word 'keep_daily'",
	    "`holdfast help config` lists the words" },
	{ "sources:\n  s: { type: tree, path: /, repository: main }\n",
	    "h.yaml:2: there is no repository 'main'", "'h.yaml' has none" },
	{ "sources:\n  s: { type: tree, path: /, path: /x }\n",
	    "h.yaml:2: 'path' is there already, in line 2", "" },
	{ "sources:\n  s: { type: tree, path: [a, b] }\n",
	    "h.yaml:2: 'path' must be a single value", "" },
	{ "sources:\n  s: { type: tree, path: /, exclude: {a: b} }\n",
	    "h.yaml:2: 'exclude' must be a list of values", "" },
	{ "sources:\n  s: { type: [tree], path: / }\n",
	    "h.yaml:2: 'type' must be a single value", "" },
	{ "a: &x 1\n", "h.yaml:1: anchors and aliases are refused",
	    "write the value out; quote text that begins with & or *" },
};

TEST(config__refuses_every_mistake_with_its_line_and_a_remedy)
{
	struct config *c = NULL;
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		CHECK_FAIL(parse(refused[i].text, &c, &e), &e, HF_ECONFIG);
		CHECK_STR(e.msg, refused[i].message);
		CHECK_STR(e.hint, refused[i].hint);
		CHECK(c == NULL);
	}
}

TEST(config__names_what_it_has_when_a_name_is_wrong)
{
	CLEANUP(freep_config) struct config *c = NULL;
	const struct config_entry *e = NULL;
	struct err err = ERR_INIT;

	CHECK_OK(parse(example, &c, &err), &err);
	CHECK_FAIL(config_name(c, OPTION_IN_REPO, "mian", &e, &err), &err,
	    HF_ENOTFOUND);
	CHECK_STR(err.hint, "did you mean 'main'?");
	CHECK_FAIL(config_name(c, OPTION_IN_KEY, "wherever", &e, &err), &err,
	    HF_ENOTFOUND);
	CHECK_STR(err.hint, "there are: site, escrow");
	CHECK(e == NULL);
}

TEST(config__is_searched_where_the_manual_says)
{
	CLEANUP(freep_mem) char *path = NULL;
	CLEANUP(freep_mem) char *own = NULL;
	struct err e = ERR_INIT;

	CHECK(setenv("XDG_CONFIG_HOME", test_dir(), 1) == 0);
	CHECK_OK(
	    str_printf(&own, &e, "%s/holdfast/holdfast.yaml", test_dir()), &e);
	CHECK_OK(config_find("/given", &path, &e), &e);
	CHECK_STR(path, "/given");
	free(TAKE(path));
	CHECK_OK(config_find(NULL, &path, &e), &e);
	CHECK(path == NULL || strcmp(path, own) != 0);
	free(TAKE(path));
	*strrchr(own, '/') = '\0';
	CHECK_OK(file_mkdirs(own, 0700, &e), &e);
	own[strlen(own)] = '/';
	CHECK_OK(file_write_new(own, 0600, example, strlen(example), &e), &e);
	CHECK_OK(config_find(NULL, &path, &e), &e);
	CHECK_STR(path, own);
}

TEST(config__that_cannot_be_read_says_why)
{
	struct config *c = NULL;
	struct err e = ERR_INIT;

	CHECK_FAIL(
	    config_load("/nonexistent/h.yaml", &c, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.msg, "/nonexistent/h.yaml") != NULL);
	CHECK_FAIL(config_load("/dev/zero", &c, &e), &e, HF_ECONFIG);
	CHECK(c == NULL);
}

TEST(config__survives_running_out_of_memory)
{
	struct config *c = NULL;
	struct err e = ERR_INIT;
	int rc = 0;

	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = parse(example, &c, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM && c == NULL);
	}
	test_malloc_fail(0);
	CHECK(rc == 0);
	config_free(c);
}
