/*
 * target/oci_stream: which blobs and names are in the stream, that what makes
 * them visible comes last, and that it is as long as announced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/tar.h"
#include "json/json.h"
#include "oci/catalog.h"
#include "target/oci_stream.h"

#include "archive_fixture.h"

/* Image 0 is alone; 1 and 2 stand below an index, which stands for 1. */
enum {
	MANIFEST_A,
	CONFIG_A,
	INDEX,
	MANIFEST_B,
	CONFIG_B,
	MANIFEST_C,
	CONFIG_C,
	BASE,
	TOP_B,
	TOP_C,
	BLOBS
};

static const uint64_t sizes[BLOBS] = { 100, 512, 200,  101, 513,
				       102, 514, 5000, 1,   1024 };

static struct blob blobs[BLOBS];
static struct nested_index nested = { .first_image = 1, .image_count = 2 };
static struct descriptor a_layers[1], b_layers[2], c_layers[2];
static size_t a_blobs[] = { MANIFEST_A, CONFIG_A, BASE };
static size_t b_blobs[] = { MANIFEST_B, INDEX, CONFIG_B, BASE, TOP_B };
static size_t c_blobs[] = { MANIFEST_C, INDEX, CONFIG_C, BASE, TOP_C };

static struct image images[] = {
	{ .reference = { "docker.io", "library/a", "1", { "" } },
	  .platform = { "linux", "amd64", "" },
	  .manifest = { .layers = a_layers, .layer_count = 1 },
	  .blobs = a_blobs,
	  .blob_count = ARRAY_SIZE(a_blobs) },
	{ .reference = { "quay.io", "b", "2", { "" } },
	  .platform = { "linux", "amd64", "" },
	  .nested = &nested,
	  .manifest = { .layers = b_layers, .layer_count = 2 },
	  .blobs = b_blobs,
	  .blob_count = ARRAY_SIZE(b_blobs) },
	{ .reference = { "quay.io", "b", "2", { "" } },
	  .platform = { "linux", "arm64", "v8" },
	  .nested = &nested,
	  .secondary = true,
	  .manifest = { .layers = c_layers, .layer_count = 2 },
	  .blobs = c_blobs,
	  .blob_count = ARRAY_SIZE(c_blobs) },
};

static const struct release release = { .images = images,
					.image_count = ARRAY_SIZE(images),
					.indexes = &nested,
					.index_count = 1,
					.blobs = blobs,
					.blob_count = BLOBS };

static int
make_release(void **state)
{
	(void)state;
	fill_blobs(blobs, sizes, BLOBS);
	a_layers[0] = b_layers[0] = c_layers[0] = blobs[BASE].descriptor;
	b_layers[1] = blobs[TOP_B].descriptor;
	c_layers[1] = blobs[TOP_C].descriptor;
	images[0].manifest.config = blobs[CONFIG_A].descriptor;
	images[1].manifest.config = blobs[CONFIG_B].descriptor;
	images[2].manifest.config = blobs[CONFIG_C].descriptor;
	images[0].descriptor = blobs[MANIFEST_A].descriptor;
	images[1].descriptor = blobs[MANIFEST_B].descriptor;
	images[2].descriptor = blobs[MANIFEST_C].descriptor;
	nested.descriptor = blobs[INDEX].descriptor;
	strcpy(nested.descriptor.media_type, MEDIA_TYPE_OCI_INDEX);
	strcpy(images[0].descriptor.media_type, MEDIA_TYPE_DOCKER_MANIFEST);
	return 0;
}

#define DIGEST(n)                                                              \
	DIGEST_PREFIX                                                          \
	"000000000000000000000000000000000000000000000000000000000000000" #n
#define NAMES(name)                                                            \
	"\"annotations\":{\"io.containerd.image.name\":\"" name                \
	"\",\"org.opencontainers.image.ref.name\":\"" name "\"}}"
#define ENTRY_A                                                                         \
	"{\"mediaType\":\"" MEDIA_TYPE_DOCKER_MANIFEST                                  \
	"\",\"digest\":\"" DIGEST(                                                      \
		0) "\",\"size\":100,"                                                   \
		   "\"platform\":{\"architecture\":\"amd64\",\"os\":\"linux\"}," NAMES( \
			   "docker.io/library/a:1")
#define ENTRY_B                                                                \
	"{\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX                               \
	"\",\"digest\":\"" DIGEST(2) "\",\"size\":200," NAMES("quay.io/b:2")
#define ALL_LAYOUT "oci-layout index.json"

