/*
 * registry/credentials and helper: who we are to whom.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "registry/helper.h"

/* base64 of "ann:secret". */
#define ANN "\"auth\":\"YW5uOnNlY3JldA==\""

static json_t *
config_of(const char *text)
{
	struct ferry_error err = { 0 };
	json_t *config = NULL;

	if (json_parse(&config, text, strlen(text), &err))
		fail_msg("%s: %s", text, err.message);
	return config;
}

/* "user/password/identity token/registry token", "-" where there is none. */
static const char *
describe(char *out, size_t size, const struct credentials *found)
{
	snprintf(out, size, "%s/%s/%s/%s",
		 found->username ? found->username : "-",
		 found->password ? found->password : "-",
		 found->identity_token ? found->identity_token : "-",
		 found->registry_token ? found->registry_token : "-");
	return out;
}

static void
the_right_entry_is_found(void **state)
{
	static const struct {
		const char *config;
		const char *host;
		const char *repository;
		const char *found;
	} table[] = {
		{ "{}", "quay.io", "a/b", "-/-/-/-" },
		{ "{\"auths\":{\"quay.io\":{" ANN "}}}", "quay.io", "a/b",
		  "ann/secret/-/-" },
		{ "{\"auths\":{\"quay.io\":{\"auth\":\"YW5u\\nOnNlY3JldA"
		  "==\\r\\n\"}}}",
		  "quay.io", "a/b", "ann/secret/-/-" },
		{ "{\"auths\":{\"quay.io\":{" ANN "}}}", "QUAY.io", "a/b",
		  "ann/secret/-/-" },
		{ "{\"auths\":{\"quay.io\":{" ANN "}}}", "quay.io:443", "a/b",
		  "-/-/-/-" },
		{ "{\"auths\":{\"r.example:5000\":{" ANN "}}}",
		  "r.example:5000", "a", "ann/secret/-/-" },
		{ "{\"auths\":{\"r.example:5000\":{" ANN "}}}", "r.example",
		  "a", "-/-/-/-" },
		{ "{\"auths\":{\"https://quay.io\":{" ANN "}}}", "quay.io", "a",
		  "ann/secret/-/-" },
		{ "{\"auths\":{\"https://quay.io/v1/\":{" ANN "}}}", "quay.io",
		  "a", "ann/secret/-/-" },
		{ "{\"auths\":{\"http://quay.io/v2/\":{" ANN "}}}", "quay.io",
		  "a", "ann/secret/-/-" },
		{ "{\"auths\":{\"quay.io/v1/\":{" ANN "}}}", "quay.io", "a",
		  "ann/secret/-/-" },
		/* All names of Docker Hub are one. */
		{ "{\"auths\":{\"https://index.docker.io/v1/\":{" ANN "}}}",
		  "docker.io", "library/redis", "ann/secret/-/-" },
		{ "{\"auths\":{\"docker.io\":{" ANN "}}}",
		  "registry-1.docker.io", "library/redis", "ann/secret/-/-" },
		/* Docker keeps other tokens beside it. */
		{ "{\"auths\":{\"https://index.docker.io/v1/refresh-token\":{" ANN
		  "}}}",
		  "docker.io", "library/redis", "-/-/-/-" },
		{ "{\"auths\":{\"evil.example/docker.io\":{" ANN "}}}",
		  "docker.io", "x/y", "-/-/-/-" },
		/* containers: the longest path wins, by whole components. */
		{ "{\"auths\":{\"quay.io\":{\"username\":\"u\","
		  "\"password\":\"all\"},\"quay.io/a\":{\"username\":\"u\","
		  "\"password\":\"a\"},\"quay.io/a/b\":{" ANN "}}}",
		  "quay.io", "a/b", "ann/secret/-/-" },
		{ "{\"auths\":{\"quay.io/a/b\":{" ANN "},"
		  "\"quay.io/a\":{\"username\":\"u\",\"password\":\"a\"}}}",
		  "quay.io", "a/bc", "u/a/-/-" },
		{ "{\"auths\":{\"quay.io/a/b\":{" ANN "}}}", "quay.io", "a",
		  "-/-/-/-" },
		{ "{\"auths\":{\"docker.io/library\":{" ANN "}}}", "docker.io",
		  "library/redis", "ann/secret/-/-" },
		/* An empty entry does not hide another. */
		{ "{\"auths\":{\"quay.io\":{},\"https://quay.io\":{" ANN "}}}",
		  "quay.io", "a", "ann/secret/-/-" },
		{ "{\"auths\":{\"quay.io\":{" ANN "},\"quay.io/a\":{}}}",
		  "quay.io", "a", "ann/secret/-/-" },
		/* The exact name before another spelling of it. */
		{ "{\"auths\":{\"https://quay.io\":{\"username\":\"u\","
		  "\"password\":\"p\"},\"quay.io\":{" ANN "}}}",
		  "quay.io", "a", "ann/secret/-/-" },
		/* "u:a:b", "u:p\0\0" and "u:". */
		{ "{\"auths\":{\"q.io\":{\"auth\":\"dTphOmI=\"}}}", "q.io", "a",
		  "u/a:b/-/-" },
		{ "{\"auths\":{\"q.io\":{\"auth\":\"dTpwAAA=\"}}}", "q.io", "a",
		  "u/p/-/-" },
		{ "{\"auths\":{\"q.io\":{\"auth\":\"dTo=\"}}}", "q.io", "a",
		  "-/-/-/-" },
		{ "{\"auths\":{\"q.io\":{\"auth\":\"dTo=\","
		  "\"identitytoken\":\"id\"}}}",
		  "q.io", "a", "u/-/id/-" },
		{ "{\"auths\":{\"q.io\":{\"registrytoken\":\"t\"}}}", "q.io",
		  "a", "-/-/-/t" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO_JSON *config = config_of(table[i].config);
		AUTO(credentials_release) struct credentials found = { 0 };
		struct ferry_error err = { 0 };
		char text[128];

		if (credentials_find(&found, config, table[i].host,
				     table[i].repository, &err))
			fail_msg("%s: %s", table[i].config, err.message);
		if (strcmp(describe(text, sizeof(text), &found),
			   table[i].found))
			fail_msg("%s: %s", table[i].config, text);
	}
}

static void
broken_entries_are_named_but_not_quoted(void **state)
{
	static const struct {
		const char *config;
		const char *message;
	} table[] = {
		{ "{\"auths\":[]}", "\"auths\" is no object" },
		{ "{\"auths\":{\"q.io\":{\"auth\":\"c2VjcmV0\"}}}",
		  "credentials of q.io: \"auth\": no colon between user and "
		  "password" },
		{ "{\"auths\":{\"q.io\":{\"auth\":\"s3cret!\"}}}",
		  "credentials of q.io: \"auth\": no valid base64" },
		{ "{\"auths\":{\"q.io\":{\"auth\":7}}}",
		  "credentials of q.io: \"auth\" is no string" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO_JSON *config = config_of(table[i].config);
		struct credentials found = { 0 };
		struct ferry_error err = { 0 };

		assert_int_equal(
			credentials_find(&found, config, "q.io", "a", &err),
			FERRY_E_FAILED);
		assert_string_equal(err.message, table[i].message);
	}
}

static void
basic_is_what_rfc_7617_says(void **state)
{
	const struct {
		struct credentials credentials;
		const char *value;
	} table[] = {
		{ { .username = (char[]){ "ann" },
		    .password = (char[]){ "secret" } },
		  "Basic YW5uOnNlY3JldA==" },
		{ { .username = (char[]){ "u" },
		    .password = (char[]){ "a:b" } },
		  "Basic dTphOmI=" },
		{ { .identity_token = (char[]){ "id" } }, "Basic Omlk" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(credentials_wipe) struct buffer value = BUFFER(256);
		struct ferry_error err = { 0 };
		const char *text = NULL;

		assert_int_equal(
			credentials_basic(&value, &table[i].credentials, &err),
			0);
		assert_int_equal(buffer_text(&value, &text, &err), 0);
		assert_string_equal(text, table[i].value);
	}
}

static void
the_helper_in_charge_is_found(void **state)
{
	static const char text[] =
		"{\"credsStore\":\"desktop\",\"credHelpers\":{"
		"\"quay.io\":\"pass\",\"gcr.io\":\"\","
		"\"https://index.docker.io/v1/\":\"hub\"}}";
	static const struct {
		const char *host;
		const char *helper;
	} table[] = {
		{ "quay.io", "pass" },	       { "docker.io", "hub" },
		{ "other.io", "desktop" },     { "gcr.io", NULL },
		{ "quay.io:5000", "desktop" },
	};
	AUTO_JSON *config = config_of(text);
	AUTO_JSON *none = config_of("{\"credsStore\":\"\"}");
	struct ferry_error err = { 0 };
	const char *helper;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_int_equal(credentials_helper(&helper, config,
						    table[i].host, &err),
				 0);
		if (table[i].helper)
			assert_string_equal(helper, table[i].helper);
		else
			assert_null(helper);
	}
	assert_int_equal(credentials_helper(&helper, none, "quay.io", &err), 0);
	assert_null(helper);
	assert_true(credentials_mention(config, "quay.io"));
	assert_false(credentials_mention(config, "other.io"));
}

static void
helpers_answers_are_understood(void **state)
{
	static const struct {
		const char *answer;
		int status;
		int rc;
		const char *found; /* or the message */
	} table[] = {
		{ "{\"ServerURL\":\"q.io\",\"Username\":\"u\","
		  "\"Secret\":\"p\"}",
		  0, 0, "u/p/-/-" },
		{ "{\"Username\":\"<token>\",\"Secret\":\"id\"}", 0, 0,
		  "-/-/id/-" },
		{ "credentials not found in native keychain\n", 1, 0,
		  "-/-/-/-" },
		{ "the s3cret is locked\n", 1, FERRY_E_FAILED,
		  "failed with status 1" },
		{ "s3cret", 0, FERRY_E_FAILED, "its answer is no JSON" },
		{ "{\"Username\":\"u\"}", 0, FERRY_E_FAILED,
		  "\"Secret\" is missing" },
		{ "", 0, FERRY_E_FAILED, "its answer is no JSON" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(credentials_release) struct credentials found = { 0 };
		AUTO_BUFFER answer = BUFFER(1024);
		struct ferry_error err = { 0 };
		char text[128];

		assert_int_equal(buffer_append(&answer, table[i].answer,
					       strlen(table[i].answer), &err),
				 0);
		assert_int_equal(
			helper_parse(&found, &answer, table[i].status, &err),
			table[i].rc);
		assert_string_equal(
			table[i].rc ? err.message
				    : describe(text, sizeof(text), &found),
			table[i].found);
	}
}

static void
a_helper_that_cannot_be_asked_is_named(void **state)
{
	static const struct {
		const char *name;
		const char *message;
	} table[] = {
		{ "no-such-one",
		  "credentials of q.io: docker-credential-no-such-one: no such "
		  "program" },
		{ "../../bin/sh",
		  "credentials of q.io: credential helper: \"../../bin/sh\" is "
		  "no name of one" },
		{ "a;b",
		  "credentials of q.io: credential helper: \"a;b\" is no name "
		  "of one" },
	};
	struct ferry_context *context = ferry_context_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct credentials found = { 0 };
		struct ferry_error err = { 0 };

		assert_int_equal(helper_get(&found, context, table[i].name,
					    "q.io", &err),
				 FERRY_E_FAILED);
		assert_string_equal(err.message, table[i].message);
	}
	ferry_context_free(context);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_right_entry_is_found),
		cmocka_unit_test(broken_entries_are_named_but_not_quoted),
		cmocka_unit_test(basic_is_what_rfc_7617_says),
		cmocka_unit_test(the_helper_in_charge_is_found),
		cmocka_unit_test(helpers_answers_are_understood),
		cmocka_unit_test(a_helper_that_cannot_be_asked_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
