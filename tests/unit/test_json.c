/*
 * json: what is refused before anybody looks inside, and what getters say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "json/json.h"

static const struct {
	const char *text;
	const char *why; /* NULL: is fine */
} documents[] = {
	{ "{}", NULL },
	{ " \t\r\n{ } \n", NULL },
	{ "{\"a\":[1,2.5,-3,true,false,null,\"\\u00e9\"]}", NULL },
	{ "{\"a\":{\"b\":1},\"b\":{\"b\":2}}", NULL },
	{ "{\"a\":9223372036854775807}", NULL },
	{ "[]", "no JSON object" },
	{ "\"a\"", "no valid JSON" },
	{ "7", "no valid JSON" },
	{ "", "no valid JSON" },
	{ "{", "no valid JSON" },
	{ "{\"a\":1", "no valid JSON" },
	{ "{\"a\":1,}", "no valid JSON" },
	{ "{\"a\" 1}", "no valid JSON" },
	{ "{'a':1}", "no valid JSON" },
	{ "{a:1}", "no valid JSON" },
	{ "{}x", "no valid JSON" },
	{ "{}{}", "no valid JSON" },
	{ "{} // said", "no valid JSON" },
	{ "\357\273\277{}", "no valid JSON" },
	{ "{\"a\":1,\"a\":1}", "duplicate object key" },
	{ "{\"a\":{\"b\":1,\"b\":2}}", "duplicate object key" },
	{ "{\"a\":1,\"\\u0061\":1}", "duplicate object key" },
	{ "{\"a\":\"\\u0000\"}", "no valid JSON" },
	{ "{\"\\u0000\":1}", "no valid JSON" },
	{ "{\"a\":\"\\ud800\"}", "no valid JSON" },
	{ "{\"a\":\"\\udc00\\ud800\"}", "no valid JSON" },
	{ "{\"a\":\"\377\"}", "no valid JSON" },
	{ "{\"a\":\"\355\240\200\"}", "no valid JSON" },
	{ "{\"a\":\"\n\"}", "no valid JSON" },
	{ "{\"a\":01}", "no valid JSON" },
	{ "{\"a\":+1}", "no valid JSON" },
	{ "{\"a\":.5}", "no valid JSON" },
	{ "{\"a\":0x10}", "no valid JSON" },
	{ "{\"a\":NaN}", "no valid JSON" },
	{ "{\"a\":9223372036854775808}", "no valid JSON" },
	{ "{\"a\":-9223372036854775809}", "no valid JSON" },
	{ "{\"a\":1e999}", "no valid JSON" },
	{ "{\"a\":True}", "no valid JSON" },
};

static void
only_strict_objects_are_parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		AUTO_JSON *json = NULL;
		const char *why = documents[i].why;
		struct ferry_error err;
		int rc = json_parse(&json, documents[i].text,
				    strlen(documents[i].text), &err);

		if (rc != (why ? FERRY_E_FAILED : 0))
			fail_msg("%s", documents[i].text);
		if (why && !strstr(err.message, why))
			fail_msg("%s\ninstead of: %s", err.message, why);
		assert_true(rc ? !json : json_is_object(json));
	}
}

static void
message_tells_the_place(void **state)
{
	static const char text[] = "{\n \"a\": x\n}";
	AUTO_JSON *json = NULL;
	struct ferry_error err;

	(void)state;
	assert_int_equal(json_parse(&json, text, strlen(text), &err),
			 FERRY_E_FAILED);
	assert_non_null(strstr(err.message, " (line 2, column 7)"));
}

static void
a_nul_is_no_end(void **state)
{
	static const char text[] = "{}\0{}";
	AUTO_JSON *json = NULL;
	struct ferry_error err;

	(void)state;
	assert_int_equal(json_parse(&json, text, sizeof(text) - 1, &err),
			 FERRY_E_FAILED);
}

/* OPEN, `depth` times, CLOSE likewise, inside {"a":...}. */
static int
parse_nested(const char *open, const char *close, size_t depth,
	     struct ferry_error *err)
{
	AUTO_BUFFER text = BUFFER(1 << 20);
	AUTO_JSON *json = NULL;

	assert_int_equal(buffer_format(&text, err, "{\"a\":"), 0);
	for (size_t i = 0; i < depth; i++)
		assert_int_equal(buffer_format(&text, err, "%s", open), 0);
	assert_int_equal(buffer_format(&text, err, "0"), 0);
	for (size_t i = 0; i < depth; i++)
		assert_int_equal(buffer_format(&text, err, "%s", close), 0);
	assert_int_equal(buffer_format(&text, err, "}"), 0);
	return json_parse(&json, text.data, text.size, err);
}

static void
depth_has_a_limit(void **state)
{
	static const struct {
		const char *open, *close;
	} rows[] = { { "[", "]" }, { "{\"b\":", "}" } };
	struct ferry_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *open = rows[i].open;
		const char *close = rows[i].close;

		assert_int_equal(
			parse_nested(open, close, JSON_DEPTH - 1, &err), 0);
		assert_int_equal(parse_nested(open, close, JSON_DEPTH, &err),
				 FERRY_E_FAILED);
		assert_string_equal(err.message,
				    "JSON more than 64 levels deep");
		assert_int_equal(parse_nested(open, close, 100000, &err),
				 FERRY_E_FAILED);
	}
}

static json_t *
sample(void)
{
	static const char text[] =
		"{\"text\":\"t\",\"zero\":0,\"most\":9223372036854775807,"
		"\"minus\":-1,\"half\":0.5,\"whole\":1.0,\"none\":null,"
		"\"yes\":true,\"list\":[1],\"object\":{\"k\":\"v\"}}";
	json_t *json = NULL;
	struct ferry_error err;

	if (json_parse(&json, text, strlen(text), &err))
		fail_msg("%s", err.message);
	return json;
}

