/*
 * bundle.json: ferry's own statement of what a bundle holds, and what a
 * signature covers.  docs/format.md, "bundle.json".
 */
#ifndef BUNDLE_STATEMENT_H
#define BUNDLE_STATEMENT_H

#include "bundle/layout.h"

#define STATEMENT_TYPE "ferry.bundle/v1"
#define STATEMENT_IMAGES_MAX 100000
#define STATEMENT_BLOBS_MAX 1000000

struct statement_image {
	char name[REFERENCE_TEXT]; /* in full */
	struct platform platform;
	struct digest manifest;
	struct digest index; /* it was chosen from, or not set */
	uint64_t size;
	uint64_t shared;
};

struct statement_blob {
	struct digest digest;
	uint64_t size;
	uint64_t offset;
	struct digest frames; /* of a compressed blob's frames, or not set */
};

/* A file of the front that the statement covers. */
struct statement_file {
	struct digest digest;
	uint64_t size;
};

struct statement {
	struct statement_file index;	/* index.json */
	struct statement_file manifest; /* manifest.json */
	struct statement_image *images;
	size_t image_count;
	struct statement_blob *blobs;
	size_t blob_count;
	uint64_t end; /* behind the last blob, from the first */
};

/*
 * Strict: unknown types, missing or odd values, sizes and offsets that cannot
 * be, images out of order are FERRY_E_DAMAGED.
 */
int statement_parse(struct statement *out, const void *data, size_t size,
		    struct ferry_error *err) MUST_CHECK;
void statement_release(struct statement *statement);

/*
 * The statement on `release` as it lies in `layout`.  `frames` are the
 * digests of the plain blobs' frames, in order, or NULL for a draft of the
 * same length.  Padded with spaces to `room` bytes, unless that is 0.
 */
int statement_write(struct buffer *out, const struct release *release,
		    const struct layout *layout, const struct digest *frames,
		    const struct statement_file *index,
		    const struct statement_file *manifest, size_t room,
		    struct ferry_error *err) MUST_CHECK;

#endif
