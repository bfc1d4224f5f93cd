/*
 * archive/: foreign tar archives that are refused, and why.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <zstd.h>

#include "archive/tarball.h"
#include "foreign_tar.h"

static struct ferry_context *context;

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

	tar_good(&plain);
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

	tar_good(&plain);
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
	tar_good(&tar);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_ones_are_refused),
		cmocka_unit_test(every_cut_is_noticed),
		cmocka_unit_test(bomb_is_bounded),
	};
	int rc;

	context = ferry_context_new();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	ferry_context_free(context);
	return rc;
}