static const struct {
	bool send[3];
	bool have[BLOBS];
	bool docker_archive;
	const char *members;
	const char *index; /* the entries of index.json */
} streams[] = {
	{ { true, true, true },
	  { 0 },
	  false,
	  "0 1 2 3 4 5 6 7 8 9 " ALL_LAYOUT,
	  ENTRY_A "," ENTRY_B },
	{ { true, true, true },
	  { 0 },
	  true,
	  "0 1 2 3 4 5 6 7 8 9 " ALL_LAYOUT " manifest.json",
	  ENTRY_A "," ENTRY_B },
	{ { true, false, false }, { 0 }, false, "0 1 7 " ALL_LAYOUT, ENTRY_A },
	{ { false, true, true },
	  { [BASE] = true, [CONFIG_B] = true },
	  false,
	  "2 3 5 6 8 9 " ALL_LAYOUT,
	  ENTRY_B },
	/* An index without one of its children is none. */
	{ { true, true, false }, { 0 }, false, "0 1 7 " ALL_LAYOUT, ENTRY_A },
	{ { true, false, true }, { 0 }, false, "0 1 7 " ALL_LAYOUT, ENTRY_A },
};

static void
check_index(const struct archive_stream *stream, const char *entries)
{
	const struct buffer *content = &stream->documents[1].content;
	char wanted[2000];

	snprintf(wanted, sizeof(wanted),
		 "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX
		 "\",\"manifests\":[%s]}",
		 entries);
	assert_int_equal(content->size, strlen(wanted));
	assert_memory_equal(content->data, wanted, content->size);
}

static void
streams_are_as_planned(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		struct test_source source = {
			{ .ops = &test_source_ops }, &release, BLOBS, 0
		};
		struct oci_stream_options options = {
			.send = streams[i].send,
			.have = streams[i].have,
			.docker_archive = streams[i].docker_archive,
		};
		AUTO(archive_stream_release)
		struct archive_stream stream = { 0 };
		AUTO_BUFFER bytes = BUFFER(1 << 20);
		struct buffer_sink sink;
		struct ferry_error err;
		char members[200] = "";

		assert_int_equal(
			oci_stream_init(&stream, &release, &options, &err), 0);
		buffer_sink_init(&sink, &bytes);
		assert_int_equal(archive_stream_write(&stream, &source.source,
						      &sink.sink, &err),
				 0);
		assert_int_equal(bytes.size, archive_stream_size(&stream));
		list_members(members, &bytes, &release);
		assert_string_equal(members, streams[i].members);
		check_index(&stream, streams[i].index);
	}
}

/* One image a name, which is the one that the index stands for. */
static void
a_docker_archive_has_no_index(void **state)
{
	struct oci_stream_options options = { .docker_archive = true };
	AUTO(archive_stream_release) struct archive_stream stream = { 0 };
	AUTO_JSON *entries = NULL;
	const struct buffer *content = &stream.documents[2].content;
	struct ferry_error err;
	const json_t *config;

	(void)state;
	assert_int_equal(oci_stream_init(&stream, &release, &options, &err), 0);
	assert_int_equal(
		json_parse_array(&entries, content->data, content->size, &err),
		0);
	assert_int_equal(json_array_size(entries), 2);
	config = json_object_get(json_array_get(entries, 1), "Config");
	assert_int_equal(
		json_string_value(config)[strlen("blobs/sha256/") + 63],
		'0' + CONFIG_B);
}

static void
nothing_to_send_is_nothing(void **state)
{
	static const bool send[3];
	struct oci_stream_options options = { .send = send };
	struct archive_stream stream;
	struct ferry_error err;

	(void)state;
	assert_int_equal(oci_stream_init(&stream, &release, &options, &err), 0);
	assert_int_equal(stream.document_count, 0);
	archive_stream_release(&stream);
}

/* Behind a bad blob nothing comes that would make an image visible. */
static void
a_bad_blob_ends_the_stream(void **state)
{
	struct test_source source = {
		{ .ops = &test_source_ops }, &release, TOP_C, 0
	};
	struct oci_stream_options options = { .docker_archive = true };
	AUTO(archive_stream_release) struct archive_stream stream = { 0 };
	AUTO_BUFFER bytes = BUFFER(1 << 20);
	struct buffer_sink sink;
	struct ferry_error err;

	(void)state;
	assert_int_equal(oci_stream_init(&stream, &release, &options, &err), 0);
	buffer_sink_init(&sink, &bytes);
	assert_int_equal(
		archive_stream_write(&stream, &source.source, &sink.sink, &err),
		FERRY_E_DIGEST);
	assert_null(memmem(bytes.data, bytes.size, "oci-layout", 10));
	assert_null(memmem(bytes.data, bytes.size, ".json", 5));
	assert_int_equal(bytes.data[bytes.size - 1], TOP_C);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_as_planned),
		cmocka_unit_test(a_docker_archive_has_no_index),
		cmocka_unit_test(nothing_to_send_is_nothing),
		cmocka_unit_test(a_bad_blob_ends_the_stream),
	};

	return cmocka_run_group_tests(tests, make_release, NULL);
}
