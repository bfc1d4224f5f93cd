/*
 * oci/descriptor, document and spelling.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "oci/document.h"
#include "oci_samples.h"

static void
media_types_have_kinds(void **state)
{
	static const struct {
		const char *type;
		enum media_kind kind;
	} rows[] = {
		{ OCI "index.v1+json", MEDIA_INDEX },
		{ DOCKER "distribution.manifest.list.v2+json", MEDIA_INDEX },
		{ OCI "manifest.v1+json", MEDIA_MANIFEST },
		{ DOCKER "distribution.manifest.v2+json", MEDIA_MANIFEST },
		{ DOCKER "distribution.manifest.v1+json", MEDIA_SCHEMA1 },
		{ DOCKER "distribution.manifest.v1+prettyjws", MEDIA_SCHEMA1 },
		{ OCI "config.v1+json", MEDIA_CONFIG },
		{ DOCKER "container.image.v1+json", MEDIA_CONFIG },
		{ OCI "layer.v1.tar", MEDIA_LAYER_TAR },
		{ OCI "layer.v1.tar+gzip", MEDIA_LAYER_GZIP },
		{ OCI "layer.v1.tar+zstd", MEDIA_LAYER_ZSTD },
		{ DOCKER "image.rootfs.diff.tar", MEDIA_LAYER_TAR },
		{ DOCKER "image.rootfs.diff.tar.gzip", MEDIA_LAYER_GZIP },
		{ DOCKER "image.rootfs.diff.tar.zstd", MEDIA_LAYER_ZSTD },
		{ OCI "layer.nondistributable.v1.tar", MEDIA_LAYER_FOREIGN },
		{ OCI "layer.nondistributable.v1.tar+gzip",
		  MEDIA_LAYER_FOREIGN },
		{ DOCKER "image.rootfs.foreign.diff.tar.gzip",
		  MEDIA_LAYER_FOREIGN },
		{ OCI "INDEX.v1+JSON", MEDIA_INDEX },
		{ OCI "index.v1+json; charset=utf-8", MEDIA_INDEX },
		{ OCI "index.v1+json ;a=b;c=d", MEDIA_INDEX },
		{ OCI "index.v1+json\t;", MEDIA_INDEX },
		{ OCI "index.v1+jso", MEDIA_OTHER },
		{ OCI "index.v1+json5", MEDIA_OTHER },
		{ " " OCI "index.v1+json", MEDIA_OTHER },
		{ "text/html", MEDIA_OTHER },
		{ ";", MEDIA_OTHER },
		{ "", MEDIA_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (media_kind(rows[i].type) != rows[i].kind)
			fail_msg("%s", rows[i].type);
}

#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void
descriptors_are_strict(void **state)
{
	static const struct {
		const char *text;
		const char *why; /* NULL: is one */
	} rows[] = {
		{ LAYER, NULL },
		{ DESCRIPTOR("x/y", "a1", "0", ""), NULL },
		{ DESCRIPTOR("x/y", "a1", "1125899906842624", ""), NULL },
		{ DESCRIPTOR("x/y", "a1", "1", ",'urls':['http://x']"), NULL },
		{ DESCRIPTOR("x/y", "a1", "1", ",'annotations':{'a':'b'}"),
		  NULL },
		{ DESCRIPTOR("x/y", "a1", "1", ",'data':'eA=='"), NULL },
		{ DESCRIPTOR("x/" A32 A32 A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			     "a1", "1", ""),
		  NULL },
		{ DESCRIPTOR("x/" A32 A32 A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			     "a1", "1", ""),
		  "' is no media type" },
		{ DESCRIPTOR("", "a1", "1", ""), "'' is no media type" },
		{ DESCRIPTOR("xy", "a1", "1", ""), "'xy' is no media type" },
		{ DESCRIPTOR("x/y\\u000d\\u000aHost: z", "a1", "1", ""),
		  "'x/y\\x0d\\x0aHost: z' is no media type" },
		{ DESCRIPTOR("x/\303\251", "a1", "1", ""), "is no media type" },
		{ DESCRIPTOR("x/y", "a1", "-1", ""), "\"size\" is negative" },
		{ DESCRIPTOR("x/y", "a1", "1.5", ""),
		  "\"size\" is no whole number" },
		{ DESCRIPTOR("x/y", "a1", "1e3", ""),
		  "\"size\" is no whole number" },
		{ DESCRIPTOR("x/y", "a1", "'1'", ""),
		  "\"size\" is no whole number" },
		{ DESCRIPTOR("x/y", "a1", "null", ""),
		  "\"size\" is no whole number" },
		{ DESCRIPTOR("x/y", "a1", "1125899906842625", ""),
		  DIGEST("a1") " with 1125899906842625 bytes is larger than "
			       "any blob" },
		{ DESCRIPTOR("x/y", "A1", "1", ""), "is no sha256 digest" },
		{ DESCRIPTOR("x/y", "g1", "1", ""), "is no sha256 digest" },
		{ DESCRIPTOR("x/y", "1", "1", ""), "is no sha256 digest" },
		{ DESCRIPTOR("x/y", "a1", "1", ",'Digest':'" DIGEST("b1") "'"),
		  "\"Digest\" would be taken for \"digest\" by some" },
		{ DESCRIPTOR("x/y", "a1", "1", ",'\305\277ize':2"),
		  "\"\305\277ize\" would be taken for \"size\" by some" },
		{ "{'mediaType':'x/y','size':1}", "\"digest\" is missing" },
		{ "{'mediaType':'x/y','digest':'','size':1}",
		  "'' is no sha256 digest" },
		{ "{'mediaType':'x/y','digest':'sha256:../../x','size':1}",
		  "'sha256:../../x' is no sha256 digest" },
		{ "{'mediaType':'x/y','digest':7,'size':1}",
		  "\"digest\" is no string" },
		{ "{'digest':'" DIGEST("a1") "','size':1}",
		  "\"mediaType\" is missing" },
		{ "{'mediaType':'x/y','digest':'" DIGEST("a1") "'}",
		  "\"size\" is missing" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ferry_error err;
		struct descriptor descriptor;
		const char *text = json(rows[i].text);
		AUTO_JSON *parsed = NULL;

		assert_int_equal(json_parse(&parsed, text, strlen(text), &err),
				 0);
		check(descriptor_parse(&descriptor, parsed, &err), &err,
		      rows[i].why, text);
	}
}

