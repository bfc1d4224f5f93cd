#include "base/writeback.h"

#include <fcntl.h>

#include "base/file.h"

void
writeback_init(struct writeback *writeback, int fd, uint64_t size)
{
	*writeback = (struct writeback){ .fd = fd,
					 .forget = file_is_large(size),
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

static void
finish(int fd, struct writeback_piece piece)
{
	(void)sync_file_range(fd, (off_t)piece.offset, (off_t)piece.size,
			      SYNC_FILE_RANGE_WAIT_BEFORE |
				      SYNC_FILE_RANGE_WRITE |
				      SYNC_FILE_RANGE_WAIT_AFTER);
	file_forget(fd, piece.offset, piece.size);
}

void
writeback_begin(struct writeback *writeback, uint64_t offset, uint64_t size)
{
	struct writeback_piece piece = { .offset = offset, .size = size };

	/* Not every file system takes this; they all do without it. */
	(void)sync_file_range(writeback->fd, (off_t)offset, (off_t)size,
			      SYNC_FILE_RANGE_WRITE);
	if (!writeback->forget)
		return;
	piece = exchange(writeback, piece);
	if (piece.size)
		finish(writeback->fd, piece);
}
