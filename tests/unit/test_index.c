/*
 * oci/index: which entry serves whom.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "oci/manifest.h"
#include "oci_samples.h"

#define ENTRY(two, platform)                                                   \
	DESCRIPTOR(OCI "manifest.v1+json", two, "5", ",'platform':" platform)
#define ON(os, architecture) "{'os':'" os "','architecture':'" architecture "'}"
#define LINUX(architecture, variant)                                           \
	"{'os':'linux','architecture':'" architecture "','variant':'" variant  \
	"'}"
#define UNNAMED(two) DESCRIPTOR(OCI "manifest.v1+json", two, "5", "")
#define ATTESTATION(two, platform)                                             \
	DESCRIPTOR(OCI "manifest.v1+json", two, "5",                           \
		   ",'platform':" platform                                     \
		   ",'annotations':{'vnd.docker.reference.type':"              \
		   "'attestation-manifest'}")

static void
indexes(void **state)
{
	static const struct {
		const char *text;
		const char *why; /* NULL: is one */
		size_t entry_count;
	} rows[] = {
		{ INDEX_OF(""), NULL, 0 },
		{ "{'schemaVersion':2,'manifests':null}", NULL, 0 },
		{ INDEX_OF(UNNAMED("a1")), NULL, 1 },
		{ INDEX_OF(ENTRY("a1", ON("linux", "amd64")) "," ENTRY(
			  "a2", LINUX("arm", "v7"))),
		  NULL, 2 },
		{ INDEX_OF(ENTRY("a1", "{}")), NULL, 1 },
		{ INDEX_OF(ENTRY("a1", ON("", ""))), NULL, 1 },
		{ INDEX_OF(ENTRY("a1", ON("linux", "a\\u001b"))), NULL, 1 },
		{ INDEX_OF(UNNAMED("a1") ",{}"),
		  "entry 2 of the index: \"digest\" is missing", 0 },
		{ INDEX_OF(ENTRY("a1", "7")),
		  "entry 1 of the index: \"platform\" is no object", 0 },
		{ INDEX_OF(ENTRY("a1", "{'os':7}")),
		  "entry 1 of the index: \"os\" is no string", 0 },
		{ INDEX_OF(ENTRY("a1", "{'os':'linux','OS':'linux'}")),
		  "entry 1 of the index: \"OS\" would be taken for \"os\" by "
		  "some",
		  0 },
		{ INDEX_OF(DESCRIPTOR("x/y", "a1", "1", ",'annotations':[]")),
		  "entry 1 of the index: \"annotations\" is no object", 0 },
		{ "{'schemaVersion':2,'manifests':{}}",
		  "\"manifests\" is no array", 0 },
		{ MANIFEST, "an image manifest instead of an index", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(index_release) struct index parsed = { 0 };
		struct ferry_error err;
		const char *text = json(rows[i].text);

		check(index_parse(&parsed, text, strlen(text), NULL, &err),
		      &err, rows[i].why, text);
		assert_int_equal(parsed.entry_count, rows[i].entry_count);
	}
}

#define AMD64 ENTRY("a0", ON("linux", "amd64"))
#define AMD64_V3 ENTRY("a3", LINUX("amd64", "v3"))
#define ARM64 ENTRY("b8", LINUX("arm64", "v8"))
#define ARM_V6 ENTRY("b6", LINUX("arm", "v6"))
#define ARM_V7 ENTRY("b7", LINUX("arm", "v7"))
#define BUILDKIT ATTESTATION("e0", ON("unknown", "unknown"))

