/* YAML as JSON: what it means, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "list/yaml.h"

static void
expect(const char *text, const char *json)
{
	AUTO_JSON *documents = NULL;
	AUTO_BUFFER written = BUFFER(1 << 16);
	const char *found = NULL;
	struct ferry_error err;

	if (yaml_parse(&documents, text, strlen(text), &err))
		fail_msg("%s: %s", text, err.message);
	if (json_write(documents, &written, &err) ||
	    buffer_text(&written, &found, &err))
		fail_msg("%s", err.message);
	assert_string_equal(found, json);
}

static void
test_what_yaml_means(void **state)
{
	static const struct {
		const char *text;
		const char *json;
	} cases[] = {
		{ "", "[]" },
		{ "# nothing\n---\n# nor here\n", "[]" },
		{ "a: 1\n---\nb: 2\n...\n---\n---\nc",
		  "[{\"a\":1},{\"b\":2},\"c\"]" },
		{ "[~, null, NULL, true, True, false, FALSE, '', ]",
		  "[[null,null,null,true,true,false,false,\"\"]]" },
		{ "[1, -2, +3, 0o17, 0x1F, 007, 99999999999999999999]",
		  "[[1,-2,3,15,31,7,\"99999999999999999999\"]]" },
		{ "[1.5, .5, 1., 1e3, -2.5E-1, 1e, ., -, +., .inf, 1e999]",
		  "[[1.5,0.5,1.0,1000.0,-0.25,\"1e\",\".\",\"-\",\"+.\","
		  "\".inf\",\"1e999\"]]" },
		{ "['1', \"true\", yes, 1.2.3, 12:30, 0x, 0o8, 1_000]",
		  "[[\"1\",\"true\",\"yes\",\"1.2.3\",\"12:30\",\"0x\","
		  "\"0o8\",\"1_000\"]]" },
		{ "[!!str 1, ! 2, !!int 3, !!binary 4, \"\\u00e9\"]",
		  "[[\"1\",\"2\",3,\"4\",\"\xc3\xa9\"]]" },
		{ "1: a\ntrue: b\nnull: c\n'': d\n",
		  "[{\"1\":\"a\",\"true\":\"b\",\"null\":\"c\",\"\":\"d\"}]" },
		{ "a: &x [1, 2]\nb: *x\nc: &x 3\nd: *x\n",
		  "[{\"a\":[1,2],\"b\":[1,2],\"c\":3,\"d\":3}]" },
		{ "a: &k name\n*k : 1\n", "[{\"a\":\"name\",\"name\":1}]" },
		{ "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3, c: 4}\n",
		  "[{\"x\":{\"a\":1,\"b\":2},"
		  "\"y\":{\"b\":3,\"c\":4,\"a\":1}}]" },
		{ "x: &x {a: 1}\ny: &y {a: 2, b: 2}\n"
		  "z: {c: 3, <<: [*x, *y, {d: 4}]}\n",
		  "[{\"x\":{\"a\":1},\"y\":{\"a\":2,\"b\":2},"
		  "\"z\":{\"c\":3,\"a\":1,\"b\":2,\"d\":4}}]" },
		{ "a: {'<<': 1}", "[{\"a\":{\"<<\":1}}]" },
		{ "a: !reset null\nb: !override {c: 1}\n",
		  "[{\"a\":{\"!reset\":null},\"b\":{\"!override\":{\"c\":1}}}]" },
		{ "a: |\n  one\n  two\nb: >-\n  one\n  two\n",
		  "[{\"a\":\"one\\ntwo\\n\",\"b\":\"one two\"}]" },
		{ " {\"a\": [1, \"\\ud83d\\ude00\", \"\\/\", {}]}\n",
		  "[{\"a\":[1,\"\xf0\x9f\x98\x80\",\"/\",{}]}]" },
		{ "[{\"a\":\t1,\n\t\"b\":\"c\"}]\n",
		  "[[{\"a\":1,\"b\":\"c\"}]]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect(cases[i].text, cases[i].json);
}

static void
expect_refusal(const char *text, size_t size, const char *says)
{
	AUTO_JSON *documents = NULL;
	struct ferry_error err = { 0 };

	assert_int_equal(yaml_parse(&documents, text, size, &err),
			 FERRY_E_USAGE);
	assert_null(documents);
	if (!strstr(err.message, says))
		fail_msg("'%s' lacks '%s'", err.message, says);
}

static void
test_what_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{ "a: 1\nb: [1\n", "line 3, column 1: " },
		{ "a: 1\n b: 2\n", "line 2, column 3: mapping values are not" },
		{ "a:\n\t- b\n", "line 2, column 1: found character that" },
		{ "a: 1\nb: 2\na: 3\n",
		  "line 3, column 1: the key 'a' a second time" },
		{ "{\"a\": 1, \"a\": 2}",
		  "line 1, column 10: the key 'a' a second time" },
		{ "x: &x {}\ny: {<<: *x, <<: *x}",
		  "line 2, column 13: the key '<<' a second time" },
		{ "a: *b\n", "line 1, column 4: no anchor 'b' before this" },
		{ "a: &a [*a]\n", "line 1, column 8: no anchor 'a'" },
		{ "a: &a 1\n---\nb: *a\n", "line 3, column 4: no anchor 'a'" },
		{ "a: {<<: 1}\n", "behind '<<' there is neither" },
		{ "a: {<<: [1]}\n", "behind '<<' there is neither" },
		{ "? [a]\n: b\n", "line 1, column 3: a key that is no text" },
		{ "a: !secret b\n", "the tag '!secret' means nothing here" },
		{ "a: !include {b: c}\n", "the tag '!include' means nothing" },
		{ "a: \"b\\0c\"\n", "line 1, column 4: a NUL in a text" },
		{ "\"b\\0c\": 1\n", "line 1, column 1: a NUL in a text" },
		{ "a: \xff\n", "byte 4: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_refusal(cases[i].text, strlen(cases[i].text),
			       cases[i].says);
}

static void
test_laughs_are_counted(void **state)
{
	AUTO_BUFFER text = BUFFER(1 << 16);
	struct ferry_error err;

	(void)state;
	if (buffer_format(&text, &err, "a0: &a0 [x, x]\n"))
		fail_msg("%s", err.message);
	for (int i = 1; i < 40; i++)
		if (buffer_format(&text, &err, "a%d: &a%d [*a%d, *a%d]\n", i, i,
				  i - 1, i - 1))
			fail_msg("%s", err.message);
	expect_refusal((const char *)text.data, text.size,
		       "more in it than any list needs, aliases put in");
}

/* One long text, again and again. */
static void
test_bytes_are_counted(void **state)
{
	enum {
		LENGTH = 1 << 20
	};
	AUTO_FREE char *text = malloc(LENGTH + 1024);
	size_t size = 0;

	(void)state;
	assert_non_null(text);
	size += (size_t)sprintf(text, "- &a ");
	memset(text + size, 'x', LENGTH);
	size += LENGTH;
	for (size_t i = 0; i <= YAML_BYTES_MAX / LENGTH; i++)
		size += (size_t)sprintf(text + size, "\n- *a");
	expect_refusal(text, size, "more in it than any list needs");
}

