/*
 * target/names: what things are called where they go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "target/names.h"

#define DIGEST                                                                 \
	"sha256:"                                                              \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
parse(struct reference *out, const char *text)
{
	struct ferry_error err = { 0 };

	if (reference_parse(out, text, &err))
		fail_msg("%s: %s", text, err.message);
}

static void
the_path_is_kept_and_the_host_dropped(void **state)
{
	static const struct {
		const char *to;
		const char *source;
		const char *name;
	} table[] = {
		{ "127.0.0.1:5000", "redis:7-alpine",
		  "127.0.0.1:5000/redis:7-alpine" },
		{ "reg.example", "timescale/timescaledb:latest-pg14",
		  "reg.example/timescale/timescaledb:latest-pg14" },
		{ "reg.example/mirror", "redis",
		  "reg.example/mirror/redis:latest" },
		{ "reg.example/a/b/", "redis", "reg.example/a/b/redis:latest" },
		{ "reg.example/", "redis", "reg.example/redis:latest" },
		{ "reg.example:1/x", "quay.io/a/b:1", "reg.example:1/x/a/b:1" },
		/* Only Docker Hub has official images. */
		{ "reg.example", "quay.io/library/x:1",
		  "reg.example/library/x:1" },
		{ "localhost:5000", "localhost:1/x@" DIGEST,
		  "localhost:5000/x@" DIGEST },
		{ "reg.example", "redis:7@" DIGEST, "reg.example/redis:7" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct ferry_error err = { 0 };
		struct reference source;
		struct reference name;
		char text[REFERENCE_TEXT];

		parse(&source, table[i].source);
		if (target_name(&name, table[i].to, &source, &err))
			fail_msg("%s: %s", table[i].to, err.message);
		assert_string_equal(reference_name(text, &name), table[i].name);
	}
}

static void
what_is_no_registry_is_refused(void **state)
{
	static const char *const table[] = {
		"",
		"/",
		"/x",
		"reg.example//x",
		"reg.example/X",
		"reg.example/x//",
		"http://reg.example",
		"docker://reg.example", /* destination_parse() takes it off */
		"reg.example:port",
		"reg.example/a:1",
		"reg.example/../x",
		"-x.example",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct ferry_error err = { 0 };
		struct reference out;
		char message[256];

		if (target_parse(&out, table[i], &err) != FERRY_E_USAGE)
			fail_msg("\"%s\" is taken for a registry", table[i]);
		snprintf(message, sizeof(message),
			 "%s: not a registry, HOST[:PORT][/PREFIX]", table[i]);
		assert_string_equal(err.message, message);
	}
}

static void
names_that_grow_too_long_are_refused(void **state)
{
	char to[REFERENCE_REPOSITORY_MAX + 64] = "reg.example/";
	struct ferry_error err = { 0 };
	struct reference source;
	struct reference name;
	size_t start = strlen(to);

	(void)state;
	parse(&source, "quay.io/ab/cd:1");
	/* 255 bytes in all: the prefix, a slash and "ab/cd". */
	memset(to + start, 'p', 255 - 6);
	assert_int_equal(target_name(&name, to, &source, &err), 0);
	assert_int_equal(strlen(name.repository), 255);
	to[start + 255 - 6] = 'p';
	assert_int_equal(target_name(&name, to, &source, &err), FERRY_E_USAGE);
	assert_non_null(strstr(err.message,
			       "a repository name of more than 255 bytes"));
}

static void
clashes_are_refused_with_both_names(void **state)
{
	struct image images[3] = { 0 };
	struct release release = { .images = images, .image_count = 3 };
	struct reference *names = NULL;
	struct ferry_error err = { 0 };

	(void)state;
	parse(&images[0].reference, "redis:7");
	parse(&images[1].reference, "quay.io/a/b:1");
	parse(&images[2].reference, "quay.io/redis:7");
	assert_int_equal(target_names(&names, "reg.example/p", &release, &err),
			 FERRY_E_USAGE);
	assert_null(names);
	assert_string_equal(
		err.message,
		"docker.io/library/redis:7 and quay.io/redis:7 would both be "
		"called reg.example/p/redis:7: give one of them another name "
		"with --rewrite");
	parse(&images[2].reference, "quay.io/redis:8");
	assert_int_equal(target_names(&names, "reg.example/p", &release, &err),
			 0);
	assert_string_equal(names[0].repository, "p/redis");
	assert_string_equal(names[1].repository, "p/a/b");
	assert_string_equal(names[2].tag, "8");
	free(names);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_path_is_kept_and_the_host_dropped),
		cmocka_unit_test(what_is_no_registry_is_refused),
		cmocka_unit_test(names_that_grow_too_long_are_refused),
		cmocka_unit_test(clashes_are_refused_with_both_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
