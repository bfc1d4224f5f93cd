/*
 * oci/nested: an index and its children, as a source or a bundle gives them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "oci/nested.h"

#define OCI "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."
#define CONFIG_TYPE OCI "config.v1+json"
#define DOCUMENTS_MAX 16

/* Documents by digest, as a registry has them. */
struct shelf {
	struct document_reader reader;
	struct descriptor descriptors[DOCUMENTS_MAX];
	const char *texts[DOCUMENTS_MAX];
	char *owned[DOCUMENTS_MAX];
	size_t count;
	size_t reads;
	const struct digest *missing;
};

static int
read_document(struct document_reader *base, const struct descriptor *descriptor,
	      bool is_manifest, struct buffer *out, struct ferry_error *err)
{
	struct shelf *shelf = (struct shelf *)base;

	(void)is_manifest;
	shelf->reads++;
	if (shelf->missing && digest_equal(shelf->missing, &descriptor->digest))
		return error_set(err, FERRY_E_FAILED, "the network is down");
	for (size_t i = 0; i < shelf->count; i++)
		if (digest_equal(&shelf->descriptors[i].digest,
				 &descriptor->digest)) {
			out->limit = MANIFEST_MAX;
			return buffer_append(out, shelf->texts[i],
					     strlen(shelf->texts[i]), err);
		}
	return error_set(err, FERRY_E_NOT_FOUND, "no such document");
}

static void
shelf_init(struct shelf *shelf)
{
	*shelf = (struct shelf){ .reader = { .read = read_document } };
}

static void
shelf_release(struct shelf *shelf)
{
	for (size_t i = 0; i < shelf->count; i++)
		free(shelf->owned[i]);
}

/* Puts a text there, with " for ', and says how it is to be called. */
static PRINTF_LIKE(3, 4) const
	struct descriptor *put(struct shelf *shelf, const char *media_type,
			       const char *format, ...)
{
	struct descriptor *descriptor = &shelf->descriptors[shelf->count];
	struct ferry_error err;
	char *text;
	va_list args;

	va_start(args, format);
	assert_true(vasprintf(&text, format, args) > 0);
	va_end(args);
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	shelf->owned[shelf->count] = text;
	shelf->texts[shelf->count++] = text;
	strcpy(descriptor->media_type, media_type);
	descriptor->size = strlen(text);
	assert_int_equal(
		digest_of(&descriptor->digest, text, strlen(text), &err), 0);
	return descriptor;
}

static const struct descriptor *
put_manifest(struct shelf *shelf, const char *type, const char *config_type,
	     const char *config)
{
	const struct descriptor *c = put(shelf, config_type, "%s", config);

	return put(shelf, type,
		   "{'schemaVersion':2,'mediaType':'%s','config':{'mediaType':"
		   "'%s','digest':'%s','size':%llu},'layers':[]}",
		   type, config_type, c->digest.text,
		   (unsigned long long)c->size);
}

#define PLATFORM(os, architecture)                                             \
	"{'os':'" os "','architecture':'" architecture "'}"
#define CONFIG_OF(os, architecture, more)                                      \
	"{'os':'" os "','architecture':'" architecture "'" more                \
	",'rootfs':{'type':'layers','diff_ids':[]}}"

static const struct descriptor *
put_image(struct shelf *shelf, const char *config)
{
	return put_manifest(shelf, MEDIA_TYPE_OCI_MANIFEST, CONFIG_TYPE,
			    config);
}

/* One entry of an index; `platform` may be "". */
static void
add_entry(char *list, const struct descriptor *descriptor, const char *more)
{
	sprintf(list + strlen(list),
		"%s{'mediaType':'%s','digest':'%s','size':%llu%s}",
		*list ? "," : "", descriptor->media_type,
		descriptor->digest.text, (unsigned long long)descriptor->size,
		more);
}

