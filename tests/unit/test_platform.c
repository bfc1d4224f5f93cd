/*
 * oci/platform: what is taken for a platform, and what serves what.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "oci/platform.h"

#define LONGEST "a123456789b123456789c123456789d" /* 31 characters */

static struct platform
platform(const char *text)
{
	struct ferry_error err = { 0 };
	struct platform result;

	if (platform_parse(&result, text, &err))
		fail_msg("%s", err.message);
	return result;
}

static void
aliases_are_understood(void **state)
{
	static const struct {
		const char *text, *result;
	} rows[] = {
		{ "linux/amd64", "linux/amd64" },
		{ "linux/amd64/v3", "linux/amd64/v3" },
		{ "linux/arm64/v8", "linux/arm64/v8" },
		{ "linux/x86_64", "linux/amd64" },
		{ "linux/x86-64/v2", "linux/amd64/v2" },
		{ "linux/aarch64", "linux/arm64" },
		{ "linux/i386", "linux/386" },
		{ "linux/armhf", "linux/arm/v7" },
		{ "linux/armel", "linux/arm/v6" },
		{ "linux/armel/v7", "linux/arm/v6" },
		{ "Linux/AMD64", "linux/amd64" },
		{ "LINUX/X86_64", "linux/amd64" },
		{ "macos/aarch64", "darwin/arm64" },
		{ "windows/amd64", "windows/amd64" },
		{ "linux/ppc64le", "linux/ppc64le" },
		{ LONGEST "/" LONGEST "/" LONGEST,
		  LONGEST "/" LONGEST "/" LONGEST },
	};
	char text[PLATFORM_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct platform parsed = platform(rows[i].text);

		assert_string_equal(platform_text(text, &parsed),
				    rows[i].result);
	}
}

static void
other_texts_are_no_platform(void **state)
{
	static const char *const rows[] = {
		"",
		"/",
		"amd64",
		"linux",
		"linux/",
		"/amd64",
		"linux//v8",
		"linux/arm64/",
		"linux/arm64/v8/x",
		"linux amd64",
		"linux/amd 64",
		"linux/amd64\n",
		"linux/am\033d",
		"linux/\303\251",
		"linux/amd64,linux/arm64",
		"linux:amd64",
		"../..//",
		"linux/" LONGEST "x",
	};
	struct platform untouched = { .os = "untouched" };
	struct ferry_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (platform_parse(&untouched, rows[i], &err) != FERRY_E_USAGE)
			fail_msg("accepted: %s", rows[i]);
		assert_non_null(strstr(err.message, "is no platform: "));
	}
	assert_string_equal(untouched.os, "untouched");
	assert_int_equal(platform_parse(&untouched, "amd64\t", &err),
			 FERRY_E_USAGE);
	assert_string_equal(err.message,
			    "'amd64\\x09' is no platform: that is "
			    "OS/ARCHITECTURE[/VARIANT], as in linux/amd64");
}

static void
documents_are_believed_or_refused(void **state)
{
	static const struct {
		const char *os, *architecture, *variant;
		const char *result; /* of platform_text(), or the message */
	} rows[] = {
		{ "linux", "amd64", NULL, "linux/amd64" },
		{ "linux", "amd64", "", "linux/amd64" },
		{ "linux", "arm", "v7", "linux/arm/v7" },
		{ "Linux", "ARM64", "V8", "linux/arm64/v8" },
		{ "linux", "x86_64", NULL, "linux/x86_64" },
		{ "unknown", "unknown", NULL, "unknown/unknown" },
		{ "", "amd64", NULL, "'' is no operating system" },
		{ "lin/ux", "amd64", NULL, "'lin/ux' is no operating system" },
		{ "linux", "", NULL, "'' is no architecture" },
		{ "linux", "a\033", NULL, "'a\\x1b' is no architecture" },
		{ "linux", LONGEST "x", NULL,
		  "'" LONGEST "x' is no architecture" },
		{ "linux", "arm", "v 7",
		  "'v 7' is no variant of an architecture" },
	};
	char text[PLATFORM_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ferry_error err;
		struct platform set;
		int rc = platform_set(&set, rows[i].os, rows[i].architecture,
				      rows[i].variant, &err);

		assert_int_equal(rc, strstr(rows[i].result, " is no ")
					     ? FERRY_E_FAILED
					     : 0);
		assert_string_equal(rc ? err.message
				       : platform_text(text, &set),
				    rows[i].result);
	}
}