static void
texts_are_got(void **state)
{
	static const struct {
		const char *key;
		const char *value; /* NULL: none */
		const char *get_why, *find_why;
	} rows[] = {
		{ "text", "t", NULL, NULL },
		{ "absent", NULL, "\"absent\" is missing", NULL },
		{ "zero", NULL, "\"zero\" is no string",
		  "\"zero\" is no string" },
		{ "none", NULL, "\"none\" is no string",
		  "\"none\" is no string" },
		{ "list", NULL, "\"list\" is no string",
		  "\"list\" is no string" },
	};
	AUTO_JSON *json = sample();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *value = NULL;
		struct ferry_error err = { 0 };
		int rc = json_get_text(json, rows[i].key, &value, &err);

		assert_int_equal(rc, rows[i].get_why ? FERRY_E_FAILED : 0);
		assert_string_equal(rc ? err.message : value,
				    rc ? rows[i].get_why : rows[i].value);
		value = NULL;
		rc = json_find_text(json, rows[i].key, &value, &err);
		assert_int_equal(rc, rows[i].find_why ? FERRY_E_FAILED : 0);
		if (rc)
			assert_string_equal(err.message, rows[i].find_why);
		else if (rows[i].value)
			assert_string_equal(value, rows[i].value);
		else
			assert_null(value);
	}
}

static void
sizes_are_got(void **state)
{
	static const struct {
		const char *key;
		uint64_t value;
		const char *why; /* NULL: there it is */
	} rows[] = {
		{ "zero", 0, NULL },
		{ "most", INT64_MAX, NULL },
		{ "minus", 0, "\"minus\" is negative" },
		{ "half", 0, "\"half\" is no whole number" },
		{ "whole", 0, "\"whole\" is no whole number" },
		{ "text", 0, "\"text\" is no whole number" },
		{ "yes", 0, "\"yes\" is no whole number" },
		{ "none", 0, "\"none\" is no whole number" },
		{ "absent", 0, "\"absent\" is missing" },
	};
	AUTO_JSON *json = sample();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t value = 7;
		struct ferry_error err = { 0 };
		int rc = json_get_size(json, rows[i].key, &value, &err);

		assert_int_equal(rc, rows[i].why ? FERRY_E_FAILED : 0);
		assert_string_equal(rc ? err.message : "",
				    rc ? rows[i].why : "");
		assert_true(value == (rc ? 7 : rows[i].value));
	}
}

static void
containers_are_got(void **state)
{
	static const struct {
		int (*get)(const json_t *object, const char *key, json_t **out,
			   struct ferry_error *err);
		const char *key;
		const char *why; /* NULL: no error */
		size_t size;
	} rows[] = {
		{ json_get_object, "object", NULL, 1 },
		{ json_get_object, "list", "\"list\" is no object", 0 },
		{ json_get_object, "none", "\"none\" is no object", 0 },
		{ json_get_object, "absent", "\"absent\" is missing", 0 },
		{ json_find_object, "object", NULL, 1 },
		{ json_find_object, "absent", NULL, 0 },
		{ json_find_object, "none", "\"none\" is no object", 0 },
		{ json_get_array, "list", NULL, 1 },
		{ json_get_array, "object", "\"object\" is no array", 0 },
		{ json_get_array, "absent", "\"absent\" is missing", 0 },
		{ json_find_array, "list", NULL, 1 },
		{ json_find_array, "absent", NULL, 0 },
		{ json_find_array, "text", "\"text\" is no array", 0 },
	};
	AUTO_JSON *json = sample();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *value = NULL;
		struct ferry_error err = { 0 };
		int rc = rows[i].get(json, rows[i].key, &value, &err);

		assert_int_equal(rc, rows[i].why ? FERRY_E_FAILED : 0);
		assert_string_equal(rc ? err.message : "",
				    rc ? rows[i].why : "");
		assert_int_equal(json_object_size(value) +
					 json_array_size(value),
				 rows[i].size);
	}
}

static void
writing_keeps_the_order(void **state)
{
	AUTO_BUFFER out = BUFFER(100);
	AUTO_JSON *json =
		json_pack("{s:i,s:[s,n],s:{}}", "z", 1, "a", "\"\n", "m");
	const char *text;
	struct ferry_error err;

	(void)state;
	assert_int_equal(buffer_format(&out, &err, "before "), 0);
	assert_int_equal(json_write(json, &out, &err), 0);
	assert_int_equal(buffer_text(&out, &text, &err), 0);
	assert_string_equal(
		text, "before {\"z\":1,\"a\":[\"\\\"\\n\",null],\"m\":{}}");
}

static void
writing_can_fail(void **state)
{
	AUTO_BUFFER out = BUFFER(3);
	AUTO_JSON *json = json_pack("{s:i}", "a", 1);
	struct ferry_error err;

	(void)state;
	assert_int_equal(json_write(json, &out, &err), FERRY_E_FAILED);
	assert_string_equal(err.message, "more than 3 bytes");
	assert_int_equal(json_write(NULL, &out, &err), FERRY_E_NOMEM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_strict_objects_are_parsed),
		cmocka_unit_test(message_tells_the_place),
		cmocka_unit_test(a_nul_is_no_end),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(texts_are_got),
		cmocka_unit_test(sizes_are_got),
		cmocka_unit_test(containers_are_got),
		cmocka_unit_test(writing_keeps_the_order),
		cmocka_unit_test(writing_can_fail),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
