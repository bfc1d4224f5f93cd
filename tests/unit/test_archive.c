/*
 * archive/: the members of foreign tar archives and their bytes, and the
 * archives that are refused.
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

#define LAYER_A "aaa/layer.tar"
#define LAYER_B "bbb/layer.tar"

static void
make_good(struct buffer *tar)
{
	char layer[3000];

	memset(layer, 'A', sizeof(layer));
	tar_head(tar, "./", '5', "", 0);
	tar_head(tar, "aaa/", '5', "", 0);
	tar_file_bytes(tar, LAYER_A, layer, sizeof(layer));
	tar_head(tar, LAYER_B, '2', "../aaa/layer.tar", 0);
	tar_file(tar, "./manifest.json", "[{\"Config\":\"x\"}]");
	memset(layer, 'B', sizeof(layer));
	tar_file_bytes(tar, "empty", "", 0);
	tar_file_bytes(tar, "ccc", layer, sizeof(layer));
	tar_end(tar);
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
	const struct tarball_member *link = tarball_find(tarball, LAYER_B);
	const struct tarball_member *a = tarball_find(tarball, LAYER_A);
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
	assert_content(tarball, LAYER_B, 0, text);
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
	make_good(&tar);
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
	make_good(&tar);
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
	make_good(&tar);
	assert_int_equal(
		tarball_open_stream(&tarball, &memory.opener, context, &err),
		0);
	assert_int_equal(memory.opened, 1);
	/* What is kept needs no pass; what lies ahead, none of its own. */
	assert_content(tarball, "manifest.json", 0, "[{\"Config\":\"x\"}]");
	assert_int_equal(memory.opened, 1);
	assert_content(tarball, LAYER_A, 2998, "AA");
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

/* A way to build an archive that is refused, and why it is. */
struct bad {
	void (*build)(struct buffer *tar);
	const char *message;
};

#define BAD_NAME(function, name)                                               \
	static void function(struct buffer *tar)                               \
	{                                                                      \
		tar_file(tar, name, "x");                                      \
		tar_end(tar);                                                  \
	}

#define BAD_TYPE(function, type, link)                                         \
	static void function(struct buffer *tar)                               \
	{                                                                      \
		tar_file(tar, "real", "x");                                    \
		tar_head(tar, "dir/odd", type, link, 0);                       \
		tar_end(tar);                                                  \
	}

BAD_NAME(absolute, "/etc/passwd")
BAD_NAME(traversal, "a/../../b")
BAD_NAME(traversal_first, "../b")
BAD_NAME(dot_inside, "a/./b")
BAD_NAME(double_slash, "a//b")
BAD_NAME(backslash, "a\\b")
BAD_NAME(escape, "a\033[2Jb")
BAD_TYPE(hard_link, '1', "real")
BAD_TYPE(device, '3', "")
BAD_TYPE(block_device, '4', "")
BAD_TYPE(fifo, '6', "")
BAD_TYPE(link_absolute, '2', "/etc/passwd")
BAD_TYPE(link_out, '2', "../../real")
BAD_TYPE(link_nowhere, '2', "../nothing")
BAD_TYPE(link_inside, '2', "../x/../real")
BAD_TYPE(link_empty, '2', "")
BAD_TYPE(link_self, '2', "odd")

static void
twice(struct buffer *tar)
{
	tar_file(tar, "index.json", "{}");
	tar_file(tar, "other", "{}");
	tar_file(tar, "./index.json", "{}");
	tar_end(tar);
}

static void
file_and_folder(struct buffer *tar)
{
	tar_file(tar, "blobs", "{}");
	tar_head(tar, "blobs/", '5', "", 0);
	tar_end(tar);
}

static void
link_to_folder(struct buffer *tar)
{
	tar_head(tar, "dir/", '5', "", 0);
	tar_head(tar, "link", '2', "dir", 0);
	tar_end(tar);
}

static void
link_to_link(struct buffer *tar)
{
	tar_file(tar, "real", "x");
	tar_head(tar, "one", '2', "real", 0);
	tar_head(tar, "two", '2', "one", 0);
	tar_end(tar);
}

static void
short_member(struct buffer *tar)
{
	tar_head(tar, "layer", '0', "", 100000);
	tar_zeros(tar, 512);
}