static void
what_serves_what(void **state)
{
	static const struct {
		const char *wanted, *offered;
		bool serves;
	} rows[] = {
		{ "linux/amd64", "linux/amd64", true },
		{ "linux/amd64", "linux/amd64/v1", true },
		{ "linux/amd64/v1", "linux/amd64", true },
		{ "linux/amd64", "linux/amd64/v2", false },
		{ "linux/amd64/v3", "linux/amd64", true },
		{ "linux/amd64/v3", "linux/amd64/v2", true },
		{ "linux/amd64/v3", "linux/amd64/v3", true },
		{ "linux/amd64/v3", "linux/amd64/v4", false },
		{ "linux/amd64", "linux/arm64", false },
		{ "linux/amd64", "windows/amd64", false },
		{ "linux/amd64", "linux/386", false },
		{ "linux/amd64", "unknown/unknown", false },
		{ "linux/arm64", "linux/arm64/v8", true },
		{ "linux/arm64/v8", "linux/arm64", true },
		{ "linux/arm64", "linux/arm64/8", true },
		{ "linux/arm64", "linux/arm64/v8.1", false },
		{ "linux/arm64/v8.2", "linux/arm64/v8.1", true },
		{ "linux/arm64/v9", "linux/arm64", true },
		{ "linux/arm64/v9", "linux/arm64/v9.0", true },
		{ "linux/arm64", "linux/arm/v7", false },
		{ "linux/arm", "linux/arm/v7", true },
		{ "linux/arm/v7", "linux/arm", true },
		{ "linux/arm", "linux/arm/v6", true },
		{ "linux/arm/v6", "linux/arm", false },
		{ "linux/arm/v6", "linux/arm/v7", false },
		{ "linux/arm", "linux/arm/v8", false },
		{ "linux/arm/v8", "linux/arm/v5", true },
		{ "linux/ppc64le", "linux/ppc64le", true },
		{ "linux/ppc64le", "linux/ppc64le/power9", false },
		{ "linux/ppc64le/power9", "linux/ppc64le/power8", false },
		{ "linux/ppc64le/power9", "linux/ppc64le/power9", true },
		{ "linux/riscv64/v2", "linux/riscv64/v1", false },
		{ "linux/amd64/fast", "linux/amd64/fast", true },
		{ "linux/amd64/fast", "linux/amd64", false },
		{ "linux/amd64/v3", "linux/amd64/v3x", false },
		{ "linux/amd64/v3", "linux/amd64/v1.", false },
		{ "linux/amd64/v3", "linux/amd64/v111", false },
		{ "linux/amd64/v3", "linux/amd64/v", false },
		{ "linux/amd64/v3", "linux/amd64/v-1", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct platform wanted = platform(rows[i].wanted);
		struct platform offered = platform(rows[i].offered);

		if ((platform_match(&wanted, &offered) > 0) != rows[i].serves)
			fail_msg("%s for %s", rows[i].offered, rows[i].wanted);
	}
}

/* Documents are not rewritten when they are read, but understood here. */
static void
aliases_match_too(void **state)
{
	struct platform wanted = platform("linux/amd64");
	struct platform offered;
	struct ferry_error err;

	(void)state;
	assert_int_equal(platform_set(&offered, "linux", "x86_64", NULL, &err),
			 0);
	assert_int_not_equal(platform_match(&wanted, &offered), 0);
}

static void
the_highest_level_is_best(void **state)
{
	static const struct {
		const char *wanted;
		const char *offered[5]; /* from bad to good */
	} rows[] = {
		{ "linux/amd64/v3",
		  { "linux/amd64/v4", "linux/amd64", "linux/amd64/v2",
		    "linux/amd64/v3" } },
		{ "linux/arm",
		  { "linux/arm/v8", "linux/arm/v5", "linux/arm/v6",
		    "linux/arm" } },
		{ "linux/arm64/v9.1",
		  { "linux/arm64/v9.2", "linux/arm64", "linux/arm64/v8.10",
		    "linux/arm64/v9", "linux/arm64/v9.1" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct platform wanted = platform(rows[i].wanted);
		unsigned last = 0;

		for (size_t k = 0; k < 5 && rows[i].offered[k]; k++) {
			struct platform offered = platform(rows[i].offered[k]);
			unsigned match = platform_match(&wanted, &offered);

			assert_true(k == 0 ? match == 0 : match > last);
			last = match;
		}
	}
}

static void
equal_when_normalised_is_equally_good(void **state)
{
	static const char *const rows[][3] = {
		{ "linux/amd64", "linux/amd64", "linux/amd64/v1" },
		{ "linux/arm64/v8", "linux/arm64", "linux/arm64/v8" },
		{ "linux/arm/v7", "linux/arm", "linux/arm/v7" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct platform wanted = platform(rows[i][0]);
		struct platform one = platform(rows[i][1]);
		struct platform other = platform(rows[i][2]);

		assert_int_equal(platform_match(&wanted, &one),
				 platform_match(&wanted, &other));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aliases_are_understood),
		cmocka_unit_test(other_texts_are_no_platform),
		cmocka_unit_test(documents_are_believed_or_refused),
		cmocka_unit_test(what_serves_what),
		cmocka_unit_test(aliases_match_too),
		cmocka_unit_test(the_highest_level_is_best),
		cmocka_unit_test(equal_when_normalised_is_equally_good),
	};

	return cmocka_run_group_tests_name("platform", tests, NULL, NULL);
}