static int
read_index(struct resolved *out, struct shelf *shelf, const char *list,
	   struct ferry_error *err)
{
	AUTO_BUFFER bytes = BUFFER(MANIFEST_MAX);
	struct digest digest;
	int rc = buffer_format(&bytes, err,
			       "{'schemaVersion':2,'manifests':[%s]}", list);

	for (size_t i = 0; i < bytes.size; i++)
		if (bytes.data[i] == '\'')
			bytes.data[i] = '"';
	if (!rc)
		rc = digest_of(&digest, bytes.data, bytes.size, err);
	assert_int_equal(rc, 0);
	rc = nested_read(out, &digest, &bytes, &shelf->reader, err);
	assert_null(bytes.data);
	return rc;
}

#define ON(platform) ",'platform':" platform

static void
children_are_what_they_are(void **state)
{
	static const struct {
		const char *config_type, *config, *more;
		bool artifact;
		const char *why; /* NULL: it is carried */
	} rows[] = {
		{ CONFIG_TYPE, CONFIG_OF("linux", "arm64", ""),
		  ON(PLATFORM("linux", "arm64")), false, NULL },
		{ CONFIG_TYPE, CONFIG_OF("linux", "arm64", ""), "", false,
		  NULL },
		{ DOCKER "container.image.v1+json",
		  CONFIG_OF("linux", "arm64", ""), "", false, NULL },
		/* Said to be for no platform, or for one that cannot be. */
		{ CONFIG_TYPE, CONFIG_OF("unknown", "unknown", ""),
		  ON(PLATFORM("unknown", "unknown")), true, NULL },
		{ CONFIG_TYPE, CONFIG_OF("linux", "arm64", ""),
		  ON(PLATFORM("li nux", "arm64")), false, NULL },
		{ CONFIG_TYPE, CONFIG_OF("li nux", "arm64", ""),
		  ON(PLATFORM("li nux", "arm64")), true, NULL },
		{ CONFIG_TYPE, "{}", "", true, NULL },
		{ CONFIG_TYPE, "no JSON", "", true, NULL },
		{ "x/chart", "no JSON", "", true, NULL },
		{ "x/chart", CONFIG_OF("linux", "arm64", ""),
		  ON(PLATFORM("linux", "arm64")), true, NULL },
		{ "application/vnd.oci.empty.v1+json", "{}", "", true, NULL },
		{ CONFIG_TYPE, CONFIG_OF("linux", "arm64", ""),
		  ",'annotations':{'vnd.docker.reference.type':"
		  "'attestation-manifest'}",
		  true, NULL },
		/* What is said to be an image has to be one. */
		{ CONFIG_TYPE, "{}", ON(PLATFORM("linux", "arm64")), false,
		  "no container image: its config has no \"rootfs\"" },
		{ CONFIG_TYPE, "no JSON", ON(PLATFORM("linux", "arm64")), false,
		  "config sha256:" },
		{ CONFIG_TYPE,
		  "{'os':'linux','architecture':'arm64','rootfs':{'type':"
		  "'layers','diff_ids':['sha256:"
		  "0000000000000000000000000000000000000000000000000000000000"
		  "000000']}}",
		  ON(PLATFORM("linux", "arm64")), false,
		  "the manifest has 0 layers, but the config has 1 diff_ids" },
		{ CONFIG_TYPE, CONFIG_OF("linux", "s390x", ""),
		  ON(PLATFORM("linux", "arm64")), false,
		  "its index says linux/arm64, its config says linux/s390x" },
		/* Variants: left out on one side, or of one that serves. */
		{ CONFIG_TYPE, CONFIG_OF("linux", "arm", ""),
		  ON("{'os':'linux','architecture':'arm','variant':'v6'}"),
		  false, NULL },
		{ CONFIG_TYPE, CONFIG_OF("linux", "arm", ",'variant':'v6'"),
		  ON("{'os':'linux','architecture':'arm','variant':'v7'}"),
		  false, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(shelf_release) struct shelf shelf;
		AUTO(resolved_release) struct resolved resolved = { 0 };
		struct ferry_error err;
		char list[4096] = "";
		int rc;

		shelf_init(&shelf);
		add_entry(list,
			  put_image(&shelf, CONFIG_OF("linux", "386", "")),
			  ON(PLATFORM("linux", "386")));
		add_entry(list,
			  put_manifest(&shelf, MEDIA_TYPE_OCI_MANIFEST,
				       rows[i].config_type, rows[i].config),
			  rows[i].more);
		rc = read_index(&resolved, &shelf, list, &err);
		if (!rows[i].why != !rc)
			fail_msg("row %zu: %s", i, rc ? err.message : "taken");
		if (rc && (!strstr(err.message, rows[i].why) ||
			   !text_starts(err.message, "manifest sha256:")))
			fail_msg("row %zu: %s", i, err.message);
		if (rc)
			continue;
		assert_int_equal(resolved.image_count, 2);
		assert_int_equal(resolved.images[1].artifact, rows[i].artifact);
		assert_int_equal(resolved.images[1].secondary, true);
		assert_string_equal(resolved.images[1].index_digest.text,
				    resolved.index.descriptor.digest.text);
	}
}

static void
what_is_listed_twice_is_one_child(void **state)
{
	AUTO(shelf_release) struct shelf shelf;
	AUTO(resolved_release) struct resolved resolved = { 0 };
	const struct descriptor *arm;
	struct descriptor longer;
	struct ferry_error err;
	char list[4096] = "";

	(void)state;
	shelf_init(&shelf);
	arm = put_image(&shelf, CONFIG_OF("linux", "arm", ""));
	add_entry(list, arm,
		  ON("{'os':'linux','architecture':'arm','variant':'v6'}"));
	add_entry(list, arm,
		  ON("{'os':'linux','architecture':'arm','variant':'v7'}"));
	assert_int_equal(read_index(&resolved, &shelf, list, &err), 0);
	assert_int_equal(resolved.image_count, 1);
	assert_int_equal(resolved.index.image_count, 1);
	assert_int_equal(shelf.reads, 2);
	longer = *arm;
	longer.size++;
	add_entry(list, &longer, "");
	assert_int_equal(read_index(&resolved, &shelf, list, &err),
			 FERRY_E_DIGEST);
	assert_non_null(strstr(err.message, "listed with two different sizes"));
}

static void
whole_indexes_are_refused(void **state)
{
	AUTO(shelf_release) struct shelf shelf;
	AUTO(resolved_release) struct resolved resolved = { 0 };
	const struct descriptor *image;
	struct descriptor hidden;
	struct ferry_error err;
	char list[4096] = "";

	(void)state;
	shelf_init(&shelf);
	assert_int_equal(read_index(&resolved, &shelf, "", &err),
			 FERRY_E_FAILED);
	assert_string_equal(err.message, "no container image in its index");
	image = put_image(&shelf, CONFIG_OF("linux", "amd64", ""));
	add_entry(list, put(&shelf, MEDIA_TYPE_OCI_INDEX, "{}"), "");
	assert_int_equal(read_index(&resolved, &shelf, list, &err),
			 FERRY_E_FAILED);
	assert_non_null(strstr(err.message, "an index inside an index"));
	hidden = *put(&shelf, "application/json",
		      "{'schemaVersion':2,'manifests':[]}");
	*list = '\0';
	add_entry(list, &hidden, "");
	assert_int_equal(read_index(&resolved, &shelf, list, &err),
			 FERRY_E_FAILED);
	assert_non_null(strstr(err.message, "an index inside an index"));
	/* What does not come is a failure, whatever is said of it. */
	*list = '\0';
	add_entry(list, image, "");
	shelf.missing = &shelf.descriptors[0].digest;
	assert_int_equal(read_index(&resolved, &shelf, list, &err),
			 FERRY_E_FAILED);
	assert_non_null(strstr(err.message, "the network is down"));
}

/* Takes the images of these configs and makes an index for them. */
static void
make(struct resolved *out, struct shelf *shelf, const char *type,
     const char *const *configs, size_t count)
{
	struct ferry_error err;
	char list[4096] = "";

	for (size_t i = 0; i < count; i++)
		add_entry(list,
			  put_manifest(shelf, type, CONFIG_TYPE, configs[i]),
			  "");
	if (read_index(out, shelf, list, &err))
		fail_msg("%s", err.message);
	buffer_release(&out->index.bytes);
	if (nested_make(out, &err))
		fail_msg("%s", err.message);
}

static void
an_index_of_our_own(void **state)
{
	static const char *const configs[] = {
		CONFIG_OF("windows", "arm64", ",'os.version':'10.0.1'"),
		CONFIG_OF("linux", "amd64", ",'variant':'v2','os.version':''"),
	};
	static const char wanted[] =
		"{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX
		"\",\"manifests\":[{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
		"\",\"digest\":\"%s\",\"size\":%llu,\"platform\":{"
		"\"architecture\":\"arm64\",\"os\":\"windows\","
		"\"os.version\":\"10.0.1\"}},{\"mediaType\":"
		"\"" MEDIA_TYPE_OCI_MANIFEST "\",\"digest\":\"%s\",\"size\":"
		"%llu,\"platform\":{\"architecture\":\"amd64\",\"os\":"
		"\"linux\",\"variant\":\"v2\"}}]}";
	AUTO(shelf_release) struct shelf shelf;
	AUTO(resolved_release) struct resolved resolved = { 0 };
	AUTO_FREE char *expected = NULL;
	const struct descriptor *first;
	const struct descriptor *second;
	const char *text;
	struct ferry_error err;
	bool made = false;

	(void)state;
	shelf_init(&shelf);
	make(&resolved, &shelf, MEDIA_TYPE_OCI_MANIFEST, configs, 2);
	first = &resolved.images[0].descriptor;
	second = &resolved.images[1].descriptor;
	assert_true(asprintf(&expected, wanted, first->digest.text,
			     (unsigned long long)first->size,
			     second->digest.text,
			     (unsigned long long)second->size) > 0);
	assert_int_equal(buffer_text(&resolved.index.bytes, &text, &err), 0);
	assert_string_equal(text, expected);
	assert_string_equal(resolved.index.descriptor.media_type,
			    MEDIA_TYPE_OCI_INDEX);
	assert_int_equal(resolved.index.descriptor.size, strlen(expected));
	/* The first stands for it, though the second is the usual one. */
	assert_false(resolved.images[0].secondary);
	assert_true(resolved.images[1].secondary);
	assert_int_equal(
		nested_is_made(&resolved.index, resolved.images, &made, &err),
		0);
	assert_true(made);
	resolved.index.bytes.data[0] = ' ';
	assert_int_equal(
		nested_is_made(&resolved.index, resolved.images, &made, &err),
		0);
	assert_false(made);
}

static void
its_type_is_its_childrens(void **state)
{
	static const char *const configs[] = {
		CONFIG_OF("linux", "amd64", ""),
		CONFIG_OF("linux", "arm64", ""),
	};
	AUTO(shelf_release) struct shelf shelf;
	AUTO(resolved_release) struct resolved docker = { 0 };
	struct ferry_error err;

	(void)state;
	shelf_init(&shelf);
	make(&docker, &shelf, MEDIA_TYPE_DOCKER_MANIFEST, configs, 2);
	assert_string_equal(docker.index.descriptor.media_type,
			    MEDIA_TYPE_DOCKER_LIST);
	strcpy(docker.images[1].descriptor.media_type, MEDIA_TYPE_OCI_MANIFEST);
	buffer_release(&docker.index.bytes);
	assert_int_equal(nested_make(&docker, &err), 0);
	assert_string_equal(docker.index.descriptor.media_type,
			    MEDIA_TYPE_OCI_INDEX);
}

static void
one_can_be_kept(void **state)
{
	static const char *const configs[] = {
		CONFIG_OF("linux", "arm64", ""),
		CONFIG_OF("linux", "amd64", ""),
		CONFIG_OF("linux", "amd64", ",'variant':'v2'"),
	};
	static const struct {
		const char *wanted;
		ssize_t number;
	} rows[] = {
		{ "linux/amd64", 1 },	 { "linux/amd64/v3", 2 },
		{ "linux/arm64/v8", 0 }, { "linux/arm/v7", -1 },
		{ "windows/amd64", -1 },
	};
	AUTO(shelf_release) struct shelf shelf;
	AUTO(resolved_release) struct resolved resolved = { 0 };
	AUTO_FREE char *platforms = NULL;
	struct ferry_error err;

	(void)state;
	shelf_init(&shelf);
	make(&resolved, &shelf, MEDIA_TYPE_OCI_MANIFEST, configs, 3);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct platform wanted;

		assert_int_equal(platform_parse(&wanted, rows[i].wanted, &err),
				 0);
		assert_int_equal(nested_choose(&resolved, &wanted),
				 rows[i].number);
	}
	assert_int_equal(nested_platforms(resolved.images, 3, &platforms, &err),
			 0);
	assert_string_equal(platforms,
			    "linux/arm64, linux/amd64, linux/amd64/v2");
	nested_keep_one(&resolved, 2);
	assert_int_equal(resolved.image_count, 1);
	assert_string_equal(resolved.images[0].platform.variant, "v2");
	assert_false(resolved.images[0].secondary);
	assert_null(resolved.index.bytes.data);
}

