/*
 * A place bytes go to, piece by piece: a slot of a bundle, the body of an
 * upload, a buffer.  Everything that moves content pushes it into a sink.
 */
#ifndef BASE_SINK_H
#define BASE_SINK_H

#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

struct sink {
	/* Takes all of `data`, or fails; after a failure nothing more comes. */
	int (*write)(struct sink *sink, const void *data, size_t size,
		     struct ferry_error *err);
};

static inline MUST_CHECK int
sink_write(struct sink *sink, const void *data, size_t size,
	   struct ferry_error *err)
{
	return sink->write(sink, data, size, err);
}

/* Collects into `buffer`, up to its limit. */
struct buffer_sink {
	struct sink sink;
	struct buffer *buffer;
};

void buffer_sink_init(struct buffer_sink *sink, struct buffer *buffer);

#endif
