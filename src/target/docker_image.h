/*
 * An image as Docker describes it (GET /images/NAME/json), held against the
 * one we carry.
 */
#ifndef TARGET_DOCKER_IMAGE_H
#define TARGET_DOCKER_IMAGE_H

#include "json/json.h"
#include "oci/release.h"

/* Docker has two stores, and each knows an image by another digest. */
enum docker_store {
	DOCKER_CLASSIC,	   /* its config's, which Docker calls the image ID */
	DOCKER_CONTAINERD, /* its manifest's, or that of the index above it */
};

/*
 * Fails unless it is the same image: its ID, and the platform where that does
 * not follow from the ID.
 */
int docker_image_check(const json_t *described, enum docker_store store,
		       const struct image *image, struct ferry_error *err)
	MUST_CHECK;

/*
 * How many layers, lowest first, the two have in common.  Docker finds a
 * layer by the diff_ids up to it, and does not open the file in an archive
 * of one that it has (moby image/tarexport/load.go; 20.10 does so).
 */
size_t docker_image_common(const json_t *described,
			   const struct image_config *config);

/* What `store` knows `image` by. */
const struct digest *docker_image_id(enum docker_store store,
				     const struct image *image);

/* "docker.io/library/redis:7", or the ID where there is no tag. */
const char *docker_image_name(char out[REFERENCE_TEXT], enum docker_store store,
			      const struct image *image);

#endif
