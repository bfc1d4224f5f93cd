/*
 * target/oci_index: what adding an image makes of an index that others wrote.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "target/oci_index.h"
#include "oci_samples.h"

#define NAME "docker.io/library/app:1"
#define CONTAINERD(name) "'io.containerd.image.name':'" name "'"
#define REF(name) "'org.opencontainers.image.ref.name':'" name "'"
#define NAMED(two, annotations)                                                \
	DESCRIPTOR(OCI "manifest.v1+json", two, "5",                           \
		   ",'annotations':{" annotations "}")
#define OURS_ON(platform, annotations)                                         \
	DESCRIPTOR(OCI "manifest.v1+json", "a1", "5",                          \
		   ",'platform':{'architecture':'amd64','os':'linux'" platform \
		   "},'annotations':{" annotations "}")
#define BOTH CONTAINERD(NAME) "," REF(NAME)
#define OURS OURS_ON("", BOTH)
#define OTHER NAMED("b2", REF("docker.io/library/other:1"))
#define SHA512 "{'digest':'sha512:ab','size':1}"

static struct image
app(void)
{
	struct image image = { .descriptor = { .media_type =
						       OCI "manifest.v1+json",
					       .size = 5 } };
	struct ferry_error err;

	assert_int_equal(reference_parse(&image.reference, NAME, &err), 0);
	assert_int_equal(platform_parse(&image.platform, "linux/amd64", &err),
			 0);
	assert_int_equal(
		digest_parse(&image.descriptor.digest, DIGEST("a1"), &err), 0);
	return image;
}

static void
adding(void **state)
{
	static const struct {
		const char *before, *after;
		const char *was; /* "": nothing else had the name */
	} rows[] = {
		{ "", OURS, "" },
		{ OTHER, OTHER "," OURS, "" },
		{ SHA512 "," OTHER, SHA512 "," OTHER "," OURS, "" },
		{ OURS, OURS, "" },
		/* Somebody else's name of what had ours stays. */
		{ NAMED("b2", CONTAINERD(NAME) "," REF("mine")),
		  OURS "," NAMED("b2", REF("mine")), DIGEST("b2") },
		/* It may say more, and that stays. */
		{ OURS_ON(",'variant':'v1'", BOTH ",'x':'y'"),
		  OURS_ON(",'variant':'v1'", BOTH ",'x':'y'"), "" },
		{ OURS_ON("", REF(NAME)), OURS, "" },
		{ NAMED("a1", BOTH), OURS, "" },
		{ NAMED("c3", BOTH) "," OTHER, OURS "," OTHER, DIGEST("c3") },
		{ OTHER "," NAMED("c3", REF(NAME)), OTHER "," OURS,
		  DIGEST("c3") },
		{ NAMED("c3", CONTAINERD(NAME) "," REF("1")), OURS,
		  DIGEST("c3") },
		{ OURS "," OTHER "," NAMED("c3", REF(NAME)), OURS "," OTHER,
		  DIGEST("c3") },
		{ NAMED("c3", REF(NAME)) "," OURS, OURS, DIGEST("c3") },
		{ OURS "," OURS, OURS, "" },
		{ "{'digest':'\\u001b[1m','annotations':{" REF(NAME) "}}", OURS,
		  "\\x1b[1m" },
	};
	struct image image = app();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(oci_index_release) struct oci_index index = { 0 };
		AUTO(cleanup_json) json_t *wanted = NULL;
		AUTO_FREE char *before = NULL;
		char was[OCI_INDEX_DIGEST];
		struct ferry_error err;
		bool same = strcmp(rows[i].before, rows[i].after) == 0;

		assert_true(asprintf(&before,
				     "{'schemaVersion':2,'manifests':[%s]}",
				     rows[i].before) > 0);
		assert_int_equal(oci_index_parse(&index, json(before),
						 strlen(before), &err),
				 0);
		assert_int_equal(oci_index_has(&index, &image), same);
		assert_int_equal(oci_index_put(&index, &image, was, &err), 0);
		assert_string_equal(was, rows[i].was);
		assert_int_equal(index.changed, !same);
		assert_true(oci_index_has(&index, &image));
		free(STEAL(&before));
		assert_true(asprintf(&before, "[%s]", rows[i].after) > 0);
		assert_int_equal(json_parse_array(&wanted, json(before),
						  strlen(before), &err),
				 0);
		assert_true(json_equal(index.entries, wanted));
	}
}

static void
an_index_is_read_strictly(void **state)
{
	static const struct {
		const char *text;
		const char *why; /* NULL: it is one */
	} rows[] = {
		{ "", NULL },
		{ INDEX_OF(""), NULL },
		{ "{'schemaVersion':2,'manifests':null}", NULL },
		{ INDEX_OF(SHA512), NULL },
		{ "[]", "no JSON object" },
		{ "{'schemaVersion':2}", "neither an image nor an index" },
		{ MANIFEST, "an image manifest instead of an index" },
		{ INDEX_OF("7"), "entry 1 of the index: it is no object" },
		{ INDEX_OF(OTHER ",{}"),
		  "entry 2 of the index: \"digest\" is missing" },
		{ INDEX_OF("{'digest':'x','annotations':7}"),
		  "\"annotations\" is no object" },
		{ INDEX_OF("{'digest':'x','annotations':{" CONTAINERD(
			  "a") ",'org.opencontainers.image.ref.name':[]}}"),
		  "\"org.opencontainers.image.ref.name\" is no string" },
		{ INDEX_OF("{'digest':'x','Digest':'y'}"),
		  "\"Digest\" would be taken for" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(oci_index_release) struct oci_index index = { 0 };
		struct ferry_error err;
		int rc = oci_index_parse(&index, json(rows[i].text),
					 strlen(rows[i].text), &err);

		check(rc, &err, rows[i].why, rows[i].text);
	}
}

static void
there_is_a_limit(void **state)
{
	AUTO(oci_index_release) struct oci_index index = { 0 };
	AUTO_BUFFER bytes = BUFFER(MANIFEST_MAX);
	struct ferry_error err;

	(void)state;
	assert_int_equal(oci_index_parse(&index, "", 0, &err), 0);
	for (int i = 0; i < 4096; i++)
		json_array_append_new(index.entries, json_object());
	assert_int_equal(oci_index_write(&index, &bytes, &err), 0);
	json_array_append_new(index.entries, json_object());
	assert_int_equal(oci_index_write(&index, &bytes, &err), FERRY_E_FAILED);
	assert_non_null(
		strstr(err.message, "4097 entries, but 4096 is the limit"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(adding),
		cmocka_unit_test(an_index_is_read_strictly),
		cmocka_unit_test(there_is_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
