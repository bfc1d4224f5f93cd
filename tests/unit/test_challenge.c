/*
 * registry/challenge: WWW-Authenticate as registries send it, and as nobody
 * should.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "registry/challenge.h"

/* "scheme|realm|service|scope|error" of each, a line each. */
static void
describe(char *out, size_t size, const struct challenge *all, size_t count)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used,
					 "%s|%s|%s|%s|%s\n", all[i].scheme,
					 all[i].realm, all[i].service,
					 all[i].scope, all[i].error);
}

static void
good_values_are_read(void **state)
{
	static const struct {
		const char *value;
		const char *found;
	} table[] = {
		{ "Bearer realm=\"https://auth.docker.io/token\","
		  "service=\"registry.docker.io\","
		  "scope=\"repository:library/redis:pull\"",
		  "bearer|https://auth.docker.io/token|registry.docker.io|"
		  "repository:library/redis:pull|\n" },
		{ "Basic realm=\"basic-realm\"", "basic|basic-realm|||\n" },
		{ "BASIC REALM=x", "basic|x|||\n" },
		/* Commas and spaces inside quotes are not separators. */
		{ "Bearer realm=\"r\",scope=\"repository:a/b:pull,push "
		  "repository:c:pull\",error=\"insufficient_scope\"",
		  "bearer|r||repository:a/b:pull,push repository:c:pull|"
		  "insufficient_scope\n" },
		/* Several in one header; RFC 9110's own example. */
		{ "Newauth realm=\"apps\", type=1, title=\"Login to "
		  "\\\"apps\\\"\", Basic realm=\"simple\"",
		  "newauth|apps|||\nbasic|simple|||\n" },
		{ "Negotiate, Basic realm=\"a\"",
		  "negotiate||||\nbasic|a|||\n" },
		{ "Negotiate YWJj==, Bearer realm=b",
		  "negotiate||||\nbearer|b|||\n" },
		{ "Bearer realm=",
		  "bearer||||\n" }, /* a token68, by the book */
		{ "NTLM", "ntlm||||\n" },
		/* White space and empty elements where the list allows them. */
		{ " , Bearer  realm = \"r\" ,, service\t=\ts , ",
		  "bearer|r|s||\n" },
		{ "Bearer realm=\"a\\\\b\\\"c\"", "bearer|a\\b\"c|||\n" },
		{ "Bearer realm=https://x/token?a=b,service=s",
		  "bearer|https://x/token?a=b|s||\n" },
		{ "Bearer", "bearer||||\n" },
		{ "", "" },
		{ ", ,", "" },
		{ "Bearer realm=\"\"", "bearer||||\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct challenge all[CHALLENGES_MAX];
		struct ferry_error err = { 0 };
		size_t count = 0;
		char found[1024];

		if (challenge_parse(all, &count, table[i].value, &err))
			fail_msg("%s: %s", table[i].value, err.message);
		describe(found, sizeof(found), all, count);
		assert_string_equal(found, table[i].found);
	}
}

static void
bad_values_are_refused_whole(void **state)
{
	static const struct {
		const char *value;
		const char *message;
	} table[] = {
		{ "Bearer realm=\"x", "quoted text without an end" },
		{ "Bearer realm=\"x\\", "quoted text without an end" },
		{ "Bearer x=1, realm=", "parameter without a value" },
		{ "Bearer x=1, realm=,service=x", "parameter without a value" },
		{ "Bearer realm=\"a\" service=\"b\"",
		  "no comma behind a parameter" },
		{ "Bearer realm=\"a\", realm=\"b\"", "parameter given twice" },
		{ "Bearer realm=\"a\tb\"", "control character in a parameter" },
		{ "Bearer realm=\"a\x7f\"",
		  "control character in a parameter" },
		{ "\"Bearer\"", "no scheme where one is due" },
		{ "=", "no scheme where one is due" },
		{ "Bearer\"x\"", "odd character behind a scheme" },
		{ "Basic realm=\"good\", Bearer realm=\"x",
		  "quoted text without an end" },
		{ "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz x=y",
		  "scheme too long" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct challenge all[CHALLENGES_MAX];
		struct ferry_error err = { 0 };
		char message[256];
		size_t count = 0;

		assert_int_equal(
			challenge_parse(all, &count, table[i].value, &err),
			FERRY_E_FAILED);
		snprintf(message, sizeof(message), "WWW-Authenticate: %s",
			 table[i].message);
		assert_string_equal(err.message, message);
		assert_int_equal(count, 0);
	}
}

static void
long_parameters_are_refused(void **state)
{
	char value[CHALLENGE_REALM_MAX + 64] = "Bearer realm=\"";
	struct challenge all[CHALLENGES_MAX];
	struct ferry_error err = { 0 };
	size_t start = strlen(value);
	size_t count = 0;

	(void)state;
	memset(value + start, 'a', CHALLENGE_REALM_MAX - 1);
	strcpy(value + start + CHALLENGE_REALM_MAX - 1, "\"");
	assert_int_equal(challenge_parse(all, &count, value, &err), 0);
	assert_int_equal(strlen(all[0].realm), CHALLENGE_REALM_MAX - 1);
	strcpy(value + start + CHALLENGE_REALM_MAX - 1, "a\"");
	assert_int_equal(challenge_parse(all, &count, value, &err),
			 FERRY_E_FAILED);
	assert_string_equal(err.message,
			    "WWW-Authenticate: parameter too long");
	/* One that nobody asks for may be as long as it likes. */
	memcpy(value, "Bearer xealm=\"", start);
	count = 0;
	assert_int_equal(challenge_parse(all, &count, value, &err), 0);
	assert_int_equal(count, 1);
}

static void
headers_add_up_to_a_limit(void **state)
{
	struct challenge all[CHALLENGES_MAX];
	struct ferry_error err = { 0 };
	size_t count = 0;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(challenge_parse(all, &count, "A x=y, B", &err),
				 0);
	assert_int_equal(count, CHALLENGES_MAX);
	assert_ptr_equal(challenge_find(all, count, "b"), &all[1]);
	assert_null(challenge_find(all, count, "bearer"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_values_are_read),
		cmocka_unit_test(bad_values_are_refused_whole),
		cmocka_unit_test(long_parameters_are_refused),
		cmocka_unit_test(headers_add_up_to_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
