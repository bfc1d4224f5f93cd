/*
 * What a bundle must look like, given its images' manifests: for whoever
 * verifies one.  docs/format.md leaves one way to write it.
 */
#ifndef BUNDLE_DERIVED_H
#define BUNDLE_DERIVED_H

#include "bundle/reader.h"
#include "codec/seek_table.h"

/* Whether the table lists the images' blobs, in their order. */
bool derived_lists_blobs(const struct blob_table *table,
			 const struct release *release);

/*
 * Whether the front is the one that these images make of it, with the offsets
 * and signatures that it has; FERRY_E_DAMAGED if not.
 */
int derived_check_front(const struct bundle *bundle,
			const struct release *release, struct ferry_error *err)
	MUST_CHECK;

/* The signatures' room: lines of base64 and line feeds, nothing else. */
int derived_check_signatures(const struct bundle *bundle,
			     struct ferry_error *err) MUST_CHECK;

/* How many blobs lie in raw frames: those before the compressed ones. */
size_t derived_raw_blobs(const struct blob_table *table);

/* How many frames front and blobs take. */
uint64_t derived_frames(const struct bundle *bundle);

/* Appends the seek table, given the frames of the compressed blobs. */
int derived_seek_table(const struct bundle *bundle,
		       const struct seek_table *compressed, struct buffer *out,
		       struct ferry_error *err) MUST_CHECK;

#endif
