/*
 * archive/: the members of foreign tar archives and their bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <zstd.h>

#include "archive/tarball.h"
#include "foreign_tar.h"

/* The opener of a stream in memory, in pieces of a prime size. */
struct memory {
	struct opener opener;
	const struct buffer *bytes;
	unsigned opened;
};

struct memory_stream {
	struct stream stream;
	const struct buffer *bytes;
	size_t at;
};

static int
next_of_memory(struct stream *base, const void **piece, size_t *size,
	       struct ferry_error *err)
{
	struct memory_stream *stream = (struct memory_stream *)base;
	size_t left = stream->bytes->size - stream->at;

	(void)err;
	*piece = stream->bytes->data + stream->at;
	*size = left < 997 ? left : 997;
	stream->at += *size;
	return 0;
}

static void
close_memory(struct stream *base)
{
	free(base);
}

static int
open_memory(struct opener *base, struct stream **out, struct ferry_error *err)
{
	struct memory *memory = (struct memory *)base;
	struct memory_stream *stream = calloc(1, sizeof(*stream));

	(void)err;
	assert_non_null(stream);
	stream->stream.next = next_of_memory;
	stream->stream.close = close_memory;
	stream->bytes = memory->bytes;
	memory->opened++;
	*out = &stream->stream;
	return 0;
}

static void
assert_content(struct tarball *tarball, const char *name, uint64_t from,
	       const char *wanted)
{
	AUTO_BUFFER bytes = BUFFER(TAR_ROOM);
	struct buffer_sink sink;
	struct ferry_error err = { 0 };
	const struct tarball_member *member = tarball_find(tarball, name);

	assert_non_null(member);
	buffer_sink_init(&sink, &bytes);
	assert_int_equal(tarball_read(tarball, member, from, &sink.sink, &err),
			 0);
	assert_int_equal(bytes.size, strlen(wanted));
	assert_memory_equal(bytes.data ? bytes.data : (const uint8_t *)"",
			    wanted, bytes.size);
}

static void
assert_good(struct tarball *tarball)
{
	const struct tarball_member *link = tarball_find(tarball, TAR_LAYER_B);
	const struct tarball_member *a = tarball_find(tarball, TAR_LAYER_A);
	char text[3001];
	size_t count;

	(void)tarball_members(tarball, &count);
	assert_int_equal(count, 6);
	assert_null(tarball_find(tarball, "nothing"));
	assert_int_equal(tarball_find(tarball, "aaa")->kind, TARBALL_FOLDER);
	assert_int_equal(a->kind, TARBALL_FILE);
	assert_int_equal(a->size, 3000);
	assert_memory_equal(a->head, "AAAAAAAA", 8);
	assert_int_equal(link->kind, TARBALL_LINK);
	assert_ptr_equal(link->target, a);
	memset(text, 'B', 3000);
	text[3000] = '\0';
	assert_content(tarball, "ccc", 0, text);
	assert_content(tarball, "ccc", 2999, "B");
	assert_content(tarball, "ccc", 3000, "");
	memset(text, 'A', 3000);
	assert_content(tarball, TAR_LAYER_B, 0, text);
	assert_content(tarball, "manifest.json", 1, "{\"Config\":\"x\"}]");
	assert_content(tarball, "empty", 0, "");
}

static struct ferry_context *context;

static void
plain_file_is_read(void **state)
{
	AUTO_BUFFER tar = BUFFER(TAR_ROOM);
	struct tarball *tarball;
	struct ferry_error err = { 0 };

	(void)state;
	tar_good(&tar);
	assert_int_equal(tarball_open(&tarball, tar_path(tar.data, tar.size),
				      context, &err),
			 0);
	assert_good(tarball);
	tarball_close(tarball);
}

static void
compressed_file_is_read(void **state)
{
	AUTO_BUFFER tar = BUFFER(TAR_ROOM);
	char packed[16384];
	size_t size;
	struct tarball *tarball;
	struct ferry_error err = { 0 };

	(void)state;
	tar_good(&tar);
	size = ZSTD_compress(packed, sizeof(packed), tar.data, tar.size, 3);
	assert_false(ZSTD_isError(size));
	assert_int_equal(
		tarball_open(&tarball, tar_path(packed, size), context, &err),
		0);
	assert_good(tarball);
	tarball_close(tarball);
}

