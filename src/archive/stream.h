/*
 * Bytes from their beginning on, pulled piece by piece; what opens them can
 * open them again.
 */
#ifndef ARCHIVE_STREAM_H
#define ARCHIVE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct stream {
	/*
	 * The next piece, which is the stream's and good up to the next call;
	 * *size is 0 at the end.
	 */
	int (*next)(struct stream *stream, const void **piece, size_t *size,
		    struct ferry_error *err);
	/*
	 * Leaves out up to `size` bytes and says how many these were: NULL,
	 * or 0, if they have to be read to be left out.
	 */
	uint64_t (*skip)(struct stream *stream, uint64_t size);
	void (*close)(struct stream *stream);
};

struct opener {
	int (*open)(struct opener *opener, struct stream **out,
		    struct ferry_error *err);
};

static inline void
stream_close(struct stream *stream)
{
	if (stream)
		stream->close(stream);
}

/* A file of `size` bytes; `fd` is borrowed, and its offset left alone. */
int stream_of_file(struct stream **out, int fd, uint64_t size,
		   struct ferry_error *err) MUST_CHECK;

/*
 * What gzip or zstd made of another stream, which is taken over.  Compressed
 * twice, and more than STREAM_RATIO times as large unpacked as packed, is
 * refused: no archive of images is, and many a bomb.
 */
#define STREAM_RATIO 2000
#define STREAM_SLACK ((uint64_t)256 << 20) /* that much is always fine */
int stream_unpacked(struct stream **out, struct stream *take_packed,
		    struct ferry_error *err) MUST_CHECK;

#endif
