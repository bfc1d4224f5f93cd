/*
 * Content pulled out of compressed frames, piece by piece, for who cannot be
 * pushed into: a server asks for what a slow client has room for.
 *
 * Only libzstd judges the frames here; who pulls proves the content.
 */
#ifndef CODEC_FRAME_PULL_H
#define CODEC_FRAME_PULL_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A place to begin at: the start of a frame. */
struct frame_start {
	uint64_t packed; /* bytes of the run's frames before it */
	uint64_t at;	 /* content before it */
};

/* Some 1.5 MiB: a window, and what has been read and not been decoded. */
struct frame_pull;

int frame_pull_new(struct frame_pull **out, struct ferry_error *err) MUST_CHECK;
void frame_pull_free(struct frame_pull *pull);

/* From `start` on in the run of `packed` bytes at `offset` of `fd`. */
void frame_pull_begin(struct frame_pull *pull, int fd, uint64_t offset,
		      uint64_t packed, struct frame_start start);

/*
 * Reads exactly `size` bytes of content; FERRY_E_DAMAGED where the frames end
 * before.
 */
int frame_pull_read(struct frame_pull *pull, void *data, size_t size,
		    struct ferry_error *err) MUST_CHECK;

/* The start of the frame that is being read: where to go on after a break. */
struct frame_start frame_pull_start(const struct frame_pull *pull);

/* How much content has been passed, from the run's beginning on. */
uint64_t frame_pull_at(const struct frame_pull *pull);

#endif
