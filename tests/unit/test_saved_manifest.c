/*
 * source/saved_manifest and source/image_names: what manifest.json says, and
 * which image a selector means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "source/saved_manifest.h"

static int
parse(struct saved_manifest *out, const char *text, struct ferry_error *err)
{
	return saved_manifest_parse(out, text, strlen(text), err);
}

static void
manifest_is_read(void **state)
{
	struct saved_manifest manifest;
	struct ferry_error err = { 0 };

	(void)state;
	assert_int_equal(
		parse(&manifest,
		      "[{\"Config\":\"c.json\",\"RepoTags\":[\"a:1\",\"b:2\"],"
		      "\"Layers\":[\"x/layer.tar\",\"y/layer.tar\"],"
		      "\"LayerSources\":{}},"
		      "{\"Config\":\"d.json\",\"RepoTags\":null,"
		      "\"Layers\":null}]\n",
		      &err),
		0);
	assert_int_equal(manifest.count, 2);
	assert_string_equal(manifest.entries[0].config, "c.json");
	assert_int_equal(manifest.entries[0].layer_count, 2);
	assert_string_equal(manifest.entries[0].layers[1], "y/layer.tar");
	assert_int_equal(manifest.entries[1].layer_count, 0);
	assert_int_equal(manifest.names.images, 2);
	assert_int_equal(manifest.names.count, 2);
	assert_string_equal(manifest.names.items[1].text, "b:2");
	assert_string_equal(manifest.names.items[1].key,
			    "docker.io/library/b:2");
	saved_manifest_release(&manifest);
}

static const struct {
	const char *text;
	const char *message;
} bad_manifests[] = {
	{ "", "no valid JSON" },
	{ "{}", "no JSON array" },
	{ "[] []", "no valid JSON" },
	{ "[[]]", "image 1: no JSON object" },
	{ "[{}]", "image 1: \"Config\" is missing" },
	{ "[{\"Config\":1}]", "image 1: \"Config\" is no string" },
	{ "[{\"Config\":\"a\",\"Layers\":{}}]", "\"Layers\" is no" },
	{ "[{\"Config\":\"a\",\"Layers\":[\"\"]}]",
	  "a layer is no text, or empty" },
	{ "[{\"Config\":\"a\",\"Layers\":[],\"RepoTags\":[[]]}]",
	  "a name is no text, or empty" },
	{ "[{\"Config\":\"a\",\"config\":\"b\",\"Layers\":[]}]",
	  "\"config\" would be taken for \"Config\" by some" },
	{ "[{\"Config\":\"a\",\"Config\":\"b\"}]", "duplicate" },
};

static void
bad_manifests_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_manifests); i++) {
		struct saved_manifest manifest;
		struct ferry_error err = { 0 };

		assert_int_equal(parse(&manifest, bad_manifests[i].text, &err),
				 FERRY_E_FAILED);
		if (!strstr(err.message, bad_manifests[i].message))
			fail_msg("%s: '%s'", bad_manifests[i].text,
				 err.message);
	}
}

/* Three images; the second has a tag only, the third an alias too. */
static void
make_names(struct image_names *names)
{
	struct ferry_error err;

	*names = (struct image_names){ .images = 4 };
	assert_int_equal(image_names_add(names, "docker.io/library/redis:7", 0,
					 false, &err),
			 0);
	assert_int_equal(image_names_add(names, "1.0", 1, false, &err), 0);
	assert_int_equal(
		image_names_add(names, "quay.io/a/b:2", 2, false, &err), 0);
	assert_int_equal(image_names_add(names, "2", 2, true, &err), 0);
	assert_int_equal(image_names_add(names, "redis:7", 3, false, &err), 0);
}

static const struct {
	const char *selector;
	size_t count;
	size_t first;
	const char *full;
} choices[] = {
	{ "docker.io/library/redis:7", 1, 0, "docker.io/library/redis:7" },
	/* Exactly so comes before the same in full. */
	{ "redis:7", 1, 3, "redis:7" },
	{ "docker.io/redis:7", 2, 0, "docker.io/library/redis:7" },
	{ "1.0", 1, 1, NULL },
	{ "quay.io/a/b:2", 1, 2, "quay.io/a/b:2" },
	{ "2", 1, 2, "quay.io/a/b:2" },
	{ NULL, 4, 0, "docker.io/library/redis:7" },
};