static void
huge_member(struct buffer *tar)
{
	tar_head(tar, "layer", '0', "", 077777777777ULL);
	tar_end(tar);
}

static void
without_end(struct buffer *tar)
{
	tar_file(tar, "layer", "x");
}

static void
half_an_end(struct buffer *tar)
{
	tar_file(tar, "layer", "x");
	tar_zeros(tar, 512);
}

static void
second_archive(struct buffer *tar)
{
	tar_file(tar, "layer", "x");
	tar_end(tar);
	tar_file(tar, "other", "x");
	tar_end(tar);
}

static void
member_after_zeros(struct buffer *tar)
{
	tar_file(tar, "layer", "x");
	tar_zeros(tar, 512);
	tar_file(tar, "other", "x");
	tar_end(tar);
}

static void
bad_checksum(struct buffer *tar)
{
	tar_file(tar, "layer", "x");
	tar_file(tar, "other", "x");
	tar->data[1024] ^= 1;
	tar_end(tar);
}

static void
no_tar(struct buffer *tar)
{
	tar_put(tar, "{\"schemaVersion\":2}", 19);
	tar_zeros(tar, 2048);
}

static void
empty_file(struct buffer *tar)
{
	(void)tar;
}

static void
xz_file(struct buffer *tar)
{
	tar_put(tar,
		"\xfd"
		"7zXZ\0\0\0\0\0\0",
		11);
}

static void
zip_file(struct buffer *tar)
{
	tar_put(tar, "PK\3\4aaaaaaaaaaaa", 16);
}

static void
sparse(struct buffer *tar)
{
	static const char records[] = "22 GNU.sparse.major=1\n"
				      "22 GNU.sparse.minor=0\n"
				      "25 GNU.sparse.name=layer\n"
				      "28 GNU.sparse.realsize=4096\n";

	tar_head(tar, "pax", 'x', "", sizeof(records) - 1);
	tar_put(tar, records, sizeof(records) - 1);
	tar_zeros(tar, 512 - (sizeof(records) - 1));
	tar_head(tar, "layer", '0', "", 1024);
	tar_put(tar, "1\n2048\n512\n", 11);
	tar_zeros(tar, 501 + 512);
	tar_end(tar);
}

static void
long_name(struct buffer *tar)
{
	char name[600];

	memset(name, 'n', sizeof(name));
	tar_head(tar, "././@LongLink", 'L', "", sizeof(name));
	tar_put(tar, name, sizeof(name));
	tar_zeros(tar, 1024 - sizeof(name));
	tar_file(tar, "short", "x");
	tar_end(tar);
}

/* A gigabyte of a name: nobody allocates that. */
static void
longest_name(struct buffer *tar)
{
	tar_head(tar, "././@LongLink", 'L', "", 1ULL << 30);
	tar_zeros(tar, 8192);
}

static void
zstd_cut_off(struct buffer *tar)
{
	AUTO_BUFFER plain = BUFFER(TAR_ROOM);
	char packed[16384];

	make_good(&plain);
	tar_put(tar, packed,
		ZSTD_compress(packed, sizeof(packed), plain.data, plain.size,
			      3) -
			20);
}

static void
compressed_twice(struct buffer *tar)
{
	AUTO_BUFFER plain = BUFFER(TAR_ROOM);
	char once[16384];
	char twice_packed[16384];
	size_t size;

	make_good(&plain);
	size = ZSTD_compress(once, sizeof(once), plain.data, plain.size, 3);
	size = ZSTD_compress(twice_packed, sizeof(twice_packed), once, size, 3);
	tar_put(tar, twice_packed, size);
}

