/*
 * registry/manifest_cache: what a digest names is asked for once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "registry/manifest_cache.h"

static void
make(struct registry_manifest *out, size_t size, char fill)
{
	struct ferry_error err = { 0 };
	char *bytes = malloc(size);

	assert_non_null(bytes);
	memset(bytes, fill, size);
	*out = (struct registry_manifest){ .media_type = "a/b" };
	out->bytes.limit = size;
	assert_int_equal(buffer_append(&out->bytes, bytes, size, &err), 0);
	assert_int_equal(digest_of(&out->digest, bytes, size, &err), 0);
	free(bytes);
}

static bool
finds(struct manifest_cache *cache, const char *repository,
      const struct registry_manifest *wanted)
{
	AUTO_REGISTRY_MANIFEST found = { 0 };
	struct ferry_error err = { 0 };
	bool there = false;

	assert_int_equal(manifest_cache_find(cache, repository,
					     wanted->digest.text, &found,
					     &there, &err),
			 0);
	if (!there)
		return false;
	assert_string_equal(found.media_type, wanted->media_type);
	assert_true(digest_equal(&found.digest, &wanted->digest));
	assert_int_equal(found.bytes.size, wanted->bytes.size);
	assert_memory_equal(found.bytes.data, wanted->bytes.data,
			    wanted->bytes.size);
	return true;
}

static void
what_was_added_is_found(void **state)
{
	AUTO_REGISTRY_MANIFEST one = { 0 };
	AUTO_REGISTRY_MANIFEST two = { 0 };
	struct manifest_cache cache;

	(void)state;
	manifest_cache_init(&cache);
	make(&one, 100, '1');
	make(&two, 200, '2');
	assert_false(finds(&cache, "a/b", &one));
	manifest_cache_add(&cache, "a/b", &one);
	manifest_cache_add(&cache, "a/b", &one);
	manifest_cache_add(&cache, "a/b", &two);
	assert_true(finds(&cache, "a/b", &one));
	assert_true(finds(&cache, "a/b", &two));
	/* Another repository may not let us have it. */
	assert_false(finds(&cache, "a", &one));
	assert_int_equal(cache.bytes, 300);
	manifest_cache_release(&cache);
}

static void
there_is_an_end_to_it(void **state)
{
	AUTO_REGISTRY_MANIFEST large = { 0 };
	AUTO_REGISTRY_MANIFEST most = { 0 };
	AUTO_REGISTRY_MANIFEST more = { 0 };
	AUTO_REGISTRY_MANIFEST small = { 0 };
	struct manifest_cache cache;

	(void)state;
	manifest_cache_init(&cache);
	make(&large, MANIFEST_CACHE_ONE + 1, 'l');
	make(&most, MANIFEST_CACHE_ONE, 'o');
	make(&more, 101, 'm');
	make(&small, 100, 's');
	manifest_cache_add(&cache, "a", &large);
	manifest_cache_add(&cache, "a", &most);
	assert_false(finds(&cache, "a", &large));
	assert_true(finds(&cache, "a", &most));
	cache.bytes = MANIFEST_CACHE_MAX - 100;
	manifest_cache_add(&cache, "a", &more);
	manifest_cache_add(&cache, "a", &small);
	assert_false(finds(&cache, "a", &more));
	assert_true(finds(&cache, "a", &small));
	manifest_cache_release(&cache);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_found),
		cmocka_unit_test(there_is_an_end_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
