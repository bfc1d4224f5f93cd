#include "base/writeback.h"

#include <fcntl.h>

#include "base/file.h"

void
writeback_init(struct writeback *writeback, int fd, bool forget)
{
	*writeback = (struct writeback){ .fd = fd,
					 .forget = forget,
					 .lock = PTHREAD_MUTEX_INITIALIZER };
}

/* The piece that has waited longest makes room for this one. */
static struct writeback_piece
exchange(struct writeback *writeback, struct writeback_piece piece)
{
	struct writeback_piece oldest;
	size_t place;

	pthread_mutex_lock(&writeback->lock);
	place = writeback->count++ % WRITEBACK_BEGUN;
	oldest = writeback->begun[place];
	writeback->begun[place] = piece;
	pthread_mutex_unlock(&writeback->lock);
	return oldest;
}

void
writeback_begin(struct writeback *writeback, uint64_t offset, uint64_t size)
{
	struct writeback_piece piece = { .offset = offset, .size = size };

	/* A hint, which not every file system takes; it hides no failure. */
	(void)sync_file_range(writeback->fd, (off_t)offset, (off_t)size,
			      SYNC_FILE_RANGE_WRITE);
	if (!writeback->forget)
		return;
	/* Not waited for: who waits is told of a failure instead of fsync(). */
	piece = exchange(writeback, piece);
	if (piece.size)
		file_forget(writeback->fd, piece.offset, piece.size);
}
