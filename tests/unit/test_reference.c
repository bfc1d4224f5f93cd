/*
 * oci/reference: what Docker's own parser makes of the same texts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "oci/reference.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PIN "@sha256:" HEX

static const struct good {
	const char *text;
	const char *name;
	const char *familiar;
} good[] = {
	{ "redis", "docker.io/library/redis:latest", "redis:latest" },
	{ "redis:7", "docker.io/library/redis:7", "redis:7" },
	{ "library/redis:7", "docker.io/library/redis:7", "redis:7" },
	{ "docker.io/redis:7", "docker.io/library/redis:7", "redis:7" },
	{ "docker.io/library/redis", "docker.io/library/redis:latest",
	  "redis:latest" },
	{ "index.docker.io/redis:7", "docker.io/library/redis:7", "redis:7" },
	{ "index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest" },
	{ "timescale/timescaledb:latest-pg14",
	  "docker.io/timescale/timescaledb:latest-pg14",
	  "timescale/timescaledb:latest-pg14" },
	{ "a/b/c:1", "docker.io/a/b/c:1", "a/b/c:1" },
	{ "library/a/b:1", "docker.io/library/a/b:1", "library/a/b:1" },
	/* The first component: a host or not. */
	{ "localhost", "docker.io/library/localhost:latest",
	  "localhost:latest" },
	{ "localhost/a", "localhost/a:latest", "localhost/a:latest" },
	{ "localhost:5000", "docker.io/library/localhost:5000",
	  "localhost:5000" },
	{ "localhost:5000/a:1", "localhost:5000/a:1", "localhost:5000/a:1" },
	{ "registry/a:1", "docker.io/registry/a:1", "registry/a:1" },
	{ "registry:5000/a:1", "registry:5000/a:1", "registry:5000/a:1" },
	{ "Registry/a:1", "Registry/a:1", "Registry/a:1" },
	{ "ghcr.io/a/b:1", "ghcr.io/a/b:1", "ghcr.io/a/b:1" },
	{ "docker.io", "docker.io/library/docker.io:latest",
	  "docker.io:latest" },
	{ "foo.bar:1", "docker.io/library/foo.bar:1", "foo.bar:1" },
	{ "192.168.61.21:32768/app:1", "192.168.61.21:32768/app:1",
	  "192.168.61.21:32768/app:1" },
	{ "[::1]/a:1", "[::1]/a:1", "[::1]/a:1" },
	{ "[2001:db8::1]:5000/a:1", "[2001:db8::1]:5000/a:1",
	  "[2001:db8::1]:5000/a:1" },
	{ "xn--n3h.example/a", "xn--n3h.example/a:latest",
	  "xn--n3h.example/a:latest" },
	{ "host:65535/a", "host:65535/a:latest", "host:65535/a:latest" },
	/* Familiar names must not turn into others. */
	{ "docker.io/foo.bar/a:1", "docker.io/foo.bar/a:1",
	  "docker.io/foo.bar/a:1" },
	{ "docker.io/localhost/a:1", "docker.io/localhost/a:1",
	  "docker.io/localhost/a:1" },
	/* Components. */
	{ "a.b_c__d-e---f", "docker.io/library/a.b_c__d-e---f:latest",
	  "a.b_c__d-e---f:latest" },
	{ "0/1:2", "docker.io/0/1:2", "0/1:2" },
	/* Tags. */
	{ "a:_", "docker.io/library/a:_", "a:_" },
	{ "a:V1.2-rc_3", "docker.io/library/a:V1.2-rc_3", "a:V1.2-rc_3" },
	{ "a:" HEX, "docker.io/library/a:" HEX, "a:" HEX },
	/* Digests. */
	{ "redis" PIN, "docker.io/library/redis" PIN, "redis" PIN },
	{ "redis:7" PIN, "docker.io/library/redis:7", "redis:7" },
	{ "h:1/a/b" PIN, "h:1/a/b" PIN, "h:1/a/b" PIN },
	{ "library/" HEX, "docker.io/library/" HEX ":latest", HEX ":latest" },
	{ HEX ":1", "docker.io/library/" HEX ":1", HEX ":1" },
};

