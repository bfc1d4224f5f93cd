/*
 * codec/tar: the header is compared with one built by hand from the standard,
 * the reader with what the writer makes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "codec/tar.h"

#define BLOB                                                                   \
	"blobs/sha256/"                                                        \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define GIB8 (UINT64_C(8) << 30)

static const char *
field(const uint8_t *block, size_t offset)
{
	return (const char *)block + offset;
}

static unsigned
checksum_of(const uint8_t *block)
{
	unsigned sum = 8 * ' ';

	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += i >= 148 && i < 156 ? 0 : block[i];
	return sum;
}

static void
header_is_plain_ustar(void **state)
{
	uint8_t block[TAR_BLOCK];
	char checksum[8];

	(void)state;
	tar_header(block, "index.json", 01234567, TAR_FILE);
	assert_string_equal(field(block, 0), "index.json");
	assert_string_equal(field(block, 100), "0000644");
	assert_string_equal(field(block, 108), "0000000");
	assert_string_equal(field(block, 116), "0000000");
	assert_string_equal(field(block, 124), "00001234567");
	assert_string_equal(field(block, 136), "00000000000");
	snprintf(checksum, sizeof(checksum), "%06o", checksum_of(block));
	assert_string_equal(field(block, 148), checksum);
	assert_int_equal(block[155], ' ');
	assert_int_equal(block[156], '0');
	assert_memory_equal(block + 257,
			    "ustar\0"
			    "00",
			    8);
	assert_string_equal(field(block, 265), "");
	assert_string_equal(field(block, 297), "");
	assert_string_equal(field(block, 345), "");
}

static void
folder_may_be_entered(void **state)
{
	uint8_t block[TAR_BLOCK];
	struct tar_member member;
	struct ferry_error err;

	(void)state;
	tar_header(block, "blobs/", 0, TAR_FOLDER);
	assert_string_equal(field(block, 100), "0000755");
	assert_int_equal(tar_parse_head(&member, block, &err), 0);
	assert_int_equal(member.typeflag, TAR_FOLDER);
	assert_string_equal(member.name, "blobs/");
}

static void
large_file_has_a_pax_header(void **state)
{
	uint8_t head[TAR_HEAD_MAX];

	(void)state;
	assert_int_equal(tar_member_head(head, BLOB, GIB8), TAR_HEAD_MAX);
	assert_memory_equal(head, "PaxHeaders/0123", 15);
	assert_int_equal(head[156], 'x');
	assert_string_equal(field(head, 124), "00000000023");
	assert_string_equal(field(head, 512), "19 size=8589934592\n");
	assert_string_equal(field(head, 1024), BLOB);
	assert_string_equal(field(head, 1024 + 124), "00000000000");
}

static const struct {
	const char *name;
	uint64_t size;
	size_t head;
	size_t padding;
} members[] = {
	{ "oci-layout", 0, 512, 0 },
	{ "index.json", 1, 512, 511 },
	{ BLOB, 511, 512, 1 },
	{ BLOB, 512, 512, 0 },
	{ BLOB, 513, 512, 511 },
	{ BLOB, GIB8 - 1, 512, 1 },
	{ BLOB, GIB8, 1536, 0 },
	{ BLOB, UINT64_C(1) << 50, 1536, 0 },
	{ "no-slash", UINT64_MAX, 1536, 1 },
	{ "99-bytes-------------------------------"
	  "------------------------------------------------------------",
	  GIB8 + 1, 1536, 511 },
};

static void
members_come_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		uint8_t head[TAR_HEAD_MAX];
		struct tar_member member;
		struct ferry_error err;
		uint64_t size = members[i].size;

		assert_int_equal(tar_member_head(head, members[i].name, size),
				 members[i].head);
		assert_int_equal(tar_member_head_size(size), members[i].head);
		assert_int_equal(tar_head_size(head), members[i].head);
		assert_int_equal(tar_padding(size), members[i].padding);
		assert_int_equal(tar_parse_head(&member, head, &err), 0);
		assert_string_equal(member.name, members[i].name);
		assert_int_equal(member.size, size);
		assert_int_equal(member.typeflag, TAR_FILE);
	}
}

static void
assert_refused(const uint8_t *head)
{
	struct tar_member member;
	struct ferry_error err;

	assert_int_equal(tar_parse_head(&member, head, &err), FERRY_E_DAMAGED);
	assert_string_equal(err.message, "no tar header as ferry writes it");
}

/* No checksum covers the digits of "19 size=8589934669": others are right too.
 */
static bool
is_pax_digit(size_t at)
{
	return at >= 520 && at < 530;
}

static void
every_other_bit_is_refused(void **state)
{
	static const uint64_t sizes[] = { 77, GIB8 + 77 };
	uint8_t head[TAR_HEAD_MAX] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t length = tar_member_head(head, BLOB, sizes[i]);

		for (size_t bit = 0; bit < 8 * length; bit++) {
			if (is_pax_digit(bit / 8))
				continue;
			head[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_refused(head);
			head[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

/* Well-formed to other readers, but not how we write it. */
static const struct {
	const char *why;
	uint64_t size;
	size_t at;
	const char *bytes;
} foreign[] = {
	{ "symlink", 0, 156, "2" },
	{ "sparse", 0, 156, "S" },
	{ "old file type", 0, 156, "" },
	{ "global pax header", GIB8, 156, "g" },
	{ "owner", 0, 108, "0001750" },
	{ "time", 0, 136, "14500000000" },
	{ "size in base 256", 0, 124, "\200" },
	{ "size with blanks", 0, 124, "          0" },
	{ "folder with content", 5, 156, "5" },
	{ "pax for a folder", GIB8, 1024 + 156, "5" },
	{ "pax with a path", GIB8, 512, "19 path=8589934592\n" },
	{ "pax for a small file", GIB8, 512, "19 size=0000000005\n" },
	{ "pax size with zeros", GIB8, 512, "20 size=08589934592\n" },
	{ "pax size too large", GIB8, 512, "30 size=858993459200000000000\n" },
	{ "two pax records", GIB8, 531, "8 foo=1\n" },
	{ "size in both", GIB8, 1024 + 124, "00000000001" },
};

static void
foreign_heads_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		uint8_t head[TAR_HEAD_MAX] = { 0 };
		uint8_t *block = head + foreign[i].at / 1024 * 1024;
		size_t length = tar_member_head(head, BLOB, foreign[i].size);
		char sum[8];

		assert_true(foreign[i].at < length);
		strcpy((char *)head + foreign[i].at, foreign[i].bytes);
		snprintf(sum, sizeof(sum), "%06o", checksum_of(block));
		memcpy(block + 148, sum, 7);
		assert_refused(head);
	}
}

static void
zeros_are_refused(void **state)
{
	static const uint8_t zeros[TAR_HEAD_MAX];

	(void)state;
	assert_refused(zeros);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_plain_ustar),
		cmocka_unit_test(folder_may_be_entered),
		cmocka_unit_test(large_file_has_a_pax_header),
		cmocka_unit_test(members_come_back),
		cmocka_unit_test(every_other_bit_is_refused),
		cmocka_unit_test(foreign_heads_are_refused),
		cmocka_unit_test(zeros_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
