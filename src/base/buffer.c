#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
buffer_reserve(struct buffer *buffer, size_t more, struct ferry_error *err)
{
	size_t need;
	size_t capacity;
	uint8_t *data;

	if (__builtin_add_overflow(buffer->size, more, &need) ||
	    need > buffer->limit)
		return error_set(err, FERRY_E_FAILED, "more than %zu bytes",
				 buffer->limit);
	/* One spare byte, so that buffer_text() always has room. */
	if (need < buffer->capacity)
		return 0;
	capacity = buffer->capacity ? buffer->capacity * 2 : 256;
	if (capacity > buffer->limit)
		capacity = buffer->limit + 1;
	if (capacity <= need)
		capacity = need + 1;
	data = realloc(buffer->data, capacity);
	if (!data)
		return error_nomem(err);
	buffer->data = data;
	buffer->capacity = capacity;
	return 0;
}

int
buffer_append(struct buffer *buffer, const void *data, size_t size,
	      struct ferry_error *err)
{
	int rc = buffer_reserve(buffer, size, err);

	if (rc)
		return rc;
	if (size)
		memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
	return 0;
}

int
buffer_format(struct buffer *buffer, struct ferry_error *err,
	      const char *format, ...)
{
	AUTO_FREE char *text = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0) {
		text = NULL;
		return error_nomem(err);
	}
	return buffer_append(buffer, text, (size_t)length, err);
}

int
buffer_text(struct buffer *buffer, const char **out, struct ferry_error *err)
{
	int rc = buffer_reserve(buffer, 0, err);

	if (rc)
		return rc;
	buffer->data[buffer->size] = '\0';
	*out = (const char *)buffer->data;
	return 0;
}

void
buffer_release(struct buffer *buffer)
{
	free(buffer->data);
	buffer->data = NULL;
	buffer->size = 0;
	buffer->capacity = 0;
}
