/*
 * base/text, base/error and base/buffer: what is said, and how much is kept.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"

static const struct {
	const char *text, *escaped;
} escapes[] = {
	{ "", "" },
	{ "plain text ~", "plain text ~" },
	{ "back\\slash \\x1b", "back\\slash \\x1b" },
	{ "\t\n\r", "\\x09\\x0a\\x0d" },
	{ "\033[1mbold", "\\x1b[1mbold" },
	{ "\001\037\177", "\\x01\\x1f\\x7f" },
	/* Well-formed UTF-8, from the first to the last of each length. */
	{ "\302\240\337\277", "\302\240\337\277" },
	{ "\340\240\200\357\277\277", "\340\240\200\357\277\277" },
	{ "\360\220\200\200\364\217\277\277",
	  "\360\220\200\200\364\217\277\277" },
	{ "gr\303\274n \342\202\254 \360\237\232\242",
	  "gr\303\274n \342\202\254 \360\237\232\242" },
	/* C1 controls, raw and in UTF-8. */
	{ "\233", "\\x9b" },
	{ "\302\200\302\237", "\\xc2\\x80\\xc2\\x9f" },
	/* Overlong, surrogate, too high, stray, cut short. */
	{ "\300\257", "\\xc0\\xaf" },
	{ "\340\200\257", "\\xe0\\x80\\xaf" },
	{ "\360\200\200\257", "\\xf0\\x80\\x80\\xaf" },
	{ "\355\240\200", "\\xed\\xa0\\x80" },
	{ "\364\220\200\200", "\\xf4\\x90\\x80\\x80" },
	{ "\377\376", "\\xff\\xfe" },
	{ "\200", "\\x80" },
	{ "\342\202", "\\xe2\\x82" },
	{ "\360\237\232x", "\\xf0\\x9f\\x9ax" },
	{ "\303", "\\xc3" },
};

static void
escape_leaves_nothing_to_act_on(void **state)
{
	char once[256];
	char twice[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(escapes); i++) {
		text_escape(once, sizeof(once), escapes[i].text);
		assert_string_equal(once, escapes[i].escaped);
		text_escape(twice, sizeof(twice), once);
		assert_string_equal(twice, once);
	}
}

static void
escape_cuts_between_characters(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *escaped;
	} rows[] = {
		{ "abc", 4, "abc" },	 { "abc", 3, "ab" },
		{ "abc", 1, "" },	 { "a\033", 6, "a\\x1b" },
		{ "a\033", 5, "a" },	 { "a\303\274", 4, "a\303\274" },
		{ "a\303\274", 3, "a" }, { "\360\237\232\242", 4, "" },
		{ "\033bc", 3, "" },
	};
	char out[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(out, '#', sizeof(out));
		text_escape(out, rows[i].size, rows[i].text);
		assert_string_equal(out, rows[i].escaped);
		if (rows[i].size < sizeof(out))
			assert_int_equal(out[rows[i].size], '#');
	}
	out[0] = '#';
	text_escape(out, 0, "abc");
	assert_int_equal(out[0], '#');
}

