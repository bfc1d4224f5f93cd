/*
 * target/rewrite, op/rename: rules on names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "op/rename.h"
#include "target/names.h"

#define DIGEST                                                                 \
	"sha256:"                                                              \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER                                                                  \
	"sha256:"                                                              \
	"f123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define RULES_MAX 4

static int
apply(char out[REFERENCE_TEXT], const char *const rules[], bool registry,
      const char *source, struct ferry_error *err)
{
	AUTO(rewrite_release) struct rewrite rewrite = { 0 };
	const struct rewrite_rule *rule;
	struct reference from;
	struct reference name;
	size_t count = 0;
	int rc;

	while (count < RULES_MAX && rules[count])
		count++;
	if (reference_parse(&from, source, err))
		fail_msg("%s", err->message);
	rc = rewrite_init(&rewrite, rules, count, err);
	if (!rc)
		rc = rewrite_apply(&name, &rewrite, registry, &from, &rule,
				   err);
	if (!rc && registry && rule)
		rc = target_name(&name, "reg.example:5000/p", &name, err);
	if (!rc)
		reference_name(out, &name);
	return rc;
}

static void
expect(const char *const rules[], bool registry, const char *source,
       const char *name)
{
	char found[REFERENCE_TEXT] = "";
	struct ferry_error err = { 0 };

	if (apply(found, rules, registry, source, &err))
		fail_msg("%s: %s", source, err.message);
	if (strcmp(found, name) != 0)
		fail_msg("%s by %s: %s, not %s", source, rules[0], found, name);
}

#define REG "reg.example:5000/p/"

static void
test_names_in_a_registry(void **state)
{
	static const struct {
		const char *rules[RULES_MAX];
		const char *source;
		const char *name;
	} rows[] = {
		/* A host, or its name as a path. */
		{ { "ghcr.io=ghcr" }, "ghcr.io/a/b:1", REG "ghcr/a/b:1" },
		{ { "ghcr.io/=ghcr/" }, "ghcr.io/a/b:1", REG "ghcr/a/b:1" },
		{ { "ghcr.io=ghcr.io" }, "ghcr.io/a/b:1", REG "ghcr.io/a/b:1" },
		{ { "127.0.0.1:5000=local" },
		  "127.0.0.1:5000/x:1",
		  REG "local/x:1" },
		{ { "registry:5000/=local" },
		  "registry:5000/x:1",
		  REG "local/x:1" },
		{ { "localhost=local" }, "localhost/x:1", REG "local/x:1" },
		/* Docker Hub, in its long and its short names. */
		{ { "docker.io=hub" }, "redis:7", REG "hub/redis:7" },
		{ { "docker.io=hub" }, "a/b:7", REG "hub/a/b:7" },
		{ { "index.docker.io=hub" }, "a/b:7", REG "hub/a/b:7" },
		{ { "docker.io/library=hub" }, "redis:7", REG "hub/redis:7" },
		{ { "library=library" }, "redis:7", REG "library/redis:7" },
		{ { "redis=cache/redis" }, "redis:7", REG "cache/redis:7" },
		{ { "docker.io/redis=r" }, "redis:7", REG "r:7" },
		{ { "library/redis=r" }, "redis:7", REG "r:7" },
		/* Whole components. */
		{ { "quay.io/team=ours" }, "quay.io/team/a:1", REG "ours/a:1" },
		{ { "quay.io/team/a=b" }, "quay.io/team/a:1", REG "b:1" },
		{ { "quay.io/team/a=b" }, "quay.io/team/a/x:1", REG "b/x:1" },
		{ { "quay.io/team=" }, "quay.io/team/a:1", REG "a:1" },
		{ { "quay.io=" }, "quay.io/team/a:1", REG "team/a:1" },
		/* Tags. */
		{ { "redis:7=redis:7.4" }, "redis:7", REG "redis:7.4" },
		{ { "redis:7=cache/r" }, "redis:7", REG "cache/r:7" },
		{ { "redis=r", "redis:7=s" }, "redis:7", REG "s:7" },
		{ { "redis:7=s", "redis=r" }, "redis:8", REG "r:8" },
		{ { "a/b@" DIGEST "=b:1" }, "a/b@" DIGEST, REG "b:1" },
		{ { "a/b=c" }, "a/b@" DIGEST, REG "c@" DIGEST },
		/* The longest counts. */
		{ { "quay.io=q", "quay.io/a/b=c", "quay.io/a=d" },
		  "quay.io/a/b:1",
		  REG "c:1" },
		{ { "quay.io=q", "quay.io/a/b=c", "quay.io/a=d" },
		  "quay.io/a/c:1",
		  REG "d/c:1" },
		{ { "quay.io=q", "quay.io/a/b=c", "quay.io/a=d" },
		  "quay.io/z:1",
		  REG "q/z:1" },
		/* None matches: the name is left to the rule that is always
		   there. */
		{ { "quay.io/tea=x" }, "quay.io/team/a:1", "quay.io/team/a:1" },
		{ { "redis:7=x:8" }, "redis:8", "docker.io/library/redis:8" },
		{ { "redis:7=x:8" }, "a/redis:7", "docker.io/a/redis:7" },
		{ { "team=x" }, "quay.io/team/a:1", "quay.io/team/a:1" },
		{ { "a/b@" DIGEST "=b:1" },
		  "a/b@" OTHER,
		  "docker.io/a/b@" OTHER },
		{ { NULL }, "redis:7", "docker.io/library/redis:7" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect(rows[i].rules, true, rows[i].source, rows[i].name);
}

