/*
 * list/definition: ferry's own list, read and written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "list/definition.h"
#include "oci_samples.h"

#define TYPE "'type':'" DEFINITION_TYPE "'"
#define OF(images) "{" TYPE ",'images':[" images "]}"
#define WITH(keys, images) "{" TYPE "," keys ",'images':[" images "]}"
#define REDIS "{'source':'redis:7'}"

/* "ORIGIN [PLATFORMS] [=> NAME]" of each item, until the next call. */
static const char *
shown(const struct list *list)
{
	static char out[8192];
	char text[ORIGIN_TEXT];

	out[0] = '\0';
	for (size_t i = 0; i < list->count; i++) {
		const struct wanted *item = &list->items[i];

		strcat(out, i ? "; " : "");
		strcat(out, origin_text(text, &item->origin));
		strcat(out, item->platforms.all ? " all" : "");
		for (size_t k = 0; k < item->platforms.count; k++) {
			strcat(out, k ? "," : " ");
			strcat(out,
			       platform_text(text, &item->platforms.items[k]));
		}
		if (item->name.repository[0]) {
			strcat(out, " => ");
			strcat(out, reference_name(text, &item->name));
		}
	}
	return out;
}

static int
read_text(struct list *list, const char *text, struct ferry_error *err)
{
	const char *made = json(text);

	return list_add_definition(list, made, strlen(made), err);
}

