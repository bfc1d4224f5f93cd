/*
 * An archive that `docker save` wrote, or that looks as if: the images in it.
 *
 * Where it is an OCI image layout as well, as since Docker 25, an image is
 * what that says, since it has the digests that a registry has; the two must
 * not contradict each other.  Else a manifest is made: docs/format.md,
 * "Images out of Docker".
 */
#ifndef SOURCE_SAVED_H
#define SOURCE_SAVED_H

#include <pthread.h>

#include "source/oci_layout.h"
#include "source/saved_manifest.h"

/* Where the bytes of a layer are. */
struct saved_blob {
	struct digest digest;
	const struct tarball_member *member;
};

struct saved {
	struct tarball *tarball; /* owned */
	struct saved_manifest manifest;
	struct oci_layout layout; /* folder NULL: there is none */
	pthread_mutex_t lock;	  /* over what follows */
	void *blobs; /* of the images resolved so far: tsearch(3)'s */
};

/* The archive is taken over, on failure too. */
int saved_init(struct saved *out, struct tarball *take_tarball,
	       struct ferry_error *err) MUST_CHECK;
void saved_release(struct saved *saved);

/* The image that is wanted, without a name.  May be called from threads. */
int saved_resolve(struct saved *saved, const struct wanted *wanted,
		  const struct platforms *platforms, struct resolved *out,
		  struct reference *name, struct ferry_error *err) MUST_CHECK;

/* Where a blob of such an image is, or NULL. */
const struct tarball_member *saved_find_blob(struct saved *saved,
					     const struct digest *digest);

/* As source_ops.fetch, of images resolved before. */
int saved_get_blob(struct saved *saved, const struct digest *digest,
		   struct proof *proof, struct ferry_error *err) MUST_CHECK;

#endif