static const struct {
	const char *text;
	const char *wanted;
	const char *digest; /* NULL: none */
	const char *platforms;
} choices[] = {
	{ INDEX_OF(""), "linux/amd64", NULL, "no image" },
	{ INDEX_OF(AMD64 "," ARM64), "linux/amd64", DIGEST("a0"),
	  "linux/amd64, linux/arm64/v8" },
	{ INDEX_OF(ARM64 "," AMD64), "linux/amd64", DIGEST("a0"),
	  "linux/arm64/v8, linux/amd64" },
	{ INDEX_OF(ARM64 "," ARM_V7), "linux/amd64", NULL,
	  "linux/arm64/v8, linux/arm/v7" },
	{ INDEX_OF(ARM64), "linux/amd64", NULL, "linux/arm64/v8" },
	{ INDEX_OF(AMD64_V3 "," AMD64), "linux/amd64", DIGEST("a0"),
	  "linux/amd64/v3, linux/amd64" },
	{ INDEX_OF(AMD64 "," AMD64_V3), "linux/amd64/v4", DIGEST("a3"),
	  "linux/amd64, linux/amd64/v3" },
	{ INDEX_OF(ARM_V6 "," ARM_V7), "linux/arm", DIGEST("b7"),
	  "linux/arm/v6, linux/arm/v7" },
	{ INDEX_OF(ARM_V6 "," ARM_V7), "linux/arm/v6", DIGEST("b6"),
	  "linux/arm/v6, linux/arm/v7" },
	{ INDEX_OF(ARM_V7), "linux/arm/v6", NULL, "linux/arm/v7" },
	/* The first among equals, named but once. */
	{ INDEX_OF(AMD64 "," ENTRY("a9", ON("linux", "amd64"))), "linux/amd64",
	  DIGEST("a0"), "linux/amd64" },
	{ INDEX_OF(ENTRY("a1", LINUX("amd64", "v1")) "," AMD64), "linux/amd64",
	  DIGEST("a1"), "linux/amd64/v1, linux/amd64" },
	/* Attestations, however they are marked. */
	{ INDEX_OF(BUILDKIT "," AMD64), "linux/amd64", DIGEST("a0"),
	  "linux/amd64" },
	{ INDEX_OF(BUILDKIT), "linux/amd64", NULL, "no image" },
	{ INDEX_OF(BUILDKIT), "unknown/unknown", NULL, "no image" },
	{ INDEX_OF(ATTESTATION("e0", ON("linux", "amd64")) "," AMD64),
	  "linux/amd64", DIGEST("a0"), "linux/amd64" },
	{ INDEX_OF(ENTRY("e0", ON("unknown", "unknown"))), "linux/amd64", NULL,
	  "no image" },
	{ INDEX_OF(ATTESTATION("e0", "{}")), "linux/amd64", NULL, "no image" },
	/* What is no image at all. */
	{ INDEX_OF(DESCRIPTOR(OCI "index.v1+json", "f0", "5",
			      ",'platform':" ON("linux", "amd64")) "," AMD64),
	  "linux/amd64", DIGEST("a0"), "linux/amd64" },
	{ INDEX_OF(DESCRIPTOR("x/y", "f0", "5",
			      ",'platform':" ON("linux", "amd64"))),
	  "linux/amd64", NULL, "no image" },
	/* A platform that cannot be serves nobody, and hinders nobody. */
	{ INDEX_OF(ENTRY("e0", ON("li nux", "amd64"))), "linux/amd64", NULL,
	  "no image" },
	{ INDEX_OF(ENTRY("e0", ON("li nux", "amd64")) "," AMD64), "linux/amd64",
	  DIGEST("a0"), "linux/amd64" },
	/* An image that does not say. */
	{ INDEX_OF(UNNAMED("a0")), "linux/amd64", DIGEST("a0"),
	  "an unnamed platform" },
	{ INDEX_OF(ENTRY("a0", ON("", "")) "," BUILDKIT), "linux/amd64",
	  DIGEST("a0"), "an unnamed platform" },
	{ INDEX_OF(UNNAMED("a0") "," UNNAMED("a1")), "linux/amd64", NULL,
	  "an unnamed platform" },
	{ INDEX_OF(UNNAMED("a1") "," ARM64), "linux/amd64", NULL,
	  "an unnamed platform, linux/arm64/v8" },
	{ INDEX_OF(UNNAMED("a1") "," AMD64), "linux/amd64", DIGEST("a0"),
	  "an unnamed platform, linux/amd64" },
};

static void
index_serves_a_platform(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		AUTO(index_release) struct index parsed = { 0 };
		AUTO_FREE char *platforms = NULL;
		const char *text = json(choices[i].text);
		const struct index_entry *entry;
		struct platform wanted;
		struct ferry_error err;

		assert_int_equal(
			platform_parse(&wanted, choices[i].wanted, &err), 0);
		check(index_parse(&parsed, text, strlen(text), NULL, &err),
		      &err, NULL, text);
		entry = index_choose(&parsed, &wanted);
		assert_string_equal(entry ? entry->descriptor.digest.text : "",
				    choices[i].digest ? choices[i].digest : "");
		assert_int_equal(index_platforms(&parsed, &platforms, &err), 0);
		assert_string_equal(platforms, choices[i].platforms);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(indexes),
		cmocka_unit_test(index_serves_a_platform),
	};

	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
