/*
 * From a name's manifest or index to the images it stands for on the platforms
 * wanted, wherever these documents are.
 */
#ifndef SOURCE_RESOLVE_H
#define SOURCE_RESOLVE_H

#include "list/origin.h"
#include "oci/platform.h"
#include "oci/release.h"

/* A manifest or index as it is kept; zeroed is empty. */
struct resolve_document {
	struct buffer bytes;
	char media_type[MEDIA_TYPE_TEXT]; /* as it is called there; or "" */
	struct digest digest;		  /* of the bytes */
};

#define AUTO_RESOLVE_DOCUMENT                                                  \
	AUTO(resolve_document_release) struct resolve_document

void resolve_document_release(struct resolve_document *document);

/* Where an image's documents are: a repository, an OCI layout, ... */
struct resolve_place {
	/* FERRY_E_DIGEST unless the bytes are those of the digest. */
	int (*get)(struct resolve_place *place, const struct digest *digest,
		   struct resolve_document *out, struct ferry_error *err);
	/* Pushes the blob into `proof` and finishes that. */
	int (*get_blob)(struct resolve_place *place,
			const struct descriptor *descriptor,
			struct proof *proof, struct ferry_error *err);
};

/*
 * Reads manifests and configs of what `take_root` leads to; that is taken
 * over, on failure too.  From here on only digests are asked for.  Neither name
 * nor index are believed: an image whose config says another platform than
 * wanted is FERRY_E_PLATFORM, as is a platform that is lacking.
 *
 * Several platforms of an index get an index of ferry's making above them; all
 * of them, or none said, keep the index as it is.
 */
int resolve_images(struct resolve_place *place,
		   struct resolve_document *take_root,
		   const struct platforms *platforms, struct resolved *out,
		   struct ferry_error *err) MUST_CHECK;

/*
 * Whether that is what its origin was pinned to: the index or a manifest.
 * FERRY_E_NOT_FOUND says what is there instead.
 */
int resolve_check_pin(const struct origin *origin,
		      const struct resolved *resolved, struct ferry_error *err)
	MUST_CHECK;

/*
 * Says what it will be known by, and where its blobs are.  A name without a
 * tag is one by digest: of what was chosen, not of what was asked for.
 */
void resolve_name(struct resolved *resolved, struct source *source,
		  const struct reference *name);

#endif
