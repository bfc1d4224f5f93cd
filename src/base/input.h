/*
 * Bytes read in their order, from a file or from a pipe: whoever takes them
 * apart need not know which.
 */
#ifndef BASE_INPUT_H
#define BASE_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct input {
	/*
	 * Reads between 1 and `size` bytes (above 0) and sets *got; that
	 * there are no more is an error.
	 */
	int (*read)(struct input *input, void *data, size_t size, size_t *got,
		    struct ferry_error *err);
};

/* Exactly `size` bytes. */
int input_read(struct input *input, void *data, size_t size,
	       struct ferry_error *err) MUST_CHECK;

/* A file from `offset` on; `fd` is borrowed, and its own offset left alone. */
struct file_input {
	struct input input;
	int fd;
	uint64_t offset; /* of what comes next */
};

void file_input_init(struct file_input *input, int fd, uint64_t offset);

/* What has been looked at already, then the rest.  Both are borrowed. */
struct input_again {
	struct input input;
	const uint8_t *head;
	size_t size; /* of it, still to come */
	struct input *rest;
};

void input_again_init(struct input_again *input, const void *head, size_t size,
		      struct input *rest);

#endif
