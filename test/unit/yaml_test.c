#include "base/buf.h"
#include "base/yaml.h"
#include "test.h"

static int
parse(const char *text, struct yaml_node **ret, struct err *err)
{
	return yaml_parse("x.yaml", text, strlen(text), ret, err);
}

static void
check_refused(const char *text, const char *message)
{
	struct yaml_node *n = NULL;
	struct err e = ERR_INIT;

	CHECK_FAIL(parse(text, &n, &e), &e, HF_ECONFIG);
	CHECK_STR(e.msg, message);
	CHECK(n == NULL);
}

TEST(yaml__gives_a_tree_that_knows_its_lines)
{
	CLEANUP(freep_yaml_node) struct yaml_node *root = NULL;
	const struct yaml_node *n;
	struct err e = ERR_INIT;

	CHECK_OK(parse("# a comment\n"
		       "a: 1\n"
		       "b: [x, 'null', null]\n"
		       "c:\n"
		       "  d: { e: \"f: g\" }\n",
		     &root, &e),
	    &e);
	CHECK(root->kind == YAML_MAP);
	n = root->child;
	CHECK_STR(n->key, "a");
	CHECK_STR(n->value, "1");
	CHECK(n->line == 2 && n->column == 1 && !n->quoted);
	n = n->next;
	CHECK(n->kind == YAML_LIST && n->line == 3);
	CHECK_STR(n->child->value, "x");
	CHECK(n->child->next->quoted && !yaml_is_null(n->child->next));
	CHECK(yaml_is_null(n->child->next->next));
	CHECK(n->child->next->next->next == NULL);
	n = n->next;
	CHECK(n->next == NULL && n->kind == YAML_MAP);
	CHECK(n->child->line == 5 && n->child->column == 3);
	CHECK_STR(n->child->child->value, "f: g");
}

TEST(yaml__of_nothing_is_an_empty_map)
{
	static const char *const empty[] = { "", "\n", "# only a comment\n" };
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < 3; i++) {
		struct yaml_node *n = NULL;

		CHECK_OK(parse(empty[i], &n, &e), &e);
		CHECK(n->kind == YAML_MAP && n->child == NULL);
		yaml_node_free(n);
	}
}

TEST(yaml__refuses_anchors_aliases_and_tags)
{
	check_refused(
	    "a: &x 1\nb: *x\n", "x.yaml:1: anchors and aliases are refused");
	check_refused(
	    "a: 1\nb: &x [1]\n", "x.yaml:2: anchors and aliases are refused");
	check_refused("a: 1\nb: &x {c: d}\n",
	    "x.yaml:2: anchors and aliases are refused");
	check_refused("&x a: 1\n", "x.yaml:1: anchors and aliases are refused");
	check_refused("a: !!binary aGk=\n", "x.yaml:1: tags are refused");
	check_refused("a: !x [1]\n", "x.yaml:1: tags are refused");
	check_refused("a: 1\n\n!x b: 1\n", "x.yaml:3: tags are refused");
}

TEST(yaml__refuses_a_key_that_comes_twice)
{
	check_refused(
	    "a: 1\nb: 2\na: 3\n", "x.yaml:3: 'a' is there already, in line 1");
	check_refused("m:\n  a: 1\n  'a': 3\n",
	    "x.yaml:3: 'a' is there already, in line 2");
}

TEST(yaml__refuses_keys_that_are_no_words)
{
	check_refused("? [a, b]\n: c\n", "x.yaml:1: a key must be a word");
	check_refused(
	    "a: 1\n? {a: b}\n: c\n", "x.yaml:2: a key must be a word");
}

TEST(yaml__refuses_a_second_document)
{
	check_refused("a: 1\n---\nb: 2\n",
	    "x.yaml:2: a second document; there must be one");
}

TEST(yaml__refuses_text_that_is_not_yaml)
{
	struct yaml_node *n = NULL;
	struct err e = ERR_INIT;

	CHECK_FAIL(parse("a: [1, 2\nb: 3\n", &n, &e), &e, HF_ECONFIG);
	CHECK(strncmp(e.msg, "x.yaml:2: ", 10) == 0);
	CHECK_FAIL(parse("a: 1\n\tb: 2\n", &n, &e), &e, HF_ECONFIG);
	CHECK(strncmp(e.msg, "x.yaml:2: ", 10) == 0);
	CHECK_FAIL(parse("a: \xff\xfe\n", &n, &e), &e, HF_ECONFIG);
	CHECK_FAIL(parse("a: \"\\0\"\n", &n, &e), &e, HF_ECONFIG);
	CHECK_STR(e.msg, "x.yaml:1: text with a NUL in it");
	CHECK(n == NULL);
}

TEST(yaml__goes_32_levels_deep_and_no_deeper)
{
	struct yaml_node *n = NULL;
	struct err e = ERR_INIT;
	char text[2 * 40 + 1];
	int i;

	/* A scalar inside 31 lists is level 32. */
	memset(text, '[', 31);
	text[31] = 'x';
	memset(text + 32, ']', 31);
	text[63] = '\0';
	CHECK_OK(parse(text, &n, &e), &e);
	yaml_node_free(n);
	n = NULL;
	for (i = 0; i < 40; i++) {
		text[i] = '[';
		text[79 - i] = ']';
	}
	text[80] = '\0';
	CHECK_FAIL(parse(text, &n, &e), &e, HF_ECONFIG);
	CHECK_STR(e.msg, "x.yaml:1: nested too deep");
}

TEST(yaml__bounds_its_size_and_the_length_of_lists)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct yaml_node *n = NULL;
	struct err e = ERR_INIT;
	int i;

	for (i = 0; i < YAML_CHILDREN + 1; i++)
		CHECK_OK(buf_printf(&b, &e, "k%d: 1\n", i), &e);
	CHECK_FAIL(yaml_parse("x.yaml", b.p, b.len, &n, &e), &e, HF_ECONFIG);
	CHECK_STR(e.msg, "x.yaml:1: more than 4096 entries");
	CHECK_OK(buf_reserve(&b, YAML_MAX + 1, &e), &e);
	memset(b.p, '\n', YAML_MAX + 1);
	CHECK_OK(yaml_parse("x.yaml", b.p, YAML_MAX, &n, &e), &e);
	yaml_node_free(n);
	n = NULL;
	CHECK_FAIL(
	    yaml_parse("x.yaml", b.p, YAML_MAX + 1, &n, &e), &e, HF_ECONFIG);
}

TEST(yaml__survives_running_out_of_memory)
{
	static const char text[] = "a: 1\nb: [x, y]\nc: { d: e }\n";
	struct yaml_node *n = NULL;
	struct err e = ERR_INIT;
	int rc = 0;

	TEST_TORTURE (i) {
		test_malloc_fail(i);
		rc = parse(text, &n, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM && n == NULL);
	}
	test_malloc_fail(0);
	CHECK(rc == 0);
	yaml_node_free(n);
}
