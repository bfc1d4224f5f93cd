/*
 * Bytes that grow up to a limit.
 *
 * A buffer never exceeds the limit it was born with: whatever comes from
 * outside is collected in one of these, so that nobody can make us allocate
 * more than we meant to.  After an error its content is what it was before.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct buffer {
	uint8_t *data;
	size_t size;
	size_t capacity;
	size_t limit;
};

#define BUFFER(most)                                                           \
	{                                                                      \
		.limit = (most)                                                \
	}
#define AUTO_BUFFER AUTO(buffer_release) struct buffer

/* Sees to room for `more` bytes, for who knows that they will come. */
int buffer_reserve(struct buffer *buffer, size_t more, struct ferry_error *err)
	MUST_CHECK;

int buffer_append(struct buffer *buffer, const void *data, size_t size,
		  struct ferry_error *err) MUST_CHECK;
int buffer_format(struct buffer *buffer, struct ferry_error *err,
		  const char *format, ...) PRINTF_LIKE(3, 4) MUST_CHECK;

/* Sees to a NUL behind the content (not counted) and returns it as text. */
int buffer_text(struct buffer *buffer, const char **out,
		struct ferry_error *err) MUST_CHECK;

/* Frees the content; the buffer is empty then, with the same limit. */
void buffer_release(struct buffer *buffer);

#endif
