/*
 * Where each blob of a release lies in a bundle: docs/format.md, "Layout".
 *
 * Offsets count from the first blob's first frame.  Those of blobs stored in
 * raw frames follow from sizes alone; those behind a compressed one are known
 * when it has been written, and bounds before.
 */
#ifndef BUNDLE_LAYOUT_H
#define BUNDLE_LAYOUT_H

#include "codec/frame.h"
#include "oci/release.h"

struct layout {
	uint64_t *offsets; /* blob_count + 1: the last is the end */
	size_t blob_count;
	size_t first_plain; /* blob_count when there is none */
};

/* Plain blobs take as much as they ever could. */
int layout_init(struct layout *out, const struct release *release,
		struct ferry_error *err) MUST_CHECK;
void layout_release(struct layout *layout);

uint64_t layout_end(const struct layout *layout);

/* How many frames all blobs make. */
uint64_t layout_frames(const struct release *release);

/* The run of blob number `blob`. */
struct frame_run layout_run(const struct release *release, size_t blob);

#endif
