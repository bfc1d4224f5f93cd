/*
 * A tar head from outside: what is taken must be what we would have written.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
write_again(uint8_t *out, const struct tar_member *member)
{
	if (member->typeflag == TAR_FILE)
		return tar_member_head(out, member->name, member->size);
	tar_header(out, member->name, member->size, member->typeflag);
	return TAR_BLOCK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t again[TAR_HEAD_MAX];
	struct tar_member member;
	struct ferry_error err;

	if (size < TAR_BLOCK || size < tar_head_size(data))
		return 0;
	if (tar_parse_head(&member, data, &err))
		return 0;
	if (write_again(again, &member) != tar_head_size(data) ||
	    memcmp(again, data, tar_head_size(data)) != 0)
		abort();
	return 0;
}