static void
stream_is_read_twice(void **state)
{
	AUTO_BUFFER tar = BUFFER(TAR_ROOM);
	struct memory memory = { .opener = { .open = open_memory },
				 .bytes = &tar };
	struct tarball *tarball;
	struct ferry_error err = { 0 };

	(void)state;
	tar_good(&tar);
	assert_int_equal(
		tarball_open_stream(&tarball, &memory.opener, context, &err),
		0);
	assert_int_equal(memory.opened, 1);
	/* What is kept needs no pass; what lies ahead, none of its own. */
	assert_content(tarball, "manifest.json", 0, "[{\"Config\":\"x\"}]");
	assert_int_equal(memory.opened, 1);
	assert_content(tarball, TAR_LAYER_A, 2998, "AA");
	assert_content(tarball, "ccc", 2998, "BB");
	assert_int_equal(memory.opened, 2);
	assert_good(tarball);
	tarball_close(tarball);
}

struct reader {
	pthread_t thread;
	struct tarball *tarball;
	char name[16];
	int rc;
};

static int
take_slowly(struct sink *sink, const void *data, size_t size,
	    struct ferry_error *err)
{
	(void)sink;
	(void)data;
	(void)size;
	(void)err;
	usleep(20000);
	return 0;
}

static void *
read_one(void *data)
{
	struct reader *reader = data;
	struct sink sink = { .write = take_slowly };
	struct ferry_error err;

	reader->rc = tarball_read(reader->tarball,
				  tarball_find(reader->tarball, reader->name),
				  0, &sink, &err);
	return NULL;
}

/* They come in the worst order, and are served on the way. */
static void
readers_share_a_pass(void **state)
{
	enum {
		COUNT = 8
	};
	AUTO_BUFFER tar = BUFFER(TAR_ROOM);
	struct memory memory = { .opener = { .open = open_memory },
				 .bytes = &tar };
	struct reader readers[COUNT];
	struct tarball *tarball;
	struct ferry_error err = { 0 };

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		snprintf(readers[i].name, sizeof(readers[i].name), "m%d", i);
		tar_file(&tar, readers[i].name, "content");
	}
	tar_end(&tar);
	assert_int_equal(
		tarball_open_stream(&tarball, &memory.opener, context, &err),
		0);
	for (int i = COUNT - 1; i >= 0; i--) {
		readers[i].tarball = tarball;
		pthread_create(&readers[i].thread, NULL, read_one, &readers[i]);
		if (i == COUNT - 1)
			usleep(5000);
	}
	for (int i = 0; i < COUNT; i++) {
		pthread_join(readers[i].thread, NULL);
		assert_int_equal(readers[i].rc, 0);
	}
	assert_true(memory.opened <= 3);
	tarball_close(tarball);
}

static void
what_is_no_file_is_refused(void **state)
{
	struct tarball *tarball = NULL;
	struct ferry_error err = { 0 };

	(void)state;
	assert_int_equal(tarball_open(&tarball, "/nowhere/x", context, &err),
			 FERRY_E_NOT_FOUND);
	assert_string_equal(err.message, "no such file");
	assert_int_equal(tarball_open(&tarball, "/tmp", context, &err),
			 FERRY_E_FAILED);
	assert_string_equal(err.message, "it is a folder");
	assert_int_equal(tarball_open(&tarball, "/dev/zero", context, &err),
			 FERRY_E_FAILED);
	assert_string_equal(err.message, "it is no regular file");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_file_is_read),
		cmocka_unit_test(compressed_file_is_read),
		cmocka_unit_test(stream_is_read_twice),
		cmocka_unit_test(readers_share_a_pass),
		cmocka_unit_test(what_is_no_file_is_refused),
	};
	int rc;

	context = ferry_context_new();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	ferry_context_free(context);
	return rc;
}