static void
test_definitions(void **state)
{
	static const struct {
		const char *text;
		const char *shown;
	} rows[] = {
		{ OF(""), "" },
		{ OF(REDIS), "docker.io/library/redis:7" },
		{ OF(REDIS "," REDIS),
		  "docker.io/library/redis:7; docker.io/library/redis:7" },
		{ OF("{'source':'docker://h:5/a','as':'b:2'}"),
		  "h:5/a:latest => docker.io/library/b:2" },
		{ OF("{'source':'redis:7','digest':'" DIGEST("a1") "'}"),
		  "docker.io/library/redis:7@" DIGEST("a1") },
		{ OF("{'source':'redis:7@" DIGEST("a1") "','digest':'" DIGEST(
			  "a1") "'}"),
		  "docker.io/library/redis:7@" DIGEST("a1") },
		{ OF("{'source':'redis@" DIGEST("a1") "','digest':'" DIGEST(
			  "a1") "'}"),
		  "docker.io/library/redis@" DIGEST("a1") },
		{ OF("{'source':'oci:my images:a:1','digest':'" DIGEST(
			  "a1") "'}"),
		  "oci:my images:a:1@" DIGEST("a1") },
		{ OF("{'source':'bundle:x','platform':'linux/x86_64'}"),
		  "bundle:x linux/amd64" },
		{ OF("{'source':'redis:7','platforms':'all'}"),
		  "docker.io/library/redis:7 all" },
		{ OF("{'source':'redis:7','platforms':['all']}"),
		  "docker.io/library/redis:7 all" },
		{ OF("{'source':'redis:7','platform':'all'}"),
		  "docker.io/library/redis:7 all" },
		{ OF("{'source':'redis:7','platforms':['linux/arm64','linux/"
		     "amd64']}"),
		  "docker.io/library/redis:7 linux/arm64,linux/amd64" },
		{ WITH("'platforms':['linux/arm/v7']",
		       REDIS ",{'source':'a','platform':'linux/amd64'}"),
		  "docker.io/library/redis:7 linux/arm/v7; "
		  "docker.io/library/a:latest linux/amd64" },
		{ WITH("'platforms':'all'", REDIS),
		  "docker.io/library/redis:7 all" },
		{ WITH("'$schema':'x','name':'n','version':'v'", REDIS),
		  "docker.io/library/redis:7" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(list_release) struct list list = { 0 };
		struct ferry_error err;

		if (read_text(&list, rows[i].text, &err))
			fail_msg("%s\nof %s", err.message, rows[i].text);
		assert_string_equal(shown(&list), rows[i].shown);
	}
}

static void
test_what_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} rows[] = {
		{ "", "no valid JSON" },
		{ "[]", "no JSON object" },
		{ OF(REDIS) "x", "no valid JSON" },
		{ "{'images':[]}", "\"type\" is missing" },
		{ "{'type':7}", "\"type\" is no string" },
		{ "{'type':'ferry.definition/v2','images':[],'new':1}",
		  "type 'ferry.definition/v2'; this ferry reads "
		  "'ferry.definition/v1'" },
		{ "{'type':'ferry.bundle/v1'}", "type 'ferry.bundle/v1'" },
		{ "{" TYPE "}", "\"images\" is missing" },
		{ "{" TYPE ",'images':{}}", "\"images\" is no array" },
		{ WITH("'imagse':[]", ""), "unknown key \"imagse\"" },
		{ WITH("'name':1", ""), "\"name\" is no string" },
		{ WITH("'version':1.0", ""), "\"version\" is no string" },
		{ WITH("'name':'a','name':'b'", ""), "duplicate" },
		{ WITH("'platforms':'linux/amd64'", ""),
		  "\"platforms\" is neither \"all\" nor a list" },
		{ WITH("'platforms':[]", ""),
		  "\"platforms\" is neither \"all\" nor a list" },
		{ WITH("'platforms':[1]", ""), "a platform that is no string" },
		{ WITH("'platforms':['amd64']", ""), "'amd64' is no platform" },
		{ OF("'redis:7'"), "images[0]: no JSON object" },
		{ OF(REDIS ",{}"), "images[1]: \"source\" is missing" },
		{ OF("{'source':''}"), "images[0]: '' is no image reference" },
		{ OF("{'source':'redis:7 linux/amd64'}"),
		  "images[0]: 'redis:7 linux/amd64' is no image reference" },
		{ OF("{'source':'redis:7 => a'}"), "is no image reference" },
		{ OF("{'source':'oci:'}"),
		  "images[0]: 'oci:': it has no path" },
		{ OF("{'source':'redis:7','Digest':''}"),
		  "images[0]: unknown key \"Digest\"" },
		{ OF("{'source':'redis:7','digest':'sha256:a'}"),
		  "images[0]: 'sha256:a' is no sha256 digest" },
		{ OF("{'source':'redis:7','digest':null}"),
		  "images[0]: \"digest\" is no string" },
		{ OF("{'source':'redis:7@" DIGEST("b2") "','digest':'" DIGEST(
			  "a1") "'}"),
		  "images[0]: both " DIGEST("b2") " and " DIGEST("a1") },
		{ OF("{'source':'redis:7','as':'A'}"),
		  "images[0]: \"as\": 'A' is no image reference" },
		{ OF("{'source':'redis:7','as':'a@" DIGEST("a1") "'}"),
		  "a name to carry an image as has no digest" },
		{ OF("{'source':'redis:7','platform':'linux/amd64','platforms':"
		     "'all'}"),
		  "images[0]: both \"platform\" and \"platforms\"" },
		{ OF("{'source':'redis:7','platforms':['all','linux/amd64']}"),
		  "images[0]: platform 'all' and another one" },
		{ OF("{'source':'redis:7','platform':['linux/amd64']}"),
		  "images[0]: \"platform\" is no string" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(list_release) struct list list = { 0 };
		struct ferry_error err = { 0 };

		if (read_text(&list, rows[i].text, &err) != FERRY_E_USAGE)
			fail_msg("accepted: %s", rows[i].text);
		if (!strstr(err.message, rows[i].why))
			fail_msg("%s\ninstead of: %s", err.message,
				 rows[i].why);
	}
}

static void
test_the_command_counts_more_than_all_images(void **state)
{
	AUTO(list_release) struct list list = { .platforms_asked = true };
	struct ferry_error err;

	(void)state;
	assert_int_equal(platforms_add(&list.platforms, "linux/amd64", &err),
			 0);
	assert_int_equal(
		read_text(&list,
			  WITH("'platforms':'all'", REDIS
			       ",{'source':'s','platform':'linux/s390x'}"),
			  &err),
		0);
	assert_int_equal(list_settle(&list, &err), 0);
	assert_string_equal(shown(&list),
			    "docker.io/library/redis:7 linux/amd64; "
			    "docker.io/library/s:latest linux/s390x");
}

