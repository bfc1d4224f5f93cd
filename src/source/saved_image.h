/*
 * The making of a manifest for an image out of Docker.  Internal to
 * saved*.c.
 */
#ifndef SOURCE_SAVED_IMAGE_H
#define SOURCE_SAVED_IMAGE_H

#include "source/saved.h"

/*
 * Config, manifest and layers of one entry, found in the archive; zeroed is
 * empty.
 */
struct saved_image {
	struct buffer config;
	struct digest config_digest;
	struct buffer manifest;
	struct saved_blob *layers;
	size_t layer_count;
};

/* The config alone; its digest must be what its name says. */
int saved_image_load_config(struct saved_image *out, struct tarball *tarball,
			    const struct saved_entry *entry,
			    struct ferry_error *err) MUST_CHECK;

/* All the rest, after that. */
int saved_image_make(struct saved_image *image, struct tarball *tarball,
		     const struct saved_entry *entry, struct ferry_error *err)
	MUST_CHECK;
void saved_image_release(struct saved_image *image);

#endif
