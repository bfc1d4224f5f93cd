/*
 * registry/quota: what registries say of how often they may be asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "registry/quota.h"

static void
add_line(struct http_response *response, const char *line)
{
	struct ferry_error err = { 0 };

	assert_int_equal(
		buffer_append(&response->headers, line, strlen(line) + 1, &err),
		0);
}

static void
what_is_said_is_read(void **state)
{
	static const struct {
		const char *limit;
		const char *remaining;
		bool known;
		uint64_t of, window, left;
	} table[] = {
		{ "100;w=21600", "87;w=21600", true, 100, 21600, 87 },
		{ "100;w=21600", "0;w=21600", true, 100, 21600, 0 },
		{ "100; w=60", "7", true, 100, 60, 7 },
		{ "100;a=1;W=60", "7;a=2", true, 100, 60, 7 },
		{ "10, 10;w=1, 50;w=60", "9", true, 10, 0, 9 },
		{ "600", "599", true, 600, 0, 599 },
		{ "600", NULL, false, 0, 0, 0 },
		{ NULL, "600", false, 0, 0, 0 },
		{ "", "", false, 0, 0, 0 },
		{ "-1", "5", false, 0, 0, 0 },
		{ "many", "5", false, 0, 0, 0 },
		{ "5x", "5", false, 0, 0, 0 },
		{ "100;w=x", "5", false, 0, 0, 0 },
		{ "99999999999999999999999", "5", false, 0, 0, 0 },
		{ "18446744073709551616", "5", false, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO_RESPONSE response = HTTP_RESPONSE;
		struct ferry_quota quota = { 0 };
		char line[128];

		response.headers.limit = 1000;
		snprintf(line, sizeof(line), "ratelimit-limit: %s",
			 table[i].limit ? table[i].limit : "");
		if (table[i].limit)
			add_line(&response, line);
		snprintf(line, sizeof(line), "RateLimit-Remaining: %s",
			 table[i].remaining ? table[i].remaining : "");
		if (table[i].remaining)
			add_line(&response, line);
		if (quota_read(&quota, &response) != table[i].known)
			fail_msg("%zu", i);
		assert_int_equal(quota.limit, table[i].of);
		assert_int_equal(quota.window_seconds, table[i].window);
		assert_int_equal(quota.remaining, table[i].left);
	}
}

/* It comes from outside, and is shown to people. */
static void
whom_it_counts_is_escaped_and_cut(void **state)
{
	AUTO_RESPONSE response = HTTP_RESPONSE;
	struct ferry_quota quota = { 0 };
	char line[512] = "docker-ratelimit-source: \x1b[31m";

	(void)state;
	memset(line + strlen(line), 'a', 400);
	response.headers.limit = 1000;
	add_line(&response, "ratelimit-limit: 5");
	add_line(&response, "ratelimit-remaining: 4");
	add_line(&response, line);
	assert_true(quota_read(&quota, &response));
	assert_int_equal(strlen(quota.source), sizeof(quota.source) - 1);
	assert_ptr_equal(strstr(quota.source, "\\x1b[31maaa"), quota.source);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_is_read),
		cmocka_unit_test(whom_it_counts_is_escaped_and_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
