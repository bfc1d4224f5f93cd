/*
 * The indexes that a release carries, for the public API.
 */
#ifndef OP_INDEXES_H
#define OP_INDEXES_H

#include "ferry/index.h"
#include "oci/release.h"

/* Owns what its items point to, but for the digests; zeroed is empty. */
struct indexes {
	struct ferry_index *items; /* in the order of their images */
	size_t count;
	struct index_texts *texts; /* one an item */
};

/* `release` is borrowed until the release of *out. */
int indexes_describe(struct indexes *out, const struct release *release,
		     struct ferry_error *err) MUST_CHECK;
void indexes_release(struct indexes *indexes);

#endif