static void
good_ones_are_normalised(void **state)
{
	struct ferry_error err = { 0 };
	struct reference reference;
	char text[REFERENCE_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		if (reference_parse(&reference, good[i].text, &err))
			fail_msg("%s", err.message);
		assert_string_equal(reference_name(text, &reference),
				    good[i].name);
		assert_string_equal(reference_familiar(text, &reference),
				    good[i].familiar);
	}
}

static void
both_spellings_parse_back(void **state)
{
	struct ferry_error err = { 0 };
	struct reference reference;
	char text[REFERENCE_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(
			reference_parse(&reference, good[i].name, &err), 0);
		assert_string_equal(reference_name(text, &reference),
				    good[i].name);
		assert_int_equal(
			reference_parse(&reference, good[i].familiar, &err), 0);
		assert_string_equal(reference_name(text, &reference),
				    good[i].name);
	}
}

static void
parts_stand_apart(void **state)
{
	struct ferry_error err = { 0 };
	struct reference reference;

	(void)state;
	assert_int_equal(reference_parse(&reference, "h:1/a/b:t" PIN, &err), 0);
	assert_string_equal(reference.host, "h:1");
	assert_string_equal(reference.repository, "a/b");
	assert_string_equal(reference.tag, "t");
	assert_string_equal(reference.digest.text, &PIN[1]);
	assert_int_equal(reference_parse(&reference, "a" PIN, &err), 0);
	assert_string_equal(reference.tag, "");
	assert_int_equal(reference_parse(&reference, "a", &err), 0);
	assert_false(digest_is_set(&reference.digest));
}

static void
unpin_keeps_the_only_version(void **state)
{
	struct ferry_error err = { 0 };
	struct reference reference;

	(void)state;
	assert_int_equal(reference_parse(&reference, "a:1" PIN, &err), 0);
	reference_unpin(&reference);
	assert_false(digest_is_set(&reference.digest));
	assert_int_equal(reference_parse(&reference, "a" PIN, &err), 0);
	reference_unpin(&reference);
	assert_string_equal(reference.digest.text, &PIN[1]);
}

#define REPOSITORY(name) "'" name "' is no repository name"
#define TAG(name) "'" name "' is no tag"
#define HOST(name) "'" name "' is no host"

