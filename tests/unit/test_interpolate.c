/* Variables in texts, and files of variables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "list/dotenv.h"
#include "list/interpolate.h"

static json_t *
make_outer(void)
{
	json_t *outer = json_pack("{s:s, s:s, s:s, s:s}", "A", "one", "EMPTY",
				  "", "B_2", "two", "MONEY", "$A");

	assert_non_null(outer);
	return outer;
}

static void
test_variables_are_put_in(void **state)
{
	static const struct {
		const char *text;
		const char *becomes;
		const char *unset; /* its name, or NULL */
	} cases[] = {
		{ "", "", NULL },
		{ "plain } { text", "plain } { text", NULL },
		{ "$A", "one", NULL },
		{ "x$A.y", "xone.y", NULL },
		{ "$A$B_2", "onetwo", NULL },
		{ "${A}${B_2}c", "onetwoc", NULL },
		{ "$B_2x-$Ax", "-", "B_2x" },
		{ "${INNER}", "inner", NULL },
		{ "$MONEY", "$A", NULL }, /* once only */
		{ "a$$b$$$$c", "a$b$$c", NULL },
		{ "$$A $${A} $$$A", "$A ${A} $one", NULL },
		{ "${NO}", "", "NO" },
		{ "${NO:-d}${NO-d}", "dd", NULL },
		{ "${EMPTY:-d}${EMPTY-d}", "d", NULL },
		{ "${A:-d}${A-d}", "oneone", NULL },
		{ "${NO:-}${NO-}", "", NULL },
		{ "${NO:-a:-b}", "a:-b", NULL },
		{ "${NO:-a/b:1@sha256:x}", "a/b:1@sha256:x", NULL },
		{ "${NO:-${A}}", "one", NULL },
		{ "${NO:-${NOR:-x${B_2}}y}z", "xtwoyz", NULL },
		{ "${NO:-{x}}", "{x}", NULL },
		{ "${NO:-$$}", "$", NULL },
		{ "${NO:-$NOR}", "", "NOR" },
		{ "${A:-$NOR}", "one", NULL },
		{ "${A:+d}${A+d}", "dd", NULL },
		{ "${EMPTY:+d}${EMPTY+e}", "e", NULL },
		{ "${NO:+d}${NO+d}", "", NULL },
		{ "${A:?m}${A?m}${EMPTY?m}", "oneone", NULL },
	};
	AUTO_JSON *outer = make_outer();
	AUTO_JSON *inner =
		json_pack("{s:s, s:s}", "INNER", "inner", "A", "never");
	size_t spent = 0;
	struct variables variables = { outer, inner, &spent };
	struct ferry_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *found = NULL;
		AUTO_JSON *unset = json_array();
		const char *first;

		if (interpolate(&found, cases[i].text, &variables, unset, &err))
			fail_msg("%s: %s", cases[i].text, err.message);
		assert_string_equal(found, cases[i].becomes);
		first = json_string_value(json_array_get(unset, 0));
		if (!cases[i].unset != !first ||
		    (first && strcmp(first, cases[i].unset)))
			fail_msg("%s: '%s' is not set", cases[i].text,
				 first ? first : "nothing");
	}
}

static void
test_bad_variables_are_refused(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{ "$", "no variable behind a '$'" },
		{ "a$-", "no variable behind a '$'" },
		{ "$1", "no variable behind a '$'" },
		{ "${}", "no variable behind a '$'" },
		{ "${ A}", "no variable behind a '$'" },
		{ "${1A}", "no variable behind a '$'" },
		{ "${A", "a '${' without its '}'" },
		{ "${A:-${B}", "a '${' without its '}'" },
		{ "${A:}", "what follows ${A is none of" },
		{ "${A/b/c}", "what follows ${A is none of" },
		{ "${A b}", "what follows ${A is none of" },
		{ "${NO:?}", "variable NO is not set" },
		{ "${NO?why not}", "variable NO is not set: why not" },
		{ "${EMPTY:?${A} of $$5}",
		  "variable EMPTY is empty: one of $5" },
		{ "${NO:-${NOR?inside}}", "variable NOR is not set: inside" },
	};
	AUTO_JSON *outer = make_outer();
	size_t spent = 0;
	struct variables variables = { outer, NULL, &spent };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *found = NULL;
		struct ferry_error err = { 0 };

		assert_int_equal(interpolate(&found, cases[i].text, &variables,
					     NULL, &err),
				 FERRY_E_USAGE);
		assert_null(found);
		if (!strstr(err.message, cases[i].says))
			fail_msg("%s: '%s' lacks '%s'", cases[i].text,
				 err.message, cases[i].says);
	}
}

