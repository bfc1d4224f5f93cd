/*
 * registry/token and realm: what token servers answer, and which of them may
 * be asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "registry/realm.h"
#include "registry/token.h"

static void
answers_are_read_and_lifetimes_clamped(void **state)
{
	static const struct {
		const char *answer;
		const char *token;
		uint64_t life;
	} table[] = {
		{ "{\"token\":\"t\"}", "t", TOKEN_LIFE_MIN },
		{ "{\"access_token\":\"a\"}", "a", TOKEN_LIFE_MIN },
		{ "{\"token\":\"t\",\"access_token\":\"a\"}", "t",
		  TOKEN_LIFE_MIN },
		{ "{\"token\":\"\",\"access_token\":\"a\"}", "a",
		  TOKEN_LIFE_MIN },
		{ "{\"token\":\"t\",\"expires_in\":300}", "t", 300000 },
		{ "{\"token\":\"t\",\"expires_in\":0}", "t", TOKEN_LIFE_MIN },
		{ "{\"token\":\"t\",\"expires_in\":-1}", "t", TOKEN_LIFE_MIN },
		{ "{\"token\":\"t\",\"expires_in\":1e99}", "t",
		  TOKEN_LIFE_MIN },
		{ "{\"token\":\"t\",\"expires_in\":\"9\"}", "t",
		  TOKEN_LIFE_MIN },
		{ "{\"token\":\"t\",\"expires_in\":315360000}", "t",
		  TOKEN_LIFE_MAX },
		{ "{\"token\":\"t\",\"issued_at\":\"2100-01-01T00:00:00Z\","
		  "\"expires_in\":120}",
		  "t", 120000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct ferry_error err = { 0 };
		AUTO_FREE char *token = NULL;
		uint64_t life = 0;

		if (token_parse(&token, &life, table[i].answer,
				strlen(table[i].answer), &err))
			fail_msg("%s: %s", table[i].answer, err.message);
		assert_string_equal(token, table[i].token);
		assert_int_equal(life, table[i].life);
	}
}

static void
bad_answers_are_refused_unquoted(void **state)
{
	static const struct {
		const char *answer;
		const char *message;
	} table[] = {
		{ "<html>s3cret</html>",
		  "the token server's answer is no JSON object" },
		{ "{\"token\":\"s3cret",
		  "the token server's answer is no JSON object" },
		{ "[]", "the token server's answer is no JSON object" },
		{ "{}", "the token server's answer holds no token" },
		{ "{\"token\":\"\"}",
		  "the token server's answer holds no token" },
		{ "{\"token\":7}",
		  "the token server's answer: \"token\" is no string" },
		{ "{\"token\":\"a\\r\\nHost: evil\"}",
		  "the token server's token cannot stand in a header" },
		{ "{\"token\":\"a b\"}",
		  "the token server's token cannot stand in a header" },
		{ "{\"token\":\"\xc3\xa4\"}",
		  "the token server's token cannot stand in a header" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct ferry_error err = { 0 };
		char *token = NULL;
		uint64_t life = 0;

		assert_int_equal(token_parse(&token, &life, table[i].answer,
					     strlen(table[i].answer), &err),
				 FERRY_E_FAILED);
		assert_string_equal(err.message, table[i].message);
		assert_null(token);
	}
}

static void
long_tokens_are_refused(void **state)
{
	static char answer[TOKEN_MAX + 32];
	struct ferry_error err = { 0 };
	AUTO_FREE char *token = NULL;
	uint64_t life;

	(void)state;
	for (int more = 0; more < 2; more++) {
		snprintf(answer, sizeof(answer), "{\"token\":\"%0*d\"}",
			 TOKEN_MAX + more, 0);
		assert_int_equal(token_parse(&token, &life, answer,
					     strlen(answer), &err),
				 more ? FERRY_E_FAILED : 0);
	}
	assert_string_equal(
		err.message,
		"the token server's token cannot stand in a header");
}

static void
realms_are_kept_in_bounds(void **state)
{
	static const struct {
		const char *realm;
		const char *base;
		const char *message; /* NULL: may be asked */
		bool trusted;	     /* .. and may see credentials */
	} table[] = {
		{ "https://auth.docker.io/token",
		  "https://registry-1.docker.io", NULL, true },
		{ "https://quay.io/v2/auth", "https://quay.io", NULL, true },
		{ "https://quay.io:444/auth", "https://quay.io", NULL, true },
		{ "https://gitlab.com/jwt/auth", "https://registry.gitlab.com",
		  NULL, true },
		{ "https://sso.example.org/t", "https://example.org", NULL,
		  true },
		{ "https://evil.docker.io/t", "https://registry-1.docker.io",
		  NULL, false },
		{ "https://auth.docker.io/t", "https://evil.docker.io", NULL,
		  false },
		{ "https://evil.azurewebsites.net/t",
		  "https://corp.azurewebsites.net", NULL, false },
		{ "https://evil.co.uk/t", "https://registry.co.uk", NULL,
		  false },
		{ "https://sso.corp.org/t", "https://registry.corp.org", NULL,
		  false },
		{ "https://corp.org/t", "https://registry.eu.corp.org", NULL,
		  true },
		{ "https://evilcorp.org/t", "https://corp.org", NULL, false },
		{ "https://org/t", "https://registry.org", NULL, false },
		{ "https://evil.example/t", "https://registry.corp.org", NULL,
		  false },
		{ "https://docker.io.evil.example/t", "https://docker.io", NULL,
		  false },
		{ "https://evil.org/t", "https://registry.org", NULL, false },
		{ "https://9.9.9.8/t", "https://9.9.9.9", NULL, false },
		{ "http://127.0.0.1:5001/t", "http://127.0.0.1:5000", NULL,
		  true },
		{ "http://127.0.0.1:5001/t", "http://localhost:5000", NULL,
		  true },
		{ "http://192.168.1.2/t", "http://192.168.1.2:5000", NULL,
		  true },
		{ "https://10.0.0.1/t", "https://10.0.0.1:5000", NULL, true },
		{ "http://quay.io/t", "https://quay.io",
		  "its token server quay.io is plain HTTP", false },
		{ "/token", "https://quay.io",
		  "its token server \"/token\" is no http(s) URL", false },
		{ "", "https://quay.io",
		  "its token server \"\" is no http(s) URL", false },
		{ "file:///etc/passwd", "https://quay.io",
		  "its token server \"file:///etc/passwd\" is no http(s) URL",
		  false },
		{ "https://u:p@quay.io/t", "https://quay.io",
		  "its token server's URL names a user", false },
		{ "https://169.254.169.254/t", "https://quay.io",
		  "its token server 169.254.169.254 is an address inside this "
		  "network",
		  false },
		{ "https://127.0.0.1/t", "https://quay.io",
		  "its token server 127.0.0.1 is an address inside this "
		  "network",
		  false },
		{ "https://10.0.0.2/t", "https://10.0.0.1",
		  "its token server 10.0.0.2 is an address inside this "
		  "network",
		  false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct ferry_error err = { 0 };
		int rc = realm_check(table[i].realm, table[i].base, &err);

		if (table[i].message) {
			assert_int_equal(rc, FERRY_E_DENIED);
			assert_string_equal(err.message, table[i].message);
			continue;
		}
		if (rc)
			fail_msg("%s: %s", table[i].realm, err.message);
		if (realm_is_trusted(table[i].realm, table[i].base) !=
		    table[i].trusted)
			fail_msg("%s for %s: trust", table[i].realm,
				 table[i].base);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read_and_lifetimes_clamped),
		cmocka_unit_test(bad_answers_are_refused_unquoted),
		cmocka_unit_test(long_tokens_are_refused),
		cmocka_unit_test(realms_are_kept_in_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
