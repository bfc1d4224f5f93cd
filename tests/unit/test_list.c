/* Text lists, and what --to names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "list/formats.h"
#include "target/destination.h"

static void
test_a_list_is_read_sorted_and_settled(void **state)
{
	static const char text[] = "# the release\r\n"
				   "\r\n"
				   "  redis:7-alpine\t# cache\r\n"
				   "quay.io/team/app@sha256:"
				   "00000000000000000000000000000000"
				   "00000000000000000000000000000000\n"
				   "docker://alpine\n"
				   "docker.io/library/redis:7-alpine";
	static const char *const names[] = {
		"docker.io/library/alpine:latest",
		"docker.io/library/redis:7-alpine",
		"quay.io/team/app@sha256:"
		"0000000000000000000000000000000000000000000000000000000000000"
		"000",
	};
	AUTO(list_release) struct list list = { 0 };
	struct ferry_error err;

	(void)state;
	if (list_add_text(&list, text, strlen(text), &err) ||
	    list_settle(&list, &err))
		fail_msg("%s", err.message);
	assert_int_equal(list.count, ARRAY_SIZE(names));
	for (size_t i = 0; i < list.count; i++) {
		char name[REFERENCE_TEXT];

		assert_string_equal(
			reference_name(name, wanted_name(&list.items[i])),
			names[i]);
	}
}

static void
test_a_bad_line_is_named(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *says;
	} lists[] = {
		{ "redis\n\nRedis:7\n", 15, "line 3: 'Redis:7'" },
		{ "redis :7\n", 9, "line 1: 'redis :7'" },
		{ "re\0dis\n", 7, "NUL" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		AUTO(list_release) struct list list = { 0 };
		struct ferry_error err = { 0 };

		assert_int_equal(list_add_text(&list, lists[i].text,
					       lists[i].size, &err),
				 FERRY_E_USAGE);
		if (!strstr(err.message, lists[i].says))
			fail_msg("'%s' lacks '%s'", err.message, lists[i].says);
	}
}

#define ONES "11111111111111111111111111111111"
#define TWOS "22222222222222222222222222222222"

static void
test_one_name_with_two_meanings_is_refused(void **state)
{
	static const struct {
		const char *texts[2];
		const char *says;
	} lists[] = {
		{ { "redis:7@sha256:" ONES ONES,
		    "docker.io/library/redis:7@sha256:" TWOS TWOS },
		  "redis:7 is asked for with two different digests" },
		{ { "redis:7@sha256:" ONES ONES, "redis:7" },
		  "redis:7 is asked for both with and without a digest; leave "
		  "one out" },
		{ { "redis:7", "redis:7@sha256:" ONES ONES },
		  "redis:7 is asked for both with and without a digest; leave "
		  "one out" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		AUTO(list_release) struct list list = { 0 };
		struct ferry_error err;

		for (size_t j = 0; j < ARRAY_SIZE(lists[i].texts); j++)
			assert_int_equal(
				list_add(&list, lists[i].texts[j], &err), 0);
		assert_int_equal(list_settle(&list, &err), FERRY_E_USAGE);
		assert_string_equal(err.message, lists[i].says);
	}
}

static void
test_a_url_is_no_name(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} urls[] = {
		{ "http://10.0.0.5:5000",
		  "'http://10.0.0.5:5000': leave out http://; --plain-http "
		  "10.0.0.5:5000 if it speaks no TLS" },
		{ "http://h/x:1", "'http://h/x:1': leave out http://; "
				  "--plain-http h if it speaks no TLS" },
		{ "https://h/x:1", "'https://h/x:1': leave out https://" },
	};
	struct destination found;
	struct reference reference;
	struct ferry_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		assert_int_equal(destination_parse(&found, urls[i].text, &err),
				 FERRY_E_USAGE);
		assert_string_equal(err.message, urls[i].says);
		assert_int_equal(
			list_parse_reference(&reference, urls[i].text, &err),
			FERRY_E_USAGE);
		assert_string_equal(err.message, urls[i].says);
	}
}

static void
test_destinations(void **state)
{
	static const struct {
		const char *text;
		enum destination_kind kind;
		const char *address;
	} good[] = {
		{ "docker", DESTINATION_DOCKER, "/var/run/docker.sock" },
		{ "docker-daemon:/x/y.sock", DESTINATION_DOCKER, "/x/y.sock" },
		{ "10.0.0.5:5000", DESTINATION_REGISTRY, "10.0.0.5:5000" },
		{ "localhost/team", DESTINATION_REGISTRY, "localhost/team" },
		{ "reg.example.com/a/b", DESTINATION_REGISTRY,
		  "reg.example.com/a/b" },
		{ "docker://plain/a", DESTINATION_REGISTRY, "plain/a" },
	};
	static const char *const bad[] = {
		"",	      "dcoker",		"containerd",
		"docker:",    "docker-daemon:", "docker://",
		"plain/a.b:c"
	};
	struct destination found;
	struct ferry_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(destination_parse(&found, good[i].text, &err),
				 0);
		assert_int_equal(found.kind, good[i].kind);
		assert_string_equal(found.address, good[i].address);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (destination_parse(&found, bad[i], &err) != FERRY_E_USAGE)
			fail_msg("'%s' passes", bad[i]);
	assert_non_null(strstr(err.message, "'plain/a.b:c' is no target"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_list_is_read_sorted_and_settled),
		cmocka_unit_test(test_a_bad_line_is_named),
		cmocka_unit_test(test_one_name_with_two_meanings_is_refused),
		cmocka_unit_test(test_a_url_is_no_name),
		cmocka_unit_test(test_destinations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
