/*
 * oci/manifest and image_config, and how long their lists may be.
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

#define FOREIGN(type)                                                          \
	"layer " DIGEST("a1") " is " type ": its maker forbids to carry it, "  \
			      "and registries do not have it"

static void
manifests(void **state)
{
	static const struct {
		const char *text;
		size_t layer_count;
		const char *why; /* NULL: is one */
	} rows[] = {
		{ MANIFEST, 1, NULL },
		{ MANIFEST_OF("[]"), 0, NULL },
		{ MANIFEST_OF("null"), 0, NULL },
		{ MANIFEST_OF("[" LAYER "," LAYER "]"), 2, NULL },
		{ MANIFEST_OF("[" DESCRIPTOR("x/unknown", "a1", "1", "") "]"),
		  1, NULL },
		{ "{'schemaVersion':2,'artifactType':'x/y','config':" DESCRIPTOR(
			  "x/chart", "c0", "7", "") ",'layers':[]}",
		  0, NULL },
		{ MANIFEST_OF("{}"), 0, "\"layers\" is no array" },
		{ MANIFEST_OF("[7]"), 0, "layer 1: \"digest\" is missing" },
		{ MANIFEST_OF("[" LAYER ",{}]"), 0,
		  "layer 2: \"digest\" is missing" },
		{ "{'schemaVersion':2,'config':" CONFIG "}", 0,
		  "\"layers\" is missing" },
		{ "{'schemaVersion':2,'layers':[]}", 0,
		  "\"config\" is missing" },
		{ "{'schemaVersion':2,'config':[],'layers':[]}", 0,
		  "\"config\" is no object" },
		{ "{'schemaVersion':2,'config':{},'layers':[]}", 0,
		  "config: \"digest\" is missing" },
		{ MANIFEST_OF("[" DESCRIPTOR(
			  OCI "layer.nondistributable.v1.tar+gzip", "a1", "1",
			  "") "]"),
		  0, FOREIGN(OCI "layer.nondistributable.v1.tar+gzip") },
		{ MANIFEST_OF("[" LAYER "," DESCRIPTOR(
			  DOCKER "image.rootfs.foreign.diff.tar.gzip", "a1",
			  "1", ",'urls':['https://x']") "]"),
		  0, FOREIGN(DOCKER "image.rootfs.foreign.diff.tar.gzip") },
		{ "{'schemaVersion':2,'config':" DESCRIPTOR(
			  "application/vnd.oci.empty.v1+json", "44", "2",
			  "") ",'layers':[]}",
		  0, NULL },
		{ INDEX_OF(""), 0, "an index instead of an image manifest" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(manifest_release) struct manifest manifest = { 0 };
		struct ferry_error err;
		const char *text = json(rows[i].text);

		check(manifest_parse(&manifest, text, strlen(text), NULL, &err),
		      &err, rows[i].why, text);
		assert_int_equal(manifest.layer_count, rows[i].layer_count);
	}
}

static void
manifest_keeps_the_order(void **state)
{
	AUTO(manifest_release) struct manifest manifest = { 0 };
	struct ferry_error err;
	const char *text = json(MANIFEST_OF(
		"[" LAYER "," DESCRIPTOR("x/y", "b2", "10", "") "," LAYER "]"));

	(void)state;
	assert_int_equal(manifest_parse(&manifest, text, strlen(text),
					MEDIA_TYPE_OCI_MANIFEST, &err),
			 0);
	assert_string_equal(manifest.config.digest.text, DIGEST("c0"));
	assert_int_equal(manifest.config.size, 7);
	assert_string_equal(manifest.layers[0].digest.text, DIGEST("a1"));
	assert_string_equal(manifest.layers[1].digest.text, DIGEST("b2"));
	assert_string_equal(manifest.layers[1].media_type, "x/y");
	assert_int_equal(manifest.layers[1].size, 10);
	assert_string_equal(manifest.layers[2].digest.text, DIGEST("a1"));
}

#define CONFIG_OF(more, diff_ids)                                              \
	"{'architecture':'amd64','os':'linux'" more                            \
	",'rootfs':{'type':'layers','diff_ids':" diff_ids "}}"

