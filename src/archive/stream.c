#include "archive/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE ((size_t)256 << 10)

struct file_stream {
	struct stream stream;
	int fd;
	uint64_t size;
	uint64_t position;
	uint8_t piece[PIECE];
};

static int
next_of_file(struct stream *base, const void **piece, size_t *size,
	     struct ferry_error *err)
{
	struct file_stream *stream = (struct file_stream *)base;
	ssize_t got;

	do
		got = pread(stream->fd, stream->piece, PIECE,
			    (off_t)stream->position);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_errno(err, "read at offset %llu",
				   (unsigned long long)stream->position);
	stream->position += (uint64_t)got;
	*piece = stream->piece;
	*size = (size_t)got;
	return 0;
}

/* Not beyond the end: what is cut off there shows by being read. */
static uint64_t
skip_of_file(struct stream *base, uint64_t size)
{
	struct file_stream *stream = (struct file_stream *)base;
	uint64_t left = stream->position < stream->size
				? stream->size - stream->position
				: 0;
	uint64_t skipped = size < left ? size : left;

	stream->position += skipped;
	return skipped;
}

static void
close_file(struct stream *base)
{
	free(base);
}

int
stream_of_file(struct stream **out, int fd, uint64_t size,
	       struct ferry_error *err)
{
	struct file_stream *stream = malloc(sizeof(*stream));

	if (!stream)
		return error_nomem(err);
	stream->stream = (struct stream){ .next = next_of_file,
					  .skip = skip_of_file,
					  .close = close_file };
	stream->fd = fd;
	stream->size = size;
	stream->position = 0;
	*out = &stream->stream;
	return 0;
}
