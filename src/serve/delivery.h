/*
 * A blob, or a part of one, on its way to a client.
 *
 * A whole blob that is not known to hold is hashed as it goes, and its last
 * piece is held back until the digest holds: a client never gets all of what
 * is damaged.  Of a part nothing is hashed: the blob was proved before.
 */
#ifndef SERVE_DELIVERY_H
#define SERVE_DELIVERY_H

#include "serve/shelf.h"
#include "serve/decoders.h"
#include "serve/proofs.h"

struct delivery;

/* `proofs`, `decoders`, `context` and the document's bundle are borrowed. */
int delivery_new(struct delivery **out, struct ferry_context *context,
		 struct proofs *proofs, struct decoders *decoders,
		 const struct document *document, uint64_t first,
		 uint64_t length, struct ferry_error *err) MUST_CHECK;
void delivery_free(struct delivery *delivery);

/*
 * Reads up to `size` bytes of what is left; `at` is how many came before.  0:
 * no decoder is free, see decoders_wait().  Negative: the delivery must be
 * broken off; who watches the context has been told why.
 */
ssize_t delivery_read(struct delivery *delivery, uint64_t at, void *data,
		      size_t size);

#endif