static void
configs(void **state)
{
	static const struct {
		const char *text;
		const char *result; /* its platform, or the message */
		size_t diff_id_count;
	} rows[] = {
		{ CONFIG_OF("", "['" DIGEST("d1") "']"), "linux/amd64", 1 },
		{ CONFIG_OF("", "[]"), "linux/amd64", 0 },
		{ CONFIG_OF("", "null"), "linux/amd64", 0 },
		{ CONFIG_OF(",'variant':'v2'", "[]"), "linux/amd64/v2", 0 },
		{ CONFIG_OF(",'variant':''", "[]"), "linux/amd64", 0 },
		{ CONFIG_OF(",'config':{'Labels':{'Os':'a','os':'b'}}", "[]"),
		  "linux/amd64", 0 },
		{ "{'os':'linux','architecture':'arm','rootfs':{'type':"
		  "'layers'}}",
		  "linux/arm", 0 },
		{ "{}", "no container image: its config has no \"rootfs\"", 0 },
		{ "{'name':'chart','version':'1'}",
		  "no container image: its config has no \"rootfs\"", 0 },
		{ "{'rootfs':{}}",
		  "no container image: its config has no \"architecture\"", 0 },
		{ "{'rootfs':{},'architecture':'amd64'}", "\"os\" is missing",
		  0 },
		{ "{'rootfs':{},'architecture':'amd64','os':''}",
		  "'' is no operating system", 0 },
		{ "{'rootfs':{},'architecture':'','os':'linux'}",
		  "'' is no architecture", 0 },
		{ "{'rootfs':{},'architecture':7,'os':'linux'}",
		  "\"architecture\" is no string", 0 },
		{ "{'rootfs':[],'architecture':'amd64','os':'linux'}",
		  "\"rootfs\" is no object", 0 },
		{ "{'rootfs':{},'architecture':'amd64','os':'linux'}",
		  "\"type\" is missing", 0 },
		{ "{'rootfs':{'type':'x'},'architecture':'amd64','os':'linux'}",
		  "rootfs of type 'x' instead of 'layers'", 0 },
		{ CONFIG_OF(",'variant':7", "[]"), "\"variant\" is no string",
		  0 },
		{ CONFIG_OF(",'Architecture':'arm64'", "[]"),
		  "\"Architecture\" would be taken for \"architecture\" by "
		  "some",
		  0 },
		{ CONFIG_OF("", "{}"), "\"diff_ids\" is no array", 0 },
		{ CONFIG_OF("", "[7]"), "a diff_id that is no string", 0 },
		{ CONFIG_OF("", "['sha256:7']"),
		  "diff_id: 'sha256:7' is no sha256 digest", 0 },
		{ CONFIG_OF("", "['" HEX("d1") "']"),
		  "diff_id: '" HEX("d1") "' is no sha256 digest", 0 },
		{ "[]", "no JSON object", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(image_config_release) struct image_config config = { 0 };
		struct ferry_error err;
		char platform[PLATFORM_TEXT];
		const char *text = json(rows[i].text);
		int rc = image_config_parse(&config, text, strlen(text), &err);

		assert_string_equal(
			rc ? err.message
			   : platform_text(platform, &config.platform),
			rows[i].result);
		assert_int_equal(config.diff_id_count, rows[i].diff_id_count);
	}
}

/* START, `count` times ITEM with commas, END. */
static void
repeat(struct buffer *out, const char *start, const char *item, size_t count,
       const char *end)
{
	struct ferry_error err;

	assert_int_equal(buffer_format(out, &err, "%s", json(start)), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(buffer_format(out, &err, "%s%s", i ? "," : "",
					       json(item)),
				 0);
	assert_int_equal(buffer_format(out, &err, "%s", json(end)), 0);
}

static void
lists_have_limits(void **state)
{
	struct ferry_error err;

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		AUTO_BUFFER layers = BUFFER(MANIFEST_MAX);
		AUTO_BUFFER entries = BUFFER(MANIFEST_MAX);
		AUTO_BUFFER diff_ids = BUFFER(MANIFEST_MAX);
		AUTO(manifest_release) struct manifest manifest = { 0 };
		AUTO(index_release) struct index parsed = { 0 };
		AUTO(image_config_release) struct image_config config = { 0 };

		repeat(&layers,
		       "{'schemaVersion':2,'config':" CONFIG ",'layers':[",
		       LAYER, LAYERS_MAX + over, "]}");
		check(manifest_parse(&manifest, layers.data, layers.size, NULL,
				     &err),
		      &err, over ? "4097 layers, but 4096 is the limit" : NULL,
		      "layers");
		repeat(&entries, "{'schemaVersion':2,'manifests':[", LAYER,
		       INDEX_ENTRIES_MAX + over, "]}");
		check(index_parse(&parsed, entries.data, entries.size, NULL,
				  &err),
		      &err,
		      over ? "an index of 4097 entries, but 4096 is the limit"
			   : NULL,
		      "entries");
		repeat(&diff_ids,
		       "{'os':'linux','architecture':'arm','rootfs':{'type':"
		       "'layers','diff_ids':[",
		       "'" DIGEST("d1") "'", LAYERS_MAX + over, "]}}");
		check(image_config_parse(&config, diff_ids.data, diff_ids.size,
					 &err),
		      &err,
		      over ? "4097 diff_ids, but 4096 is the limit" : NULL,
		      "diff_ids");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manifests),
		cmocka_unit_test(manifest_keeps_the_order),
		cmocka_unit_test(configs),
		cmocka_unit_test(lists_have_limits),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