static const struct bad bad[] = {
	{ absolute, "the name '/etc/passwd' is absolute" },
	{ traversal, "the name 'a/../../b' has a \"..\" in it" },
	{ traversal_first, "the name '../b' has a \"..\" in it" },
	{ dot_inside, "the name 'a/./b' has a \".\" in it" },
	{ double_slash, "the name 'a//b' has an empty part in it" },
	{ backslash, "the name 'a\\b' has a backslash in it" },
	{ escape, "has bytes that are no plain text in it" },
	{ hard_link, "dir/odd: it is a hard link" },
	{ device, "dir/odd: it is a device or the like" },
	{ block_device, "dir/odd: it is a device or the like" },
	{ fifo, "dir/odd: it is a device or the like" },
	{ link_absolute, "dir/odd is a symbolic link to '/etc/passwd', which "
			 "is no file of the archive" },
	{ link_out, "is a symbolic link to '../../real'" },
	{ link_nowhere, "is a symbolic link to 'nothing', which is no file" },
	{ link_inside, "is a symbolic link to '../x/../real'" },
	{ link_empty, "is a symbolic link to ''" },
	{ link_self, "is a symbolic link to 'dir/odd', which is no file" },
	{ twice, "two members are called index.json" },
	{ file_and_folder, "two members are called blobs" },
	{ link_to_folder, "link is a symbolic link to 'dir', which is no" },
	{ link_to_link, "two is a symbolic link to 'one', which is no file" },
	{ short_member, "runcated" },
	{ huge_member, "runcated" },
	{ without_end, "cut off: its end is missing" },
	{ half_an_end, "cut off: its end is missing" },
	{ second_archive, "something follows the end of the archive" },
	{ member_after_zeros, "something follows the end of the archive" },
	{ bad_checksum, "amaged" },
	{ no_tar, "nrecognized archive format" },
	{ empty_file, "it is empty" },
	{ xz_file, "it is compressed by xz; ferry takes tar, plain or "
		   "compressed by gzip or zstd" },
	{ zip_file, "it is a zip archive; ferry takes tar" },
	{ sparse, "it is a sparse file" },
	{ long_name, "has too many bytes in it" },
	{ longest_name, "" },
	{ zstd_cut_off, "" },
	{ compressed_twice, "it is compressed more than once" },
};

static void
bad_ones_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_BUFFER tar = BUFFER(TAR_ROOM);
		struct tarball *tarball = NULL;
		struct ferry_error err = { 0 };
		int rc;

		bad[i].build(&tar);
		rc = tarball_open(&tarball, tar_path(tar.data, tar.size),
				  context, &err);
		if (rc != FERRY_E_FAILED ||
		    !strstr(err.message, bad[i].message))
			fail_msg("%zu: %d '%s', wanted '%s'", i, rc,
				 err.message, bad[i].message);
		assert_null(tarball);
		tarball_close(tarball);
	}
}

/* Nobody takes the part for the whole, wherever it was cut. */
static void
every_cut_is_noticed(void **state)
{
	AUTO_BUFFER tar = BUFFER(TAR_ROOM);

	(void)state;
	make_good(&tar);
	for (size_t size = 0; size < tar.size; size += 61) {
		struct tarball *tarball = NULL;
		struct ferry_error err = { 0 };

		assert_int_equal(tarball_open(&tarball,
					      tar_path(tar.data, size), context,
					      &err),
				 FERRY_E_FAILED);
	}
}

/* A gigabyte of zeros in some 32 KiB of zstd, as a member and bare. */
static void
bomb_is_bounded(void **state)
{
	AUTO_BUFFER head = BUFFER(TAR_ROOM);
	AUTO_BUFFER packed = BUFFER(TAR_ROOM);
	size_t room = (size_t)16 << 20;
	char *zeros = calloc(1, room);
	char *piece = malloc(room);
	struct tarball *tarball = NULL;
	struct ferry_error err = { 0 };

	(void)state;
	assert_non_null(zeros);
	assert_non_null(piece);
	tar_head(&head, "layer", '0', "", 1ULL << 32);
	tar_put(&packed, piece,
		ZSTD_compress(piece, room, head.data, head.size, 3));
	for (int i = 0; i < 64; i++)
		tar_put(&packed, piece,
			ZSTD_compress(piece, room, zeros, room, 3));
	assert_int_equal(tarball_open(&tarball,
				      tar_path(packed.data, packed.size),
				      context, &err),
			 FERRY_E_FAILED);
	assert_non_null(strstr(err.message, "more than 2000 times its size"));
	free(zeros);
	free(piece);
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
		cmocka_unit_test(bad_ones_are_refused),
		cmocka_unit_test(every_cut_is_noticed),
		cmocka_unit_test(bomb_is_bounded),
		cmocka_unit_test(what_is_no_file_is_refused),
	};
	int rc;

	context = ferry_context_new();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	ferry_context_free(context);
	return rc;
}
