#include "base/input.h"

#include <string.h>

#include "base/file.h"

int
input_read(struct input *input, void *data, size_t size,
	   struct ferry_error *err)
{
	uint8_t *at = data;

	while (size) {
		size_t got;
		int rc = input->read(input, at, size, &got, err);

		if (rc)
			return rc;
		at += got;
		size -= got;
	}
	return 0;
}

static int
read_file(struct input *base, void *data, size_t size, size_t *got,
	  struct ferry_error *err)
{
	struct file_input *input = (struct file_input *)base;
	int rc = file_read_at(input->fd, data, size, input->offset, err);

	if (rc)
		return rc;
	input->offset += size;
	*got = size;
	return 0;
}

void
file_input_init(struct file_input *input, int fd, uint64_t offset)
{
	*input = (struct file_input){ .input = { .read = read_file },
				      .fd = fd,
				      .offset = offset };
}

static int
read_again(struct input *base, void *data, size_t size, size_t *got,
	   struct ferry_error *err)
{
	struct input_again *input = (struct input_again *)base;

	if (!input->size)
		return input->rest->read(input->rest, data, size, got, err);
	*got = size < input->size ? size : input->size;
	memcpy(data, input->head, *got);
	input->head += *got;
	input->size -= *got;
	return 0;
}

void
input_again_init(struct input_again *input, const void *head, size_t size,
		 struct input *rest)
{
	*input = (struct input_again){ .input = { .read = read_again },
				       .head = head,
				       .size = size,
				       .rest = rest };
}