static void
sizes_are_short(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0 B" },
		{ 1, "1 B" },
		{ 999, "999 B" },
		{ 1000, "1.0 KiB" },
		{ 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" },
		{ 10 * 1024 - 1, "10 KiB" },
		{ 10 * 1024, "10 KiB" },
		{ 999 * 1024, "999 KiB" },
		{ 1023 * 1024, "1.0 MiB" },
		{ UINT64_C(1) << 20, "1.0 MiB" },
		{ UINT64_C(12) << 30, "12 GiB" },
		{ UINT64_C(3) << 39, "1.5 TiB" },
		{ UINT64_C(1) << 50, "1.0 PiB" },
		{ UINT64_MAX, "16 EiB" },
	};
	char text[TEXT_SIZE_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(
			text_size(text, sizeof(text), rows[i].bytes),
			rows[i].text);
}

static void
numbers_are_digits_only(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
	} rows[] = {
		{ "0", true, 0 },
		{ "007", true, 7 },
		{ "42", true, 42 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 },
		{ "99999999999999999999", false, 0 },
		{ "1000000000000000000000", false, 0 },
		{ "", false, 0 },
		{ " 1", false, 0 },
		{ "1 ", false, 0 },
		{ "+1", false, 0 },
		{ "-1", false, 0 },
		{ "0x1", false, 0 },
		{ "1.5", false, 0 },
		{ "1e3", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t value = 0;

		if (text_to_u64(rows[i].text, &value) != rows[i].good)
			fail_msg("'%s'", rows[i].text);
		assert_true(value == rows[i].value);
	}
}

static void
texts_are_made(void **state)
{
	AUTO_FREE char *copy = NULL;
	AUTO_FREE char *made = NULL;
	struct ferry_error err;

	(void)state;
	assert_int_equal(text_copy(&copy, "copy", &err), 0);
	assert_string_equal(copy, "copy");
	assert_int_equal(text_format(&made, &err, "%s-%d", "made", 7), 0);
	assert_string_equal(made, "made-7");
	assert_true(text_starts("sha256:00", "sha256:"));
	assert_true(text_starts("a", ""));
	assert_false(text_starts("sha", "sha256:"));
	assert_false(text_starts("SHA256:", "sha256:"));
}

static void
error_grows_in_front(void **state)
{
	struct ferry_error err = { 0 };

	(void)state;
	assert_int_equal(
		error_set(&err, FERRY_E_DIGEST, "%d bytes of '%s'", 7, "a\nb"),
		FERRY_E_DIGEST);
	assert_string_equal(err.message, "7 bytes of 'a\\x0ab'");
	assert_int_equal(error_wrap(&err, "layer %d", 3), FERRY_E_DIGEST);
	assert_string_equal(err.message, "layer 3: 7 bytes of 'a\\x0ab'");
	assert_int_equal(error_add(&err, " (%s)", "try again"), FERRY_E_DIGEST);
	assert_string_equal(err.message,
			    "layer 3: 7 bytes of 'a\\x0ab' (try again)");
	assert_int_equal(error_nomem(&err), FERRY_E_NOMEM);
	assert_string_equal(err.message, "out of memory");
}

static void
error_may_quote_itself(void **state)
{
	struct ferry_error err = { .message = "the reason" };

	(void)state;
	error_set(&err, FERRY_E_FAILED, "because of %s", err.message);
	assert_string_equal(err.message, "because of the reason");
	error_wrap(&err, "%s", err.message);
	assert_string_equal(err.message,
			    "because of the reason: because of the reason");
}

static void
errno_becomes_text(void **state)
{
	struct ferry_error err;

	(void)state;
	errno = ENOENT;
	assert_int_equal(error_errno(&err, "open %s", "x"), FERRY_E_FAILED);
	assert_string_equal(err.message, "open x: No such file or directory");
	errno = ENOMEM;
	assert_int_equal(error_errno(&err, "read"), FERRY_E_NOMEM);
	assert_string_equal(err.message, "read: Cannot allocate memory");
}

static void
error_is_cut_not_overrun(void **state)
{
	static char longest[5000];
	struct ferry_error err;

	(void)state;
	memset(longest, '\033', sizeof(longest) - 1);
	error_set(&err, FERRY_E_FAILED, "%s", longest);
	assert_true(strlen(err.message) < sizeof(err.message));
	assert_true(strlen(err.message) > sizeof(err.message) - 5);
	assert_string_equal(err.message + strlen(err.message) - 4, "\\x1b");
	error_wrap(&err, "in front");
	assert_true(text_starts(err.message, "in front: \\x1b"));
	assert_true(strlen(err.message) < sizeof(err.message));
	error_add(&err, " and behind");
	assert_true(strlen(err.message) < sizeof(err.message));
}

static void
buffer_keeps_its_limit(void **state)
{
	AUTO_BUFFER buffer = BUFFER(10);
	struct ferry_error err;

	(void)state;
	assert_int_equal(buffer_append(&buffer, "12345", 5, &err), 0);
	assert_int_equal(buffer_format(&buffer, &err, "%s", "6789"), 0);
	assert_int_equal(buffer_append(&buffer, "AB", 2, &err), FERRY_E_FAILED);
	assert_string_equal(err.message, "more than 10 bytes");
	assert_int_equal(buffer_format(&buffer, &err, "%s", "AB"),
			 FERRY_E_FAILED);
	assert_int_equal(buffer_append(&buffer, "x", SIZE_MAX, &err),
			 FERRY_E_FAILED);
	assert_int_equal(buffer.size, 9);
	assert_int_equal(buffer_append(&buffer, "A", 1, &err), 0);
	assert_int_equal(buffer_append(&buffer, NULL, 0, &err), 0);
	assert_memory_equal(buffer.data, "123456789A", 10);
}

static void
buffer_text_ends(void **state)
{
	AUTO_BUFFER buffer = BUFFER(3);
	const char *text;
	struct ferry_error err;

	(void)state;
	assert_int_equal(buffer_text(&buffer, &text, &err), 0);
	assert_string_equal(text, "");
	assert_int_equal(buffer_append(&buffer, "abc", 3, &err), 0);
	assert_int_equal(buffer_text(&buffer, &text, &err), 0);
	assert_string_equal(text, "abc");
	assert_int_equal(buffer.size, 3);
}

static void
buffer_starts_again(void **state)
{
	AUTO_BUFFER buffer = BUFFER(2000);
	struct ferry_error err;

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 2000; i++)
			assert_int_equal(buffer_append(&buffer, "x", 1, &err),
					 0);
		assert_int_equal(buffer_append(&buffer, "x", 1, &err),
				 FERRY_E_FAILED);
		buffer_release(&buffer);
		assert_int_equal(buffer.size, 0);
		assert_int_equal(buffer.limit, 2000);
	}
}

/* The default of a zeroed buffer: nothing may be put into it. */
static void
buffer_without_limit_takes_nothing(void **state)
{
	AUTO_BUFFER buffer = { 0 };
	struct ferry_error err;

	(void)state;
	assert_int_equal(buffer_append(&buffer, "x", 1, &err), FERRY_E_FAILED);
	assert_string_equal(err.message, "more than 0 bytes");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escape_leaves_nothing_to_act_on),
		cmocka_unit_test(escape_cuts_between_characters),
		cmocka_unit_test(sizes_are_short),
		cmocka_unit_test(numbers_are_digits_only),
		cmocka_unit_test(texts_are_made),
		cmocka_unit_test(error_grows_in_front),
		cmocka_unit_test(error_may_quote_itself),
		cmocka_unit_test(errno_becomes_text),
		cmocka_unit_test(error_is_cut_not_overrun),
		cmocka_unit_test(buffer_keeps_its_limit),
		cmocka_unit_test(buffer_text_ends),
		cmocka_unit_test(buffer_starts_again),
		cmocka_unit_test(buffer_without_limit_takes_nothing),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
