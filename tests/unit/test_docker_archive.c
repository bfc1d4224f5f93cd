/*
 * target/docker_archive: what is in the stream, in which order, and that it
 * is as long as announced.
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
#include "target/docker_archive.h"

#include "archive_fixture.h"

/* Blobs of the release below, by number; 0 to 2 are manifests. */
enum {
	CONFIG_A = 3,
	CONFIG_B,
	BASE,
	TOP_A,
	TOP_B,
	PLAIN,
	BLOBS
};

static const uint64_t sizes[BLOBS] = { 100,  100,  100, 700,  512,
				       5000, 1024, 1,	10000 };

static struct blob blobs[BLOBS];
static struct descriptor a_layers[3], b_layers[2];
static size_t a_blobs[] = { 0, CONFIG_A, BASE, TOP_A, PLAIN };
static size_t b_blobs[] = { 1, CONFIG_B, BASE, TOP_B };
static size_t c_blobs[] = { 2, CONFIG_A, BASE, TOP_A, PLAIN };

/* Images 0 and 2 have one config, and so one ID; image 1 has no tag. */
static struct image images[] = {
	{ .reference = { "docker.io", "library/a", "1", { "" } },
	  .manifest = { .layers = a_layers, .layer_count = 3 },
	  .blobs = a_blobs,
	  .blob_count = ARRAY_SIZE(a_blobs) },
	{ .reference = { "docker.io", "library/b", "", { "" } },
	  .manifest = { .layers = b_layers, .layer_count = 2 },
	  .blobs = b_blobs,
	  .blob_count = ARRAY_SIZE(b_blobs) },
	{ .reference = { "quay.io", "c", "x", { "" } },
	  .manifest = { .layers = a_layers, .layer_count = 3 },
	  .blobs = c_blobs,
	  .blob_count = ARRAY_SIZE(c_blobs) },
};

static const struct release release = { .images = images,
					.image_count = ARRAY_SIZE(images),
					.blobs = blobs,
					.blob_count = BLOBS };

static int
make_release(void **state)
{
	(void)state;
	fill_blobs(blobs, sizes, BLOBS);
	for (unsigned i = BASE; i < BLOBS; i++)
		blobs[i].content = NULL;
	blobs[PLAIN].plain = true;
	a_layers[0] = b_layers[0] = blobs[BASE].descriptor;
	a_layers[1] = blobs[TOP_A].descriptor;
	a_layers[2] = blobs[PLAIN].descriptor;
	b_layers[1] = blobs[TOP_B].descriptor;
	images[0].manifest.config = blobs[CONFIG_A].descriptor;
	images[1].manifest.config = blobs[CONFIG_B].descriptor;
	images[2].manifest.config = blobs[CONFIG_A].descriptor;
	return 0;
}

#define ID(n)                                                                  \
	"000000000000000000000000000000000000000000000000000000000000000" #n
#define PATH(n) "\"blobs/sha256/" ID(n) "\""
#define ENTRY_A(names)                                                         \
	"{\"Config\":" PATH(3) ",\"RepoTags\":[" names "],\"Layers\":[" PATH(  \
		5) "," PATH(6) "," PATH(8) "]}"
#define ENTRY_B                                                                \
	"{\"Config\":" PATH(4) ",\"RepoTags\":[],\"Layers\":[" PATH(           \
		5) "," PATH(7) "]}"

static const struct {
	bool send[3];
	size_t have[3];
	const char *members;
	const char *manifest;
	uint64_t unpacked;
} archives[] = {
	{ { true, true, true },
	  { 0 },
	  "3 4 5 6 7 8 manifest.json",
	  "[" ENTRY_A("\"docker.io/library/a:1\",\"quay.io/c:x\"") "," ENTRY_B
								   "]",
	  700 + 512 + 3 * (5000 + 1024 + 1) + 10000 },
	{ { true, true, true },
	  { 2, 1, 2 },
	  "3 4 7 8 manifest.json",
	  "[" ENTRY_A("\"docker.io/library/a:1\",\"quay.io/c:x\"") "," ENTRY_B
								   "]",
	  700 + 512 + 3 + 10000 },
	/* What one image has, another may lack: layers lie on layers. */
	{ { true, true, false },
	  { 3, 0, 0 },
	  "3 4 5 7 manifest.json",
	  "[" ENTRY_A("\"docker.io/library/a:1\"") "," ENTRY_B "]",
	  700 + 512 + 3 * (5000 + 1) },
	{ { false, false, true },
	  { 0, 0, 3 },
	  "3 manifest.json",
	  "[" ENTRY_A("\"quay.io/c:x\"") "]",
	  700 },
};

