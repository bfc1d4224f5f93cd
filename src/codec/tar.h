/*
 * The tar framing that we write: POSIX ustar (IEEE 1003.1, pax) without
 * anything that depends on who packs, where and when.
 *
 * Owner 0, no owner names, time 0, mode 0644 for files and 0755 for folders;
 * a pax header with nothing but `size` for what is too large for ustar.
 */
#ifndef CODEC_TAR_H
#define CODEC_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define TAR_BLOCK 512
#define TAR_NAME_MAX 99 /* always a NUL behind it */
#define TAR_HEAD_MAX ((size_t)3 * TAR_BLOCK)
/* An archive ends with two blocks of zeros. */
#define TAR_END ((size_t)2 * TAR_BLOCK)
/* 11 octal digits: 8 GiB - 1. */
#define TAR_USTAR_SIZE_MAX ((UINT64_C(1) << 33) - 1)

#define TAR_FILE '0'
#define TAR_FOLDER '5'
#define TAR_PAX 'x'

/* `name` has at most TAR_NAME_MAX bytes, `size` TAR_USTAR_SIZE_MAX. */
void tar_header(uint8_t out[TAR_BLOCK], const char *name, uint64_t size,
		char typeflag);

/*
 * All that stands before the content of a file of any size; returns its
 * length: a header, and before it, for more than TAR_USTAR_SIZE_MAX bytes, a
 * pax header and its record; the size field is zero then.
 */
size_t tar_member_head(uint8_t out[TAR_HEAD_MAX], const char *name,
		       uint64_t size);

/* The same length by itself. */
size_t tar_member_head_size(uint64_t size);

/* How many zeros follow `size` bytes of content. */
size_t tar_padding(uint64_t size);

struct tar_member {
	char name[TAR_NAME_MAX + 1];
	uint64_t size;
	char typeflag; /* TAR_FILE or TAR_FOLDER */
};

/*
 * How long the head is that begins with `block`: TAR_BLOCK or TAR_HEAD_MAX.
 */
size_t tar_head_size(const uint8_t block[TAR_BLOCK]);

/*
 * Reads a head of tar_head_size() bytes.  Takes byte for byte only what
 * tar_member_head() writes, and tar_header() for an empty folder; all else is
 * FERRY_E_DAMAGED, zero blocks too.  What the name may be is for the caller to
 * say: here it is any bytes without a NUL, or none.
 */
int tar_parse_head(struct tar_member *out, const uint8_t *head,
		   struct ferry_error *err) MUST_CHECK;

#endif
