/*
 * engine/podman, target/podman_image: what Podman tells of itself, of its
 * images, and of what it does not like.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/podman.h"
#include "target/podman_image.h"
#include "oci_samples.h"

#define HOST "'host':{'arch':'amd64','os':'linux'}"
#define VERSION "'version':{'Version':'4.3.1'}"

static json_t *
parse(const char *text)
{
	json_t *value = NULL;
	struct ferry_error err;

	assert_int_equal(json_parse(&value, json(text), strlen(text), &err), 0);
	return value;
}

static void
who_it_is(void **state)
{
	AUTO_JSON *value = parse(
		"{'host':{'arch':'arm','os':'linux','variant':'v7','security':"
		"{'rootless':true}},'store':{'graphRoot':'/a','imageCopyTmpDir'"
		":''}," VERSION "}");
	AUTO(podman_info_release) struct podman_info info = { 0 };
	char platform[PLATFORM_TEXT];
	struct ferry_error err;

	(void)state;
	assert_int_equal(podman_info_parse(&info, value, &err), 0);
	assert_string_equal(platform_text(platform, &info.platform),
			    "linux/arm/v7");
	assert_true(info.rootless);
	assert_string_equal(info.root, "/a");
	assert_null(info.temporary);
	assert_string_equal(info.version, "4.3.1");
}

static void
who_is_no_podman(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "{}", "\"host\" is missing" },
		{ "{'host':7}", "\"host\" is no object" },
		{ "{'host':{'os':'linux'}}", "\"arch\" is missing" },
		{ "{'host':{'os':'a b','arch':'x'},'store':{}," VERSION "}",
		  "a b" },
		{ "{" HOST "," VERSION "}", "\"store\" is missing" },
		{ "{" HOST ",'store':{'graphRoot':7}," VERSION "}",
		  "\"graphRoot\" is no string" },
		{ "{" HOST ",'store':{}}", "\"version\" is missing" },
		{ "{" HOST ",'store':{},'version':{}}",
		  "\"Version\" is missing" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_JSON *value = parse(rows[i].text);
		struct podman_info info;
		struct ferry_error err;

		check(podman_info_parse(&info, value, &err), &err, rows[i].why,
		      rows[i].text);
	}
}

static struct image
image(void)
{
	struct image made = { 0 };
	struct ferry_error err;

	assert_int_equal(platform_parse(&made.platform, "linux/amd64", &err),
			 0);
	assert_int_equal(
		digest_parse(&made.manifest.config.digest, DIGEST("c0"), &err),
		0);
	assert_int_equal(
		digest_parse(&made.descriptor.digest, DIGEST("a1"), &err), 0);
	return made;
}

#define SHOWN(id, architecture, digest, digests)                               \
	"{'Id':'" id "','Os':'linux','Architecture':'" architecture            \
	"','Digest':'" digest "','RepoDigests':[" digests "]}"
#define PINNED(two) "'a.b/c@" DIGEST(two) "'"

static void
what_it_shows(void **state)
{
	static const struct {
		const char *text;
		const char *why; /* NULL: that is the image */
		const char *why_not_by_id;
	} rows[] = {
		{ SHOWN(HEX("c0"), "amd64", DIGEST("a1"), ""), NULL, NULL },
		{ SHOWN(DIGEST("c0"), "amd64", DIGEST("b2"),
			PINNED("b2") "," PINNED("a1")),
		  NULL, NULL },
		{ SHOWN(HEX("c0"), "amd64", DIGEST("b2"), PINNED("b2")),
		  "podman knows it by " DIGEST("b2") ", and not by " DIGEST(
			  "a1"),
		  NULL },
		{ SHOWN(HEX("c0"), "amd64", "", "7,'x'"),
		  "podman knows it by no digest", NULL },
		{ SHOWN(HEX("d0"), "amd64", DIGEST("a1"), ""),
		  "podman has image " HEX("d0"), "podman has image" },
		{ SHOWN(HEX("c0"), "arm64", DIGEST("a1"), ""),
		  "podman shows it as linux/arm64", "linux/arm64" },
		{ "{'Id':7}", "\"Id\" is no string", "\"Id\" is no string" },
		{ "{'Id':'" HEX("c0") "'}", "\"Os\" is missing",
		  "\"Os\" is missing" },
	};
	struct image wanted = image();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_JSON *value = parse(rows[i].text);
		struct ferry_error err;

		check(podman_image_check(value, &wanted, true, &err), &err,
		      rows[i].why, rows[i].text);
		check(podman_image_check(value, &wanted, false, &err), &err,
		      rows[i].why_not_by_id, rows[i].text);
	}
}

/* An index above it is to be known as well. */
static void
what_it_shows_of_an_index(void **state)
{
	AUTO_JSON *value =
		parse(SHOWN(HEX("c0"), "amd64", DIGEST("a1"), PINNED("a1")));
	struct nested_index index = { 0 };
	struct image wanted = image();
	struct ferry_error err;

	(void)state;
	wanted.nested = &index;
	assert_int_equal(
		digest_parse(&index.descriptor.digest, DIGEST("b2"), &err), 0);
	assert_int_equal(podman_image_check(value, &wanted, true, &err),
			 FERRY_E_FAILED);
	assert_non_null(strstr(err.message, "not by " DIGEST("b2")));
	assert_int_equal(podman_image_check(value, &wanted, false, &err), 0);
}

static void
what_it_says(void **state)
{
	static const struct {
		const char *said, *told;
	} rows[] = {
		{ "no such thing\n", "podman says: no such thing" },
		{ "Error: no such thing", "podman says: no such thing" },
		{ "payload does not match any of the supported image formats:\n"
		  " * oci: x\n * oci-archive: no space left on device\n"
		  " * docker-archive: y",
		  "podman says: no space left on device" },
		{ "formats: * oci: x; * oci-archive: full; * dir: y",
		  "podman says: full" },
		{ "formats:\n * oci: x\n * oci-archive: loading index: more "
		  "than one image in oci, choose an image\n"
		  " * docker-archive: no space left on device\n * dir: y",
		  "podman says: no space left on device" },
		{ "\x1b[1m", "podman says: \\x1b[1m" },
		{ "", "podman says: " },
	};
	struct ferry_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(podman_refused(rows[i].said, &err),
				 FERRY_E_FAILED);
		assert_string_equal(err.message, rows[i].told);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_it_is),
		cmocka_unit_test(who_is_no_podman),
		cmocka_unit_test(what_it_shows),
		cmocka_unit_test(what_it_shows_of_an_index),
		cmocka_unit_test(what_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
