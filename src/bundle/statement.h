/*
 * bundle.json: ferry's own statement of what a bundle holds, and what a
 * signature covers.  docs/format.md, "bundle.json".
 */
#ifndef BUNDLE_STATEMENT_H
#define BUNDLE_STATEMENT_H

#include "oci/release.h"

#define STATEMENT_TYPE "ferry.bundle/v1"
#define STATEMENT_IMAGES_MAX 100000

struct statement_image {
	char name[REFERENCE_TEXT]; /* in full */
	bool artifact;		   /* a child of `within` that is no image: */
	struct platform platform;  /* ... and has none */
	struct digest manifest;
	struct digest index;  /* it was chosen from, or not set */
	struct digest within; /* the index that is carried above it, or not */
	uint64_t size;
	uint64_t shared;
};

/* The files of the front that the statement covers. */
enum statement_covers {
	STATEMENT_INDEX,    /* index.json */
	STATEMENT_MANIFEST, /* manifest.json */
	STATEMENT_BLOBS,    /* bundle.blobs */
	STATEMENT_FILES,
};

extern const char *const statement_file_names[STATEMENT_FILES];

struct statement_file {
	struct digest digest;
	uint64_t size;
};

struct statement {
	struct statement_file files[STATEMENT_FILES];
	/* By name; those of one name are all children of one index. */
	struct statement_image *images;
	size_t image_count;
};

/*
 * Strict: unknown types, missing or odd values, images out of order are
 * FERRY_E_DAMAGED.
 */
int statement_parse(struct statement *out, const void *data, size_t size,
		    struct ferry_error *err) MUST_CHECK;
void statement_release(struct statement *statement);

/* How many images have the name of image number `first`, from there on. */
size_t statement_run(const struct statement *statement, size_t first);

/* Appends the statement on `release`; its length depends on that alone. */
int statement_write(struct buffer *out, const struct release *release,
		    const struct statement_file files[STATEMENT_FILES],
		    struct ferry_error *err) MUST_CHECK;

#endif