/* libyaml would take minutes over these. */
static void
test_directives_are_counted(void **state)
{
	AUTO_BUFFER text = BUFFER(1 << 16);
	struct ferry_error err;

	(void)state;
	for (int i = 0; i <= 1000; i++)
		if (buffer_format(&text, &err, "%%TAG !a%d! x\r", i))
			fail_msg("%s", err.message);
	expect_refusal((const char *)text.data, text.size,
		       "more than 1000 times '%TAG'");
}

static void
test_depth_is_limited(void **state)
{
	AUTO_BUFFER chain = BUFFER(1 << 16);
	struct ferry_error err;
	char deep[YAML_DEPTH_MAX + 2];

	(void)state;
	memset(deep, '[', sizeof(deep));
	expect_refusal(deep, sizeof(deep), "more than 100 levels deep");
	if (buffer_format(&chain, &err, "a0: &a0 [x]\n"))
		fail_msg("%s", err.message);
	for (int i = 1; i < YAML_DEPTH_MAX; i++)
		if (buffer_format(&chain, &err, "a%d: &a%d [*a%d]\n", i, i,
				  i - 1))
			fail_msg("%s", err.message);
	expect_refusal((const char *)chain.data, chain.size,
		       "line 99, column 12: more than 100 levels deep");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_yaml_means),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_laughs_are_counted),
		cmocka_unit_test(test_bytes_are_counted),
		cmocka_unit_test(test_directives_are_counted),
		cmocka_unit_test(test_depth_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
