/*
 * codec/base64: RFC 4648's own vectors, and what is not base64.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base64.h"

static void
vectors_go_both_ways(void **state)
{
	static const struct {
		const char *data;
		const char *text;
	} table[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xfe\xfb", "//77" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO_BUFFER text = BUFFER(64);
		AUTO_BUFFER data = BUFFER(64);
		struct ferry_error err = { 0 };
		size_t size = strlen(table[i].data);
		const char *found = NULL;

		assert_int_equal(
			base64_encode(&text, table[i].data, size, &err), 0);
		assert_int_equal(buffer_text(&text, &found, &err), 0);
		assert_string_equal(found, table[i].text);
		assert_int_equal(base64_decode(&data, found, &err), 0);
		assert_int_equal(data.size, size);
		if (size)
			assert_memory_equal(data.data, table[i].data, size);
	}
}

static void
anything_else_is_refused(void **state)
{
	static const char *const table[] = {
		"Z",	 "Zg",	   "Zg=",  "Zg===", "====", "Zg==Zg==",
		" Zg==", "Zg==\n", "Zm9-", "Zm9_",  "Z=9v",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO_BUFFER data = BUFFER(64);
		struct ferry_error err = { 0 };

		if (base64_decode(&data, table[i], &err) != FERRY_E_FAILED)
			fail_msg("\"%s\" is taken", table[i]);
		assert_string_equal(err.message, "no valid base64");
		assert_int_equal(data.size, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_go_both_ways),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