static const struct bad {
	const char *text;
	const char *why;
} bad[] = {
	{ "", "it names no repository" },
	{ ":7", "it names no repository" },
	{ "host:1/", "it names no repository" },
	{ "host:1/:7", "it names no repository" },
	{ PIN, "it names no repository" },
	{ "Redis:7", "repository names are lower case" },
	{ "redis/Commander", "repository names are lower case" },
	{ "docker.io/library/Redis", "repository names are lower case" },
	{ "REDIS", "repository names are lower case" },
	{ HEX, "64 hex digits are an image's ID, not its name" },
	{ "/", REPOSITORY("/") },
	{ "/redis", REPOSITORY("/redis") },
	{ "redis/", REPOSITORY("redis/") },
	{ "a//b", REPOSITORY("a//b") },
	{ "-a", REPOSITORY("-a") },
	{ "a-", REPOSITORY("a-") },
	{ ".a", REPOSITORY(".a") },
	{ "a..b", REPOSITORY("a..b") },
	{ "a___b", REPOSITORY("a___b") },
	{ "a._b", REPOSITORY("a._b") },
	{ "a_", REPOSITORY("a_") },
	{ "_a", REPOSITORY("_a") },
	{ "--help", REPOSITORY("--help") },
	{ "../etc", HOST("..") },
	{ "a b", REPOSITORY("a b") },
	{ " redis", REPOSITORY(" redis") },
	{ "redis\n", REPOSITORY("redis\\x0a") },
	{ "redis;id", REPOSITORY("redis;id") },
	{ "r\303\251dis", REPOSITORY("r\303\251dis") },
	{ "r\033[1mdis", REPOSITORY("r\\x1b[1mdis") },
	{ "\377", REPOSITORY("\\xff") },
	{ "redis:", TAG("") },
	{ "redis:-7", TAG("-7") },
	{ "redis:.7", TAG(".7") },
	{ "redis:7 ", TAG("7 ") },
	{ "redis:7:8", TAG("7:8") },
	{ "redis:7+1", TAG("7+1") },
	{ "host:1/a:b/c", TAG("b/c") },
	{ "docker://redis:7", HOST("docker:") },
	{ "https://host/redis", HOST("https:") },
	{ "-host.example/a", HOST("-host.example") },
	{ "host-.example/a", HOST("host-.example") },
	{ "a..b/c", HOST("a..b") },
	{ "host./a", HOST("host.") },
	{ ".host/a", HOST(".host") },
	{ "under_score.example/a", HOST("under_score.example") },
	{ "user:pw@host/a", "'host/a' is no sha256 digest" },
	{ "host:/a", HOST("host:") },
	{ "host:0/a", HOST("host:0") },
	{ "host:65536/a", HOST("host:65536") },
	{ "host:000080/a", HOST("host:000080") },
	{ "host:8o/a", HOST("host:8o") },
	{ "host:1:2/a", HOST("host:1:2") },
	{ "::1/a", HOST("::1") },
	{ "[::1/a", HOST("[::1") },
	{ "[::1]x/a", HOST("[::1]x") },
	{ "[::1]:/a", HOST("[::1]:") },
	{ "[fe80::1%eth0]/a", HOST("[fe80::1%eth0]") },
	{ "[]:1/a", HOST("[]:1") },
	{ "redis@", "'' is no sha256 digest" },
	{ "redis@7", "'7' is no sha256 digest" },
	{ "redis@sha256:0123", "'sha256:0123' is no sha256 digest" },
	{ "redis@md5:" HEX, "'md5:" HEX "' is no sha256 digest" },
	{ "redis" PIN "0", "'sha256:" HEX "0' is no sha256 digest" },
	{ "redis@SHA256:" HEX, "'SHA256:" HEX "' is no sha256 digest" },
	{ "redis" PIN PIN, "'sha256:" HEX "@sha256:" },
};

static void
bad_ones_are_refused(void **state)
{
	struct reference untouched = { .tag = "untouched" };
	struct ferry_error err;
	char reason[sizeof(err.message)];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (reference_parse(&untouched, bad[i].text, &err) !=
		    FERRY_E_USAGE)
			fail_msg("accepted: '%s'", bad[i].text);
		snprintf(reason, sizeof(reason), "is no image reference: %s",
			 bad[i].why);
		if (!strstr(err.message, reason))
			fail_msg("%s\ninstead of: %s", err.message, reason);
	}
	assert_string_equal(untouched.tag, "untouched");
}

static void
messages_quote_the_whole_text(void **state)
{
	struct reference reference;
	struct ferry_error err;

	(void)state;
	assert_int_equal(reference_parse(&reference, "Redis:7", &err),
			 FERRY_E_USAGE);
	assert_string_equal(err.message, "'Redis:7' is no image reference: "
					 "repository names are lower case");
	assert_int_equal(reference_parse(&reference, "a\033b:1", &err),
			 FERRY_E_USAGE);
	assert_string_equal(err.message, "'a\\x1bb:1' is no image reference: "
					 "'a\\x1bb' is no repository name");
}

