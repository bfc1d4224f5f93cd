/*
 * base/process: helpers that behave, and helpers that do not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/process.h"

static int
run(const char *script, const char *input, uint64_t milliseconds,
    struct buffer *out, int *status, struct ferry_error *err)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct ferry_context *context = ferry_context_new();
	int rc = process_run(context, argv, input, milliseconds, out, status,
			     err);

	ferry_context_free(context);
	return rc;
}

static void
output_and_status_come_back(void **state)
{
	static const struct {
		const char *script;
		const char *input;
		const char *output;
		int status;
	} table[] = {
		{ "cat", "quay.io", "quay.io", 0 },
		{ "cat; exit 3", "x", "x", 3 },
		{ "exit 1", "nobody reads this", "", 1 },
		{ "cat /dev/stdin", "x", "x", 0 },
		{ "echo noise >&2; printf a; printf b", "", "ab", 0 },
		{ "exec >&-; exit 4", "", "", 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO_BUFFER out = BUFFER(64);
		struct ferry_error err = { 0 };
		const char *text = NULL;
		int status = -1;

		if (run(table[i].script, table[i].input, 10000, &out, &status,
			&err))
			fail_msg("%s: %s", table[i].script, err.message);
		assert_int_equal(status, table[i].status);
		assert_int_equal(buffer_text(&out, &text, &err), 0);
		assert_string_equal(text, table[i].output);
	}
}

static void
misbehaviour_is_ended(void **state)
{
	static const struct {
		const char *script;
		const char *message;
	} table[] = {
		{ "sleep 60", "sh: took too long" },
		{ "exec >&-; sleep 60", "sh: took too long" },
		{ "while :; do echo endless; done",
		  "sh: prints: more than 64 bytes" },
		{ "kill -9 $$", "sh: ended by signal 9" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		uint64_t before = clock_milliseconds();
		AUTO_BUFFER out = BUFFER(64);
		struct ferry_error err = { 0 };
		int status = -1;

		assert_int_equal(
			run(table[i].script, "", 300, &out, &status, &err),
			FERRY_E_FAILED);
		assert_string_equal(err.message, table[i].message);
		assert_int_equal(status, -1);
		assert_in_range(clock_milliseconds() - before, 0, 5000);
	}
}

static void
a_missing_program_is_told_apart(void **state)
{
	const char *const argv[] = { "ferry-no-such-program", NULL };
	struct ferry_context *context = ferry_context_new();
	AUTO_BUFFER out = BUFFER(64);
	struct ferry_error err = { 0 };
	int status;

	(void)state;
	assert_int_equal(
		process_run(context, argv, "", 1000, &out, &status, &err),
		FERRY_E_NOT_FOUND);
	assert_string_equal(err.message,
			    "ferry-no-such-program: no such program");
	ferry_context_free(context);
}

static void
an_interruption_ends_it(void **state)
{
	const char *const argv[] = { "sleep", "60", NULL };
	struct ferry_context *context = ferry_context_new();
	AUTO_BUFFER out = BUFFER(64);
	struct ferry_error err = { 0 };
	int status;

	(void)state;
	ferry_interrupt(context);
	assert_int_equal(
		process_run(context, argv, "", 60000, &out, &status, &err),
		FERRY_E_INTERRUPTED);
	ferry_context_free(context);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_status_come_back),
		cmocka_unit_test(misbehaviour_is_ended),
		cmocka_unit_test(a_missing_program_is_told_apart),
		cmocka_unit_test(an_interruption_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