/* ${A:-${A:-...}} */
/* A short file may say a long text again and again. */
static void
test_texts_are_counted(void **state)
{
	AUTO_JSON *outer = json_object();
	size_t spent = INTERPOLATE_TOTAL_MAX - 2 * INTERPOLATE_TEXT_COST - 5;
	struct variables variables = { outer, NULL, &spent };
	struct ferry_error err;
	char *text = NULL;

	(void)state;
	assert_int_equal(interpolate(&text, "abc", &variables, NULL, &err), 0);
	free(text);
	assert_int_equal(interpolate(&text, "abc", &variables, NULL, &err),
			 FERRY_E_USAGE);
	assert_non_null(strstr(err.message, "more than any list needs"));
	assert_int_equal(interpolate(&text, "ab", &variables, NULL, &err), 0);
	assert_int_equal(spent, INTERPOLATE_TOTAL_MAX);
	free(text);
}

static void
test_depth_is_limited(void **state)
{
	AUTO_JSON *outer = json_object();
	AUTO_FREE char *found = NULL;
	size_t spent = 0;
	struct variables variables = { outer, NULL, &spent };
	struct ferry_error err = { 0 };
	char text[1024] = "";

	(void)state;
	for (int i = 0; i < 50; i++)
		strcat(text, "${A:-");
	for (int i = 0; i < 50; i++)
		strcat(text, "}");
	assert_int_equal(interpolate(&found, text, &variables, NULL, &err),
			 FERRY_E_USAGE);
	assert_string_equal(err.message, "variables more than 16 levels deep");
}

static void
expect_file(const char *text, const char *json)
{
	AUTO_JSON *outer = make_outer();
	AUTO_JSON *into = json_pack("{s:s}", "OLD", "old");
	AUTO_JSON *wanted = json_loads(json, 0, NULL);
	AUTO_FREE char *found = NULL;
	struct ferry_error err;

	assert_non_null(wanted);
	if (dotenv_parse(into, text, strlen(text), outer, &err))
		fail_msg("%s: %s", text, err.message);
	json_object_set_new(wanted, "OLD",
			    json_incref(json_object_get(into, "OLD")));
	found = json_dumps(into, 0);
	if (!json_equal(into, wanted))
		fail_msg("%s: %s", text, found);
}