/* PREFIX, `count` times 'a', SUFFIX. */
static const char *
stretched(const char *prefix, size_t count, const char *suffix)
{
	static char text[8192];
	size_t length = strlen(prefix);

	memcpy(text, prefix, length);
	memset(text + length, 'a', count);
	snprintf(text + length + count, sizeof(text) - length - count, "%s",
		 suffix);
	return text;
}

static void
lengths_have_limits(void **state)
{
	static const struct {
		const char *prefix;
		size_t most;
		const char *suffix;
		const char *why;
	} rows[] = {
		{ "", 247, ":1", "its repository has more than 255" },
		{ "a/", 253, ":1", "its repository has more than 255" },
		{ "h:1/", 255, "", "its repository has more than 255" },
		{ "a:", 128, "", "is no tag" },
		{ "", 253, ":1/b", "is no host" },
		{ "h.", 253, "/b" PIN, "is no host" },
	};
	struct reference reference;
	struct ferry_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *text =
			stretched(rows[i].prefix, rows[i].most, rows[i].suffix);

		if (reference_parse(&reference, text, &err))
			fail_msg("%s", err.message);
		text = stretched(rows[i].prefix, rows[i].most + 1,
				 rows[i].suffix);
		assert_int_equal(reference_parse(&reference, text, &err),
				 FERRY_E_USAGE);
		assert_non_null(strstr(err.message, rows[i].why));
	}
}

static void
the_longest_fits_and_longer_is_cut(void **state)
{
	char longest[REFERENCE_TEXT];
	char text[REFERENCE_TEXT];
	struct reference reference;
	struct ferry_error err;

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[1] = '.';
	longest[255] = '/';
	longest[511] = ':';
	memcpy(longest + 640, PIN, sizeof(PIN));
	if (reference_parse(&reference, longest, &err))
		fail_msg("%s", err.message);
	longest[640] = '\0';
	assert_string_equal(reference_name(text, &reference), longest);
	assert_string_equal(reference_familiar(text, &reference), longest);
	assert_int_equal(
		reference_parse(&reference, stretched("", 5000, ""), &err),
		FERRY_E_USAGE);
	assert_non_null(strstr(err.message, "it has more than 712 characters"));
	assert_true(strlen(err.message) < 400);
}

static void
hosts(void **state)
{
	static const struct {
		const char *text;
		bool is_host;
	} rows[] = {
		{ "docker.io", true },
		{ "localhost", true },
		{ "localhost:5000", true },
		{ "registry:5000", true },
		{ "10.0.0.1", true },
		{ "[::1]:5000", true },
		{ "A", true },
		{ "registry", false },
		{ "", false },
		{ "host.example/", false },
		{ "host.example/a", false },
		{ "host:", false },
		{ "http://host", false },
		{ "host.example:5000x", false },
		{ "a@b.c", false },
		{ "host.example ", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (reference_is_host(rows[i].text) != rows[i].is_host)
			fail_msg("%s", rows[i].text);
}

static void
repositories(void **state)
{
	static const struct {
		const char *text;
		bool is_repository;
	} rows[] = {
		{ "redis", true },   { "library/redis", true },
		{ "a/b/c/d", true }, { "a-b/c.d", true },
		{ "", false },	     { "/", false },
		{ "a/", false },     { "/a", false },
		{ "a:1", false },    { "A", false },
		{ "a/../b", false }, { "a/./b", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (reference_is_repository(rows[i].text) !=
		    rows[i].is_repository)
			fail_msg("%s", rows[i].text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones_are_normalised),
		cmocka_unit_test(both_spellings_parse_back),
		cmocka_unit_test(parts_stand_apart),
		cmocka_unit_test(unpin_keeps_the_only_version),
		cmocka_unit_test(bad_ones_are_refused),
		cmocka_unit_test(messages_quote_the_whole_text),
		cmocka_unit_test(lengths_have_limits),
		cmocka_unit_test(the_longest_fits_and_longer_is_cut),
		cmocka_unit_test(hosts),
		cmocka_unit_test(repositories),
	};

	return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
