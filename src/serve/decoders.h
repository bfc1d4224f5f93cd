/*
 * Decoders for compressed blobs, fewer than there may be clients: a decoder
 * takes some 1.5 MiB, and clients may be many and slow.  Whose decoder has
 * been given to another goes on from the start of the frame that it was in.
 */
#ifndef SERVE_DECODERS_H
#define SERVE_DECODERS_H

#include <pthread.h>
#include <stdbool.h>

#include "bundle/pull.h"

#define DECODERS 24

struct decoder_slot {
	struct frame_pull *pull;
	const void *owner; /* who may go on with it, or NULL */
	bool busy;
	uint64_t used; /* when: a count */
};

struct decoders {
	pthread_mutex_t lock;
	pthread_cond_t idle;
	struct decoder_slot slots[DECODERS];
	uint64_t uses;
};

void decoders_init(struct decoders *decoders);
void decoders_release(struct decoders *decoders);

/* Where somebody is in a compressed blob. */
struct decoding {
	const struct bundle *bundle;
	size_t blob;
	uint64_t at;		  /* content read so far */
	struct frame_start start; /* of the frame that this is in */
};

/* Reads `size` bytes on from decoding->at. */
int decoders_read(struct decoders *decoders, struct decoding *decoding,
		  void *data, size_t size, struct ferry_error *err) MUST_CHECK;

/* It will not go on. */
void decoders_forget(struct decoders *decoders,
		     const struct decoding *decoding);

#endif