static void
test_files_of_variables(void **state)
{
	static const struct {
		const char *text;
		const char *json;
	} cases[] = {
		{ "", "{}" },
		{ "\n \n# A=1\n\t# B=2", "{}" },
		{ "X=1", "{\"X\":\"1\"}" },
		{ "X=1\r\nY=2\r\n", "{\"X\":\"1\",\"Y\":\"2\"}" },
		{ "\xef\xbb\xbfX=1\n", "{\"X\":\"1\"}" },
		{ "  X = 1  \n\tY:2\nZ: 3", /* as YAML writes it */
		  "{\"X\":\"1\",\"Y\":\"2\",\"Z\":\"3\"}" },
		{ "export X=1\nexport\tY=2\nexporter=3",
		  "{\"X\":\"1\",\"Y\":\"2\",\"exporter\":\"3\"}" },
		{ "X=\nY= \nZ=''\nW=\"\"\n",
		  "{\"X\":\"\",\"Y\":\"\",\"Z\":\"\",\"W\":\"\"}" },
		{ "X=a b  # c\nY=a#b\nZ='a # b' # c\n",
		  "{\"X\":\"a b\",\"Y\":\"a#b\",\"Z\":\"a # b\"}" },
		{ "X=1=2\nY=a:b\nx.y-z[0]=1\n",
		  "{\"X\":\"1=2\",\"Y\":\"a:b\",\"x.y-z[0]\":\"1\"}" },
		{ "X=1\nX=2\nY=$X\n", "{\"X\":\"2\",\"Y\":\"2\"}" },
		{ "X=$A-${B_2}-${NO:-d}-$NO.\n", "{\"X\":\"one-two-d-.\"}" },
		{ "A=mine\nX=$A\n", "{\"A\":\"mine\",\"X\":\"one\"}" },
		{ "X=$OLD\nY=\"${OLD}$A\"\nZ='$OLD'\n",
		  "{\"X\":\"old\",\"Y\":\"oldone\",\"Z\":\"$OLD\"}" },
		{ "X='it\\'s \\n'\nY=\"a\\\"b\\n\\t\\\\ \\$A \\x\"\n",
		  "{\"X\":\"it's \\\\n\",\"Y\":\"a\\\"b\\n\\t\\\\ $A \\\\x\"}" },
		{ "X=\"one\ntwo\" # c\nY='a\nb'\nZ=3\n",
		  "{\"X\":\"one\\ntwo\",\"Y\":\"a\\nb\",\"Z\":\"3\"}" },
		{ "A\nNO\nX=1\n", "{\"A\":\"one\",\"X\":\"1\"}" },
		{ "X=a\\nb\nY=$$A\n", "{\"X\":\"a\\\\nb\",\"Y\":\"$A\"}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_file(cases[i].text, cases[i].json);
}

static void
test_bad_files_of_variables(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *says;
	} cases[] = {
		{ "X=1\n=2\n", 7, "line 2: no NAME=VALUE" },
		{ "X Y=1\n", 6, "line 1: no NAME=VALUE" },
		{ "\n\n<x>\n", 6, "line 3: no NAME=VALUE" },
		{ "X=1\nY=\"2\nZ=3\n", 13, "line 2: no \" ends the value" },
		{ "X='1", 4, "line 1: no ' ends the value" },
		{ "X=\"a\nb\"\nY=${\n", 13, "line 3: no variable behind" },
		{ "X=${NO:?say it}\n", 16,
		  "line 1: variable NO is not set: say it" },
		{ "X=1\0\n", 5, "no text: it holds a NUL" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_JSON *outer = make_outer();
		AUTO_JSON *into = json_object();
		struct ferry_error err = { 0 };

		assert_int_equal(dotenv_parse(into, cases[i].text,
					      cases[i].size, outer, &err),
				 FERRY_E_USAGE);
		if (!strstr(err.message, cases[i].says))
			fail_msg("'%s' lacks '%s'", err.message, cases[i].says);
	}
}

/* Each twice as long as the one before. */
static void
test_variables_end_somewhere(void **state)
{
	AUTO_JSON *outer = make_outer();
	AUTO_JSON *into = json_object();
	AUTO_BUFFER text = BUFFER(1 << 16);
	struct ferry_error err = { 0 };

	(void)state;
	assert_int_equal(buffer_format(&text, &err, "V0=0123456789\n"), 0);
	for (int i = 1; i < 40; i++)
		assert_int_equal(buffer_format(&text, &err, "V%d=$V%d$V%d\n", i,
					       i - 1, i - 1),
				 0);
	assert_int_equal(dotenv_parse(into, text.data, text.size, outer, &err),
			 FERRY_E_USAGE);
	assert_string_equal(err.message,
			    "line 14: more than 64 KiB, variables put in");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_variables_are_put_in),
		cmocka_unit_test(test_bad_variables_are_refused),
		cmocka_unit_test(test_texts_are_counted),
		cmocka_unit_test(test_depth_is_limited),
		cmocka_unit_test(test_files_of_variables),
		cmocka_unit_test(test_bad_files_of_variables),
		cmocka_unit_test(test_variables_end_somewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
