/*
 * Writing a large file: the disk is kept at work all the time, and the memory
 * is not filled with what nobody will look at soon.
 *
 * Left to itself, the kernel keeps some seconds' worth back, which fsync()
 * then waits for; and a file larger than the memory drives everything else
 * out of it, its own beginning included.
 */
#ifndef BASE_WRITEBACK_H
#define BASE_WRITEBACK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A piece that a disk with a head writes without running about. */
#define WRITEBACK_PIECE ((uint64_t)8 << 20)

/* A last piece of less is left to the kernel, which gathers small ones. */
#define WRITEBACK_LEAST ((uint64_t)1 << 20)

#define WRITEBACK_BEGUN 16 /* pieces that may still be on their way */

struct writeback_piece {
	uint64_t offset;
	uint64_t size;
};

struct writeback {
	int fd;
	bool forget;	      /* the file is too large to be kept in memory */
	pthread_mutex_t lock; /* over what follows */
	struct writeback_piece begun[WRITEBACK_BEGUN];
	size_t count; /* pieces ever begun; the last ones are above */
};

/* `forget` for a file_is_large().  There is nothing to release. */
void writeback_init(struct writeback *writeback, int fd, bool forget);

/*
 * Begins to write these bytes, of about WRITEBACK_PIECE, to the disk; of a
 * large file it lets go of the memory of a piece begun long ago, as far as
 * that is on the disk.  A failure shows in fsync().  May be called from several
 * threads.
 */
void writeback_begin(struct writeback *writeback, uint64_t offset,
		     uint64_t size);

#endif
