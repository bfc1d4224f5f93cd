#include "archive/cursor.h"

#include <time.h>

#define LOOK_EVERY 100000000L /* nanoseconds: for an interruption */

struct cursor_waiter {
	struct cursor_waiter *next;
	uint64_t offset;
};

void
cursor_init(struct cursor *cursor, struct opener *opener,
	    struct ferry_context *context)
{
	pthread_condattr_t attributes;

	*cursor = (struct cursor){ .opener = opener, .context = context };
	pthread_mutex_init(&cursor->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&cursor->free, &attributes);
	pthread_condattr_destroy(&attributes);
}

void
cursor_release(struct cursor *cursor)
{
	stream_close(cursor->stream);
	pthread_cond_destroy(&cursor->free);
	pthread_mutex_destroy(&cursor->lock);
}

/*
 * As a lift does: on to the nearest that lies ahead, and only when there is
 * none back to the first.
 */
static const struct cursor_waiter *
whose_turn(const struct cursor *cursor)
{
	const struct cursor_waiter *ahead = NULL;
	const struct cursor_waiter *first = NULL;

	for (const struct cursor_waiter *at = cursor->waiting; at;
	     at = at->next) {
		if (at->offset >= cursor->position &&
		    (!ahead || at->offset < ahead->offset))
			ahead = at;
		if (!first || at->offset < first->offset)
			first = at;
	}
	return ahead ? ahead : first;
}

static void
leave(struct cursor *cursor, const struct cursor_waiter *waiter)
{
	struct cursor_waiter **at = &cursor->waiting;

	while (*at != waiter)
		at = &(*at)->next;
	*at = waiter->next;
}

static void
wait_a_while(struct cursor *cursor)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_EVERY;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_cond_timedwait(&cursor->free, &cursor->lock, &until);
}

static int
take(struct cursor *cursor, uint64_t offset, struct ferry_error *err)
{
	struct cursor_waiter self = { .offset = offset };
	int rc = 0;

	pthread_mutex_lock(&cursor->lock);
	self.next = cursor->waiting;
	cursor->waiting = &self;
	while (!rc && (cursor->busy || whose_turn(cursor) != &self)) {
		wait_a_while(cursor);
		rc = context_check(cursor->context, err);
	}
	leave(cursor, &self);
	if (!rc)
		cursor->busy = true;
	pthread_cond_broadcast(&cursor->free);
	pthread_mutex_unlock(&cursor->lock);
	return rc;
}

static void
give_back(struct cursor *cursor)
{
	pthread_mutex_lock(&cursor->lock);
	cursor->busy = false;
	pthread_cond_broadcast(&cursor->free);
	pthread_mutex_unlock(&cursor->lock);
}

static void
forget(struct cursor *cursor)
{
	stream_close(cursor->stream);
	cursor->stream = NULL;
	cursor->left = 0;
	cursor->position = 0;
}

void
cursor_rest(struct cursor *cursor)
{
	pthread_mutex_lock(&cursor->lock);
	if (!cursor->busy)
		forget(cursor);
	pthread_mutex_unlock(&cursor->lock);
}

static int
next_piece(struct cursor *cursor, struct ferry_error *err)
{
	const void *piece;
	int rc = context_check(cursor->context, err);

	if (!rc)
		rc = cursor->stream->next(cursor->stream, &piece, &cursor->left,
					  err);
	if (rc)
		return rc;
	if (!cursor->left)
		return error_set(err, FERRY_E_FAILED,
				 "it is shorter than it was");
	cursor->piece = piece;
	return 0;
}

/* Uses up to `size` of the bytes at hand, or reads some. */
static int
step(struct cursor *cursor, uint64_t size, struct sink *to, uint64_t *done,
     struct ferry_error *err)
{
	size_t part;
	int rc = cursor->left ? 0 : next_piece(cursor, err);

	if (rc)
		return rc;
	part = size < cursor->left ? (size_t)size : cursor->left;
	if (to)
		rc = sink_write(to, cursor->piece, part, err);
	cursor->piece += part;
	cursor->left -= part;
	cursor->position += part;
	*done += part;
	return rc;
}

static int
go_to(struct cursor *cursor, uint64_t offset, struct ferry_error *err)
{
	uint64_t done = 0;
	int rc = 0;

	if (cursor->position > offset)
		forget(cursor);
	if (!cursor->stream)
		rc = cursor->opener->open(cursor->opener, &cursor->stream, err);
	while (!rc && cursor->position < offset)
		rc = step(cursor, offset - cursor->position, NULL, &done, err);
	return rc;
}

int
cursor_read(struct cursor *cursor, uint64_t offset, uint64_t size,
	    struct sink *to, struct ferry_error *err)
{
	uint64_t done = 0;
	int rc = take(cursor, offset, err);

	if (rc)
		return rc;
	rc = go_to(cursor, offset, err);
	while (!rc && done < size)
		rc = step(cursor, size - done, to, &done, err);
	if (rc)
		forget(cursor);
	give_back(cursor);
	return rc;
}