static void
test_only_one_definition_names_the_list(void **state)
{
	AUTO(list_release) struct list list = { 0 };
	struct ferry_error err;

	(void)state;
	assert_int_equal(
		read_text(&list, WITH("'name':'n','version':'v'", REDIS), &err),
		0);
	assert_string_equal(list.name, "n");
	assert_string_equal(list.version, "v");
	assert_int_equal(read_text(&list, WITH("'name':'m'", REDIS), &err), 0);
	assert_null(list.name);
	assert_null(list.version);
	assert_int_equal(read_text(&list, WITH("'name':'o'", REDIS), &err), 0);
	assert_null(list.name);
}

static void
test_what_is_written(void **state)
{
	static const char text[] = WITH(
		"'name':'n','version':'v'",
		"{'source':'redis:7','as':'b:2','platforms':['linux/amd64',"
		"'linux/arm64'],'digest':'" DIGEST(
			"a1") "'},"
			      "{'source':'oci:my images:a:1','platform':'all'},"
			      "{'source':'docker-daemon:a'}");
	static const char written[] =
		"{\n  'type': '" DEFINITION_TYPE "',\n  'name': 'n',\n"
		"  'version': 'v',\n  'images': [\n    {\n"
		"      'source': 'docker.io/library/redis:7',\n"
		"      'as': 'docker.io/library/b:2',\n      'platforms': [\n"
		"        'linux/amd64',\n        'linux/arm64'\n      ],\n"
		"      'digest': '" DIGEST(
			"a1") "'\n    },\n    {\n"
			      "      'source': 'oci:my images:a:1',\n"
			      "      'platforms': 'all'\n    },\n    {\n"
			      "      'source': 'docker-daemon:a'\n    }\n  ]\n}\n";
	AUTO(list_release) struct list list = { 0 };
	AUTO_BUFFER out = BUFFER(4096);
	struct ferry_error err;
	const char *result;

	(void)state;
	assert_int_equal(read_text(&list, text, &err), 0);
	assert_int_equal(definition_write(&out, &list, &err), 0);
	assert_int_equal(buffer_text(&out, &result, &err), 0);
	assert_string_equal(result, json(written));
}

static void
test_no_utf8_cannot_be_written(void **state)
{
	AUTO(list_release) struct list list = { 0 };
	AUTO_BUFFER out = BUFFER(4096);
	struct ferry_error err = { 0 };

	(void)state;
	assert_int_equal(list_add(&list, "oci:/srv/\xff", &err), 0);
	assert_int_equal(definition_write(&out, &list, &err), FERRY_E_FAILED);
	assert_string_equal(err.message, "'oci:/srv/\\xff' cannot stand in "
					 "JSON, as it is no UTF-8");
}

/* bundles/, seen from the top of the tree, where tests run. */
static void
test_the_definitions_we_have(void **state)
{
	static const char *const paths[] = { "bundles/omarino-ems.json" };
	struct ferry_list_options options = { .format = FERRY_LIST_ANY };
	AUTO(list_release) struct list list = { 0 };
	struct ferry_error err;

	(void)state;
	if (list_add_files(&list, paths, ARRAY_SIZE(paths), &options, &err) ||
	    list_settle(&list, &err))
		fail_msg("%s", err.message);
	assert_int_equal(list.count, 13);
	assert_string_equal(list.name, "omarino-ems");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_definitions),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_the_command_counts_more_than_all_images),
		cmocka_unit_test(test_only_one_definition_names_the_list),
		cmocka_unit_test(test_what_is_written),
		cmocka_unit_test(test_no_utf8_cannot_be_written),
		cmocka_unit_test(test_the_definitions_we_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
