/*
 * A place in a stream that only goes forward, shared by several readers.
 * Internal to archive/.
 */
#ifndef ARCHIVE_CURSOR_H
#define ARCHIVE_CURSOR_H

#include <pthread.h>
#include <stdbool.h>

#include "archive/stream.h"
#include "base/context.h"
#include "base/sink.h"

struct cursor_waiter;

struct cursor {
	struct opener *opener;
	struct ferry_context *context;
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t free;
	bool busy; /* somebody reads: the stream is theirs */
	struct cursor_waiter *waiting;
	struct stream *stream; /* NULL: not open, or spent */
	uint64_t position;
	const uint8_t *piece; /* what was read and not used yet */
	size_t left;
};

/* Both are borrowed until release. */
void cursor_init(struct cursor *cursor, struct opener *opener,
		 struct ferry_context *context);
void cursor_release(struct cursor *cursor);

/* Closes the stream, unless somebody reads. */
void cursor_rest(struct cursor *cursor);

/* Pushes `size` bytes from `offset` on into `to`. */
int cursor_read(struct cursor *cursor, uint64_t offset, uint64_t size,
		struct sink *to, struct ferry_error *err) MUST_CHECK;

#endif