static void
test_names_in_full(void **state)
{
	static const struct {
		const char *rules[RULES_MAX];
		const char *source;
		const char *name;
	} rows[] = {
		{ { "redis:7=reg.example/r:8" }, "redis:7", "reg.example/r:8" },
		{ { "docker.io=reg.example:5000/hub" },
		  "redis:7",
		  "reg.example:5000/hub/redis:7" },
		{ { "quay.io=localhost" }, "quay.io/a:1", "localhost/a:1" },
		{ { "quay.io/team=ours" },
		  "quay.io/team/a:1",
		  "docker.io/ours/a:1" },
		{ { "quay.io/team=" },
		  "quay.io/team/a:1",
		  "docker.io/library/a:1" },
		{ { "quay.io/a=b" },
		  "quay.io/a@" DIGEST,
		  "docker.io/library/b@" DIGEST },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect(rows[i].rules, false, rows[i].source, rows[i].name);
}

static void
test_what_is_refused(void **state)
{
	static const struct {
		const char *rules[RULES_MAX];
		bool registry;
		const char *why;
	} rows[] = {
		{ { "redis" }, true, "--rewrite redis: it has no '='" },
		{ { "=x" }, true, "--rewrite =x: nothing before the '='" },
		{ { "=" }, true, "nothing before the '='" },
		{ { "a=b=c" }, true, "'b=c' is no repository name" },
		{ { "Redis=x" }, true, "repository names are lower case" },
		{ { "redis=X" }, true, "repository names are lower case" },
		{ { "a//b=c" }, true, "'a//b' is no repository name" },
		{ { "../a=c" }, true, "is no host" },
		{ { "a=b/../c" }, true, "'b/../c' is no repository name" },
		{ { "a*=c" }, true, "'a*' is no repository name" },
		{ { "a:=c" }, true, "':' is no tag or digest" },
		{ { "a@sha256:1=c" }, true, "is no tag or digest" },
		{ { "a:1@" DIGEST "=c" }, true, "a tag or a digest, not both" },
		{ { "a=b:1" }, true, "a tag behind the '=' needs one before" },
		{ { "a:1=b@" DIGEST }, true, "nobody can promise a digest" },
		{ { "a=b", "docker.io/a=c" },
		  true,
		  "--rewrite docker.io/a=c: a=b is about the same names" },
		/* What only shows with a name. */
		{ { "quay.io/team/app=" },
		  true,
		  "--rewrite quay.io/team/app=: of quay.io/team/app:1 no name "
		  "is left" },
		{ { "quay.io/team/app=" }, false, "no name is left" },
		{ { "quay.io=reg.example:5000" },
		  true,
		  "a host and port are no part of the rule" },
		{ { "quay.io/team/app=reg.example/" },
		  false,
		  "no name is left" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char name[REFERENCE_TEXT] = "";
		struct ferry_error err = { 0 };

		if (apply(name, rows[i].rules, rows[i].registry,
			  "quay.io/team/app:1", &err) != FERRY_E_USAGE)
			fail_msg("%s: accepted: %s", rows[i].rules[0], name);
		if (!strstr(err.message, rows[i].why))
			fail_msg("%s\ninstead of: %s", err.message,
				 rows[i].why);
	}
}

static void
test_a_name_too_long(void **state)
{
	char rule[REFERENCE_REPOSITORY_MAX + 64] = "quay.io=";
	const char *rules[RULES_MAX] = { rule };
	struct ferry_error err = { 0 };
	char name[REFERENCE_TEXT];
	size_t start = strlen(rule);

	(void)state;
	memset(rule + start, 'p', REFERENCE_REPOSITORY_MAX - 1);
	assert_int_equal(apply(name, rules, true, "quay.io/a:1", &err),
			 FERRY_E_USAGE);
	assert_int_equal(apply(name, rules, false, "quay.io/a:1", &err),
			 FERRY_E_USAGE);
}

static void
parse(struct reference *out, const char *text)
{
	struct ferry_error err = { 0 };

	if (reference_parse(out, text, &err))
		fail_msg("%s: %s", text, err.message);
}

/* A release of these names, renamed; free() the images' `renamed`. */
static int
rename_images(struct image images[2], const char *rule, bool registry,
	      struct warnings *warnings, struct rewrite *rewrite,
	      struct ferry_error *err)
{
	struct release release = { .images = images, .image_count = 2 };

	assert_int_equal(rewrite_init(rewrite, &rule, 1, err), 0);
	return rename_release(&release, rewrite, registry, warnings, err);
}

static void
test_a_release(void **state)
{
	static const struct {
		const char *rule;
		bool registry;
		const char *warning;
		const char *why;
	} rows[] = {
		{ "quay.io=q", true, NULL, NULL },
		{ "quay.oi=q", true, "--rewrite quay.oi=q matches no image",
		  NULL },
		{ "a/b/c=q", true, "--rewrite a/b/c=q matches no image", NULL },
		{ "x.y/a=q", true,
		  "--rewrite x.y/a=q matches no image; did you mean "
		  "docker.io/a",
		  NULL },
		{ "quay.io=reg.example", false, NULL, NULL },
		{ "quay.io=", false, NULL,
		  "docker.io/a/b:1 and quay.io/a/b:1 would both be called "
		  "docker.io/a/b:1 (--rewrite quay.io=): give one of them "
		  "another name with --rewrite" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(warnings_release) struct warnings warnings = { 0 };
		AUTO(rewrite_release) struct rewrite rewrite = { 0 };
		struct image images[2] = { 0 };
		struct ferry_error err = { 0 };
		int rc;

		parse(&images[0].reference, "a/b:1");
		parse(&images[1].reference, "quay.io/a/b:1");
		rc = rename_images(images, rows[i].rule, rows[i].registry,
				   &warnings, &rewrite, &err);
		assert_int_equal(rc, rows[i].why ? FERRY_E_USAGE : 0);
		assert_string_equal(err.message,
				    rows[i].why ? rows[i].why : "");
		assert_int_equal(warnings.count, rows[i].warning ? 1 : 0);
		if (rows[i].warning)
			assert_string_equal(warnings.items[0], rows[i].warning);
		assert_string_equal(image_source_name(&images[1])->host,
				    "quay.io");
		free(images[0].renamed);
		free(images[1].renamed);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_in_a_registry),
		cmocka_unit_test(test_names_in_full),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_a_name_too_long),
		cmocka_unit_test(test_a_release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
