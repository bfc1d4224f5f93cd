/*
 * One image as Podman tells of it.
 */
#ifndef TARGET_PODMAN_IMAGE_H
#define TARGET_PODMAN_IMAGE_H

#include "json/json.h"
#include "oci/release.h"

/*
 * Whether what `podman image inspect` or the API say is `image`: its ID, its
 * platform and, if `by_digest`, the digests of its manifest and of the index
 * above it.  FERRY_E_FAILED with what is shown instead.
 */
int podman_image_check(const json_t *described, const struct image *image,
		       bool by_digest, struct ferry_error *err) MUST_CHECK;

/*
 * The digest that podman calls it by, escaped and perhaps cut; "" when it has
 * none.
 */
#define PODMAN_IMAGE_DIGEST 80
void podman_image_digest(char out[PODMAN_IMAGE_DIGEST],
			 const json_t *described);

#endif