static void
a_release_keeps_them_together(void **state)
{
	static const char *const configs[] = {
		CONFIG_OF("linux", "arm64", ""),
		CONFIG_OF("linux", "amd64", ""),
	};
	AUTO(shelf_release) struct shelf shelf;
	AUTO(release_release) struct release release = { 0 };
	struct resolved names[3] = { { 0 } };
	struct ferry_error err;
	char title[IMAGE_TITLE];

	(void)state;
	shelf_init(&shelf);
	for (size_t i = 0; i < 3; i++) {
		static const char *const texts[] = { "c:1", "a:1", "b:1" };

		shelf.count = 0;
		make(&names[i], &shelf, MEDIA_TYPE_OCI_MANIFEST, configs, 2);
		for (size_t k = 0; k < 4; k++)
			free(shelf.owned[k]);
		shelf.count = 0;
		for (size_t k = 0; k < 2; k++)
			assert_int_equal(
				reference_parse(&names[i].images[k].reference,
						texts[i], &err),
				0);
	}
	nested_keep_one(&names[2], 1);
	if (release_init(&release, names, 3, &err))
		fail_msg("%s", err.message);
	assert_int_equal(release.image_count, 5);
	assert_int_equal(release.index_count, 2);
	assert_int_equal(release.indexes[1].first_image, 3);
	assert_int_equal(release.indexes[1].image_count, 2);
	assert_ptr_equal(release.images[4].nested, &release.indexes[1]);
	assert_null(release.images[2].nested);
	/* The index, then a manifest and a config of each; once for all. */
	assert_int_equal(release.blob_count, 5);
	assert_ptr_equal(release.blobs[0].content, &release.indexes[0].bytes);
	assert_int_equal(release.blobs[0].uses, 4);
	assert_true(release.blobs[0].manifest && release.blobs[1].manifest);
	assert_false(release.blobs[2].manifest);
	assert_int_equal(release.blobs[3].uses, 3);
	assert_int_equal(release.images[0].blob_count, 3);
	assert_int_equal(release.images[2].blob_count, 2);
	assert_string_equal(image_title(title, &release.images[0]),
			    "a:1 (linux/arm64)");
	assert_string_equal(image_title(title, &release.images[2]), "b:1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_are_what_they_are),
		cmocka_unit_test(what_is_listed_twice_is_one_child),
		cmocka_unit_test(whole_indexes_are_refused),
		cmocka_unit_test(an_index_of_our_own),
		cmocka_unit_test(its_type_is_its_childrens),
		cmocka_unit_test(one_can_be_kept),
		cmocka_unit_test(a_release_keeps_them_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
