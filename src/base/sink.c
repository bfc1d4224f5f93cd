#include "base/sink.h"

static int
write_buffer(struct sink *sink, const void *data, size_t size,
	     struct ferry_error *err)
{
	return buffer_append(((struct buffer_sink *)sink)->buffer, data, size,
			     err);
}

void
buffer_sink_init(struct buffer_sink *sink, struct buffer *buffer)
{
	sink->sink.write = write_buffer;
	sink->buffer = buffer;
}