static void
archives_are_as_planned(void **state)
{

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(archives); i++) {
		struct test_source source = {
			{ .ops = &test_source_ops }, &release, BLOBS, 0
		};
		AUTO(archive_stream_release)
		struct archive_stream archive = { 0 };
		AUTO_BUFFER stream = BUFFER(1 << 20);
		struct buffer_sink sink;
		struct ferry_error err;
		char members[200] = "";

		assert_int_equal(docker_archive_init(&archive, &release,
						     archives[i].send,
						     archives[i].have, &err),
				 0);
		buffer_sink_init(&sink, &stream);
		assert_int_equal(archive_stream_write(&archive, &source.source,
						      &sink.sink, &err),
				 0);
		assert_int_equal(stream.size, archive_stream_size(&archive));
		list_members(members, &stream, &release);
		assert_string_equal(members, archives[i].members);
		assert_int_equal(archive.documents[0].content.size,
				 strlen(archives[i].manifest));
		assert_memory_equal(archive.documents[0].content.data,
				    archives[i].manifest,
				    archive.documents[0].content.size);
		assert_int_equal(archive_stream_unpacked(&archive),
				 archives[i].unpacked);
	}
}

static void
nothing_to_send_is_nothing(void **state)
{
	static const bool send[3];
	static const size_t have[3];
	struct archive_stream archive;
	struct ferry_error err;

	(void)state;
	assert_int_equal(
		docker_archive_init(&archive, &release, send, have, &err), 0);
	assert_int_equal(archive.document_count, 0);
	archive_stream_release(&archive);
}

static size_t left; /* allocations until one fails */

static void *
scarce_malloc(size_t size)
{
	return left-- ? malloc(size) : NULL;
}

/* An entry without a layer or a name would still be valid JSON. */
static void
memory_may_be_short(void **state)
{
	AUTO(archive_stream_release) struct archive_stream archive = { 0 };
	struct ferry_error err;
	int rc = FERRY_E_NOMEM;

	(void)state;
	json_set_alloc_funcs(scarce_malloc, free);
	for (size_t n = 0; rc && n < 1000; n++) {
		left = n;
		rc = docker_archive_init(&archive, &release, archives[0].send,
					 archives[0].have, &err);
		if (rc)
			assert_int_equal(rc, FERRY_E_NOMEM);
	}
	json_set_alloc_funcs(malloc, free);
	assert_int_equal(rc, 0);
	assert_int_equal(archive.documents[0].content.size,
			 strlen(archives[0].manifest));
}

/* Behind a bad blob nothing comes, manifest.json least of all. */
static void
a_bad_blob_ends_the_stream(void **state)
{
	static const bool send[3] = { true, true, true };
	static const size_t have[3];
	struct test_source source = {
		{ .ops = &test_source_ops }, &release, TOP_A, 0
	};
	AUTO(archive_stream_release) struct archive_stream archive = { 0 };
	AUTO_BUFFER stream = BUFFER(1 << 20);
	struct buffer_sink sink;
	struct ferry_error err;

	(void)state;
	assert_int_equal(
		docker_archive_init(&archive, &release, send, have, &err), 0);
	buffer_sink_init(&sink, &stream);
	assert_int_equal(archive_stream_write(&archive, &source.source,
					      &sink.sink, &err),
			 FERRY_E_DIGEST);
	assert_string_equal(err.message, "not what it should be");
	assert_null(memmem(stream.data, stream.size, "manifest.json", 13));
	assert_int_equal(stream.data[stream.size - 1], TOP_A);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(archives_are_as_planned),
		cmocka_unit_test(nothing_to_send_is_nothing),
		cmocka_unit_test(memory_may_be_short),
		cmocka_unit_test(a_bad_blob_ends_the_stream),
	};

	return cmocka_run_group_tests(tests, make_release, NULL);
}
