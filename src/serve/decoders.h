/*
 * Decoders for compressed blobs, fewer than there may be clients: a decoder
 * takes some 1.5 MiB, and clients may be many and slow.
 *
 * Who has one keeps it for the frame that he is in, and loses it to somebody
 * who waits when he is through with that, or has not come back for a while; he
 * goes on from the start of his frame then, with whichever decoder is free.
 */
#ifndef SERVE_DECODERS_H
#define SERVE_DECODERS_H

#include <pthread.h>
#include <stdbool.h>

#include "bundle/pull.h"

#define DECODERS 32

struct decoder_slot {
	struct frame_pull *pull;
	const void *owner; /* who may go on with it, or NULL */
	bool busy;
	uint64_t used; /* last: milliseconds */
};

/* Who waits for a decoder; woken once, by another thread or at once. */
struct decoder_waiter {
	struct decoder_waiter *next;
	void (*wake)(struct decoder_waiter *waiter);
};

struct decoders {
	pthread_mutex_t lock;
	struct decoder_slot slots[DECODERS];
	struct decoder_waiter *first, **last;
	bool stopped;
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

/*
 * Reads `size` bytes on from decoding->at.  *busy: nothing was read, all
 * decoders are in use; decoders_wait() tells when to try again.
 */
int decoders_read(struct decoders *decoders, struct decoding *decoding,
		  void *data, size_t size, bool *busy, struct ferry_error *err)
	MUST_CHECK;

/* Wakes `waiter` when there may be a decoder, or after decoders_stop(). */
void decoders_wait(struct decoders *decoders, struct decoder_waiter *waiter);

/* To be called some ten times a second: takes from who does not come back. */
void decoders_tick(struct decoders *decoders);

/* Wakes all who wait; whoever wants to read from here on fails. */
void decoders_stop(struct decoders *decoders);

/* It will not go on. */
void decoders_forget(struct decoders *decoders,
		     const struct decoding *decoding);

#endif