static void
descriptors_come_back(void **state)
{
	AUTO_BUFFER out = BUFFER(1000);
	AUTO_JSON *parsed = NULL;
	AUTO_JSON *made = NULL;
	struct descriptor descriptor;
	struct ferry_error err;
	const char *result;
	const char *text = json(DESCRIPTOR("x/y; z", "a1", "12", ""));

	(void)state;
	assert_int_equal(json_parse(&parsed, text, strlen(text), &err), 0);
	assert_int_equal(descriptor_parse(&descriptor, parsed, &err), 0);
	assert_string_equal(descriptor.media_type, "x/y; z");
	assert_string_equal(descriptor.digest.text, DIGEST("a1"));
	assert_int_equal(descriptor.size, 12);
	made = descriptor_json(&descriptor);
	assert_int_equal(json_write(made, &out, &err), 0);
	assert_int_equal(buffer_text(&out, &result, &err), 0);
	assert_string_equal(result, text);
}

#define SCHEMA1                                                                \
	"a Docker schema 1 manifest, which names neither platform nor layers " \
	"in a way that can be proved; the image must be pushed again by a "    \
	"current tool"
#define BOTH "an index as well as an image, which nobody makes in good faith"

static const struct {
	const char *called;
	const char *text;
	enum media_kind kind;
	const char *why; /* NULL: is of that kind */
} documents[] = {
	{ NULL, MANIFEST, MEDIA_MANIFEST, NULL },
	{ "", MANIFEST, MEDIA_MANIFEST, NULL },
	{ "application/json", MANIFEST, MEDIA_MANIFEST, NULL },
	{ "application/json; charset=utf-8", MANIFEST, MEDIA_MANIFEST, NULL },
	{ "application/octet-stream", MANIFEST, MEDIA_MANIFEST, NULL },
	{ MEDIA_TYPE_OCI_MANIFEST, MANIFEST, MEDIA_MANIFEST, NULL },
	{ MEDIA_TYPE_DOCKER_MANIFEST "; charset=utf-8", MANIFEST,
	  MEDIA_MANIFEST, NULL },
	{ MEDIA_TYPE_OCI_MANIFEST, MANIFEST_TYPED(MEDIA_TYPE_OCI_MANIFEST),
	  MEDIA_MANIFEST, NULL },
	{ NULL, MANIFEST_TYPED(MEDIA_TYPE_DOCKER_MANIFEST), MEDIA_MANIFEST,
	  NULL },
	{ NULL, INDEX_OF(""), MEDIA_INDEX, NULL },
	{ NULL, INDEX_TYPED(MEDIA_TYPE_DOCKER_LIST), MEDIA_INDEX, NULL },
	{ MEDIA_TYPE_OCI_INDEX, INDEX_TYPED(MEDIA_TYPE_OCI_INDEX), MEDIA_INDEX,
	  NULL },
	/* Disagreement. */
	{ MEDIA_TYPE_OCI_MANIFEST, INDEX_OF(""), 0,
	  "called " MEDIA_TYPE_OCI_MANIFEST ", but it is an index" },
	{ MEDIA_TYPE_OCI_INDEX, MANIFEST, 0,
	  "called " MEDIA_TYPE_OCI_INDEX ", but it is an image manifest" },
	{ NULL, MANIFEST_TYPED(MEDIA_TYPE_OCI_INDEX), 0,
	  "called " MEDIA_TYPE_OCI_INDEX ", but it is an image manifest" },
	{ NULL, INDEX_TYPED(MEDIA_TYPE_OCI_MANIFEST), 0,
	  "called " MEDIA_TYPE_OCI_MANIFEST ", but it is an index" },
	{ MEDIA_TYPE_OCI_MANIFEST, MANIFEST_TYPED(MEDIA_TYPE_DOCKER_MANIFEST),
	  0,
	  "called " MEDIA_TYPE_OCI_MANIFEST
	  ", but it calls itself " MEDIA_TYPE_DOCKER_MANIFEST },
	{ MEDIA_TYPE_DOCKER_LIST, INDEX_TYPED(MEDIA_TYPE_OCI_INDEX), 0,
	  "called " MEDIA_TYPE_DOCKER_LIST
	  ", but it calls itself " MEDIA_TYPE_OCI_INDEX },
	{ NULL, MANIFEST_TYPED("x/y"), 0,
	  "neither an image nor an index: it is x/y" },
	{ OCI "layer.v1.tar", MANIFEST, 0,
	  "neither an image nor an index: it is " OCI "layer.v1.tar" },
	{ NULL, "{'schemaVersion':2,'mediaType':7,'manifests':[]}", 0,
	  "\"mediaType\" is no string" },
	/* CVE-2021-41190. */
	{ NULL,
	  "{'schemaVersion':2,'manifests':[],'config':" CONFIG ",'layers':[]}",
	  0, BOTH },
	{ MEDIA_TYPE_OCI_INDEX,
	  "{'schemaVersion':2,'manifests':[],'layers':[]}", 0, BOTH },
	{ MEDIA_TYPE_OCI_MANIFEST,
	  "{'schemaVersion':2,'manifests':[],'config':{}}", 0, BOTH },
	{ NULL, "{'schemaVersion':2,'manifests':[],'layers':null}", 0, BOTH },
	{ NULL, "{'schemaVersion':2,'manifests':[],'Layers':[]}", 0,
	  "\"Layers\" would be taken for \"layers\" by some" },
	{ NULL, "{'schemaVersion':2,'manifest\305\277':[],'layers':[]}", 0,
	  "would be taken for \"manifests\" by some" },
	{ NULL, "{'schemaVersion':2,'layers':[],'layers':[]}", 0,
	  "no valid JSON: duplicate object key near '\"layers\"'" },
	/* Schema 1. */
	{ DOCKER "distribution.manifest.v1+prettyjws", "{}", 0, SCHEMA1 },
	{ DOCKER "distribution.manifest.v1+json; charset=utf-8", "{}", 0,
	  SCHEMA1 },
	{ NULL, "{'schemaVersion':1,'name':'a','fsLayers':[]}", 0, SCHEMA1 },
	{ "application/json", "{'schemaVersion':1}", 0, SCHEMA1 },
	{ NULL, "{'fsLayers':[],'history':[]}", 0, SCHEMA1 },
	{ NULL, "{'mediaType':'" DOCKER "distribution.manifest.v1+json'}", 0,
	  SCHEMA1 },
	/* Anything else. */
	{ "text/html", "<html>", 0,
	  "not a registry's answer: it is text/html" },
	{ "text/html; charset=utf-8", MANIFEST, 0,
	  "not a registry's answer: it is text/html; charset=utf-8" },
	{ "text/\033[1m", MANIFEST, 0,
	  "not a registry's answer: it is text/\\x1b[1m" },
	{ NULL, "<html>", 0, "no valid JSON" },
	{ NULL, "", 0, "no valid JSON" },
	{ NULL, "[]", 0, "no JSON object" },
	{ NULL, "{}", 0, "\"schemaVersion\" is missing" },
	{ NULL, "{'errors':[]}", 0, "\"schemaVersion\" is missing" },
	{ NULL, "{'schemaVersion':'2','manifests':[]}", 0,
	  "\"schemaVersion\" is no whole number" },
	{ NULL, "{'schemaVersion':3,'manifests':[]}", 0,
	  "\"schemaVersion\" is 3 instead of 2" },
	{ NULL, "{'schemaVersion':2}", 0, "neither an image nor an index" },
};

static void
documents_have_one_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		enum media_kind kind = MEDIA_OTHER;
		struct ferry_error err;
		const char *text = json(documents[i].text);

		check(document_kind(&kind, text, strlen(text),
				    documents[i].called, &err),
		      &err, documents[i].why, text);
		assert_int_equal(kind, documents[i].kind);
	}
}

static void
large_documents_are_refused(void **state)
{
	static char text[MANIFEST_MAX + 1];
	enum media_kind kind;
	struct ferry_error err;
	const char *small = json(MANIFEST);

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, small, strlen(small));
	assert_int_equal(document_kind(&kind, text, MANIFEST_MAX, NULL, &err),
			 0);
	assert_int_equal(
		document_kind(&kind, text, MANIFEST_MAX + 1, NULL, &err),
		FERRY_E_FAILED);
	assert_string_equal(err.message,
			    "8388609 bytes, but 8388608 is the limit");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(media_types_have_kinds),
		cmocka_unit_test(descriptors_are_strict),
		cmocka_unit_test(descriptors_come_back),
		cmocka_unit_test(documents_have_one_kind),
		cmocka_unit_test(large_documents_are_refused),
	};

	return cmocka_run_group_tests_name("document", tests, NULL, NULL);
}