static void
selectors_choose(void **state)
{
	struct image_names names;

	(void)state;
	make_names(&names);
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		struct image_match match = { 0 };
		struct ferry_error err = { 0 };

		assert_int_equal(image_names_choose(&names, choices[i].selector,
						    &match, &err),
				 0);
		assert_int_equal(match.count, choices[i].count);
		assert_int_equal(match.images[0], choices[i].first);
		if (choices[i].full)
			assert_string_equal(match.full, choices[i].full);
		else
			assert_null(match.full);
		image_match_release(&match);
	}
	image_names_release(&names);
}

/* A tag may look like an ID, and one of several images may be called both. */
static void
images_are_matched_once(void **state)
{
	static const size_t images[] = { 1, 0, 1, 0 };
	struct image_names names = { .images = 2 };
	struct image_match match = { 0 };
	struct ferry_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(images); i++)
		assert_int_equal(image_names_add(&names, "sha256:1", images[i],
						 i > 1, &err),
				 0);
	assert_int_equal(image_names_choose(&names, "sha256:1", &match, &err),
			 0);
	assert_int_equal(match.count, 2);
	assert_int_equal(match.images[0], 0);
	assert_int_equal(match.images[1], 1);
	image_match_release(&match);
	image_names_release(&names);
}

static void
what_is_not_there_is_said(void **state)
{
	struct image_names names;
	struct image_match match = { 0 };
	struct ferry_error err = { 0 };

	(void)state;
	make_names(&names);
	/* No repository of Docker Hub's is called 1.0. */
	assert_int_equal(image_names_choose(&names, "1.0:latest", &match, &err),
			 FERRY_E_NOT_FOUND);
	assert_string_equal(
		err.message,
		"1.0:latest is not in it; it has 1.0, "
		"docker.io/library/redis:7, redis:7, quay.io/a/b:2");
	assert_int_equal(image_names_choose(&names, "no name", &match, &err),
			 FERRY_E_NOT_FOUND);
	image_names_release(&names);
	names = (struct image_names){ 0 };
	assert_int_equal(image_names_choose(&names, NULL, &match, &err),
			 FERRY_E_FAILED);
	assert_string_equal(err.message, "it holds no image");
}

static void
drop_name(struct image_names *names, const char *text)
{
	struct image_name *name = names->items;

	while (strcmp(name->text, text) != 0)
		name++;
	free(name->text);
	free(name->key);
	*name = names->items[--names->count];
}

static void
assert_not_listed(const struct image_names *names, const struct wanted *wanted,
		  const char *message)
{
	AUTO(list_release) struct list list = { 0 };
	struct ferry_error err = { 0 };

	assert_int_equal(image_names_expand(names, wanted, &list, &err),
			 FERRY_E_USAGE);
	assert_non_null(strstr(err.message, message));
}

static void
all_named_images_are_listed(void **state)
{
	struct image_names names;
	struct wanted wanted = { .origin = { .transport = TRANSPORT_OCI } };
	AUTO(list_release) struct list list = { 0 };
	struct ferry_error err = { 0 };

	(void)state;
	make_names(&names);
	assert_not_listed(&names, &wanted,
			  "it has 'docker.io/library/redis:7' and 'redis:7', "
			  "which are one name; say which is meant");
	drop_name(&names, "redis:7");
	assert_not_listed(&names, &wanted, "'1.0' is no full name");
	drop_name(&names, "1.0");
	assert_int_equal(image_names_expand(&names, &wanted, &list, &err), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].name.repository, "library/redis");
	assert_string_equal(list.items[1].origin.selector, "quay.io/a/b:2");
	assert_int_equal(reference_parse(&wanted.name, "x:1", &err), 0);
	assert_not_listed(&names, &wanted, "it holds 2 images");
	image_names_release(&names);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manifest_is_read),
		cmocka_unit_test(bad_manifests_are_refused),
		cmocka_unit_test(selectors_choose),
		cmocka_unit_test(images_are_matched_once),
		cmocka_unit_test(what_is_not_there_is_said),
		cmocka_unit_test(all_named_images_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
