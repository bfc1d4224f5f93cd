/*
 * Blobs out of a stream that goes forward only, in the order that somebody
 * else asks for them.
 *
 * Docker's exports have the layers of an image by their names, which are
 * digests, and a bundle wants them lowest first.  To begin a stream anew may
 * cost minutes, so what is passed on the way to a blob and will be asked for
 * later is kept in memory, as far as there is room.
 */
#ifndef SOURCE_FORWARD_H
#define SOURCE_FORWARD_H

#include <pthread.h>
#include <stdatomic.h>

#include "oci/release.h"

#define FORWARD_KEPT_MAX ((uint64_t)256 << 20) /* bytes, of all streams */

/* Bytes that may be kept, shared by as many streams as there are. */
struct forward_room {
	atomic_ullong left;
};

/* The stream. */
struct forward_place {
	/* Where the blob's bytes begin; false: they are not there. */
	bool (*find)(struct forward_place *place, const struct digest *digest,
		     uint64_t *offset);
	/*
	 * Pushes them from `from` on; begins anew where that lies behind what
	 * was read last.
	 */
	int (*read)(struct forward_place *place, const struct digest *digest,
		    uint64_t from, struct sink *to, struct ferry_error *err);
	/* Nothing more is expected to be read: the stream may be let go. */
	void (*rest)(struct forward_place *place);
};

struct forward_kept;

struct forward {
	struct forward_place *place;
	struct forward_room *room;
	pthread_mutex_t lock; /* over all that follows, and the place */
	uint64_t position;
	struct forward_kept *kept;
	bool *asked; /* of the release's blobs; NULL: nobody has asked yet */
};

/* Both are borrowed until release. */
void forward_init(struct forward *forward, struct forward_place *place,
		  struct forward_room *room);
void forward_release(struct forward *forward);

/*
 * As source_ops.fetch, always of the same release.  Of the other blobs those
 * are kept whose first image has the same source as that of this one: nobody
 * asks this stream for the rest.
 */
int forward_fetch(struct forward *forward, const struct release *release,
		  const struct blob *blob, struct proof *proof,
		  struct ferry_error *err) MUST_CHECK;

#endif
