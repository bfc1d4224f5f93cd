#include "codec/tar.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* IEEE 1003.1, pax, "ustar Interchange Format". */
struct ustar {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char typeflag;
	char linkname[100];
	char magic[6];
	char version[2];
	char uname[32];
	char gname[32];
	char devmajor[8];
	char devminor[8];
	char prefix[155];
	char unused[12];
};

_Static_assert(sizeof(struct ustar) == TAR_BLOCK, "a header is one block");

/* Digits to the field's end but one, which stays NUL. */
static void
octal_write(char *field, size_t width, uint64_t value)
{
	for (size_t i = width - 1; i-- > 0; value >>= 3)
		field[i] = (char)('0' + (value & 7));
}

static bool
octal_read(const char *field, size_t width, uint64_t *out)
{
	uint64_t value = 0;

	for (size_t i = 0; i + 1 < width; i++) {
		if (field[i] < '0' || field[i] > '7')
			return false;
		value = value << 3 | (uint64_t)(field[i] - '0');
	}
	*out = value;
	return true;
}

/* Six digits, NUL, space: the one field that POSIX closes like this. */
static void
checksum_write(struct ustar *header)
{
	const uint8_t *bytes = (const uint8_t *)header;
	unsigned sum = 0;

	memset(header->checksum, ' ', sizeof(header->checksum));
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += bytes[i];
	octal_write(header->checksum, 7, sum);
	header->checksum[6] = '\0';
}

void
tar_header(uint8_t out[TAR_BLOCK], const char *name, uint64_t size,
	   char typeflag)
{
	struct ustar header = { .typeflag = typeflag,
				.magic = "ustar",
				.version = { '0', '0' } };

	memcpy(header.name, name, strnlen(name, TAR_NAME_MAX));
	octal_write(header.mode, sizeof(header.mode),
		    typeflag == TAR_FOLDER ? 0755 : 0644);
	octal_write(header.uid, sizeof(header.uid), 0);
	octal_write(header.gid, sizeof(header.gid), 0);
	octal_write(header.size, sizeof(header.size), size);
	octal_write(header.mtime, sizeof(header.mtime), 0);
	octal_write(header.devmajor, sizeof(header.devmajor), 0);
	octal_write(header.devminor, sizeof(header.devminor), 0);
	checksum_write(&header);
	memcpy(out, &header, sizeof(header));
}

/*
 * "LENGTH size=SIZE\n", where LENGTH counts itself: two digits always, since
 * sizes above 8 GiB have 10 to 20.
 */
static size_t
pax_record(char out[TAR_BLOCK], uint64_t size)
{
	int rest = snprintf(out, TAR_BLOCK, " size=%llu\n",
			    (unsigned long long)size);

	return (size_t)snprintf(out, TAR_BLOCK, "%d size=%llu\n", rest + 2,
				(unsigned long long)size);
}

static void
pax_write(uint8_t out[2 * TAR_BLOCK], const char *name, uint64_t size)
{
	const char *slash = strrchr(name, '/');
	char record[TAR_BLOCK] = "";
	char pax_name[TAR_NAME_MAX + 1];
	size_t length = pax_record(record, size);

	snprintf(pax_name, sizeof(pax_name), "PaxHeaders/%s",
		 slash ? slash + 1 : name);
	tar_header(out, pax_name, length, TAR_PAX);
	memset(out + TAR_BLOCK, 0, TAR_BLOCK);
	memcpy(out + TAR_BLOCK, record, length);
}

size_t
tar_member_head_size(uint64_t size)
{
	return size > TAR_USTAR_SIZE_MAX ? TAR_HEAD_MAX : TAR_BLOCK;
}

size_t
tar_member_head(uint8_t out[TAR_HEAD_MAX], const char *name, uint64_t size)
{
	size_t length = tar_member_head_size(size);

	if (length == TAR_HEAD_MAX) {
		pax_write(out, name, size);
		size = 0;
	}
	tar_header(out + length - TAR_BLOCK, name, size, TAR_FILE);
	return length;
}

size_t
tar_padding(uint64_t size)
{
	return (size_t)(-size % TAR_BLOCK);
}

size_t
tar_head_size(const uint8_t block[TAR_BLOCK])
{
	const struct ustar *header = (const struct ustar *)block;

	return header->typeflag == TAR_PAX ? TAR_HEAD_MAX : TAR_BLOCK;
}

/* The number behind '='; that all around it is right shows later. */
static bool
pax_read(const uint8_t *record, uint64_t *out)
{
	const uint8_t *digits = memchr(record, '=', TAR_BLOCK);
	uint64_t value = 0;

	if (!digits)
		return false;
	for (digits++; *digits >= '0' && *digits <= '9'; digits++)
		if (digits - record >= 32 ||
		    __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *digits - '0', &value))
			return false;
	*out = value;
	return value > TAR_USTAR_SIZE_MAX;
}

/* What the head seems to say, without believing it yet. */
static bool
head_read(struct tar_member *out, const uint8_t *head)
{
	size_t length = tar_head_size(head);
	const struct ustar *header =
		(const struct ustar *)(head + length - TAR_BLOCK);

	*out = (struct tar_member){ .typeflag = header->typeflag };
	memcpy(out->name, header->name, TAR_NAME_MAX);
	if (length == TAR_HEAD_MAX)
		return pax_read(head + TAR_BLOCK, &out->size);
	return octal_read(header->size, sizeof(header->size), &out->size);
}

/* Whether writing `member` gives the very bytes of `head`. */
static bool
head_agrees(const struct tar_member *member, const uint8_t *head)
{
	uint8_t again[TAR_HEAD_MAX];
	size_t length = TAR_BLOCK;

	if (member->typeflag == TAR_FOLDER && member->size == 0)
		tar_header(again, member->name, 0, TAR_FOLDER);
	else
		length = tar_member_head(again, member->name, member->size);
	return length == tar_head_size(head) &&
	       memcmp(again, head, length) == 0;
}

int
tar_parse_head(struct tar_member *out, const uint8_t *head,
	       struct ferry_error *err)
{
	struct tar_member member;

	if (!head_read(&member, head) || !head_agrees(&member, head))
		return error_set(err, FERRY_E_DAMAGED,
				 "no tar header as ferry writes it");
	*out = member;
	return 0;
}
