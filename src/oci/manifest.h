/*
 * Manifests, indexes and configs: bytes in, a struct or an error out.
 * OCI image-spec manifest.md, image-index.md, config.md; Docker schema 2.
 */
#ifndef OCI_MANIFEST_H
#define OCI_MANIFEST_H

#include "oci/descriptor.h"
#include "oci/document.h"
#include "oci/platform.h"

#define LAYERS_MAX 4096
#define INDEX_ENTRIES_MAX 4096

struct manifest {
	/*
	 * Its own "mediaType", or that of OCI, whose manifests may leave it
	 * out: from nothing but its bytes, so that whoever has these comes to
	 * the same type, whatever a registry or an index once called them.
	 */
	char media_type[MEDIA_TYPE_TEXT];
	struct descriptor config;
	struct descriptor *layers;
	size_t layer_count;
};

/*
 * `media_type` is what the transport or the descriptor called it, or NULL; it
 * must agree with the body's own "mediaType".  A document that is an index as
 * well as a manifest (CVE-2021-41190), a schema 1 manifest and a foreign layer
 * are refused by name.
 */
int manifest_parse(struct manifest *out, const void *data, size_t size,
		   const char *media_type, struct ferry_error *err) MUST_CHECK;
void manifest_release(struct manifest *manifest);

/* Refuses what already says by its config's media type that it is no image. */
int manifest_check_image(const struct manifest *manifest,
			 struct ferry_error *err) MUST_CHECK;

struct index_entry {
	struct descriptor descriptor;
	bool has_platform;
	struct platform platform;
	bool odd_platform; /* names one that cannot be: never chosen */
	bool attestation;  /* unknown/unknown, or annotated as one */
};

struct index {
	char media_type[MEDIA_TYPE_TEXT]; /* as that of a manifest */
	struct index_entry *entries;
	size_t entry_count;
};

int index_parse(struct index *out, const void *data, size_t size,
		const char *media_type, struct ferry_error *err) MUST_CHECK;
void index_release(struct index *index);

/*
 * The entry that serves `wanted` best, the first among equals; NULL: none.
 * An attestation is never chosen.  Where the index has one image only and does
 * not name its platform, that is the entry: the config has to tell.
 */
const struct index_entry *index_choose(const struct index *index,
				       const struct platform *wanted);

/* "linux/arm64/v8, linux/arm/v7" of all images in it; at least "no image". */
int index_platforms(const struct index *index, char **out,
		    struct ferry_error *err) MUST_CHECK;

struct image_config {
	struct platform platform;
	struct digest *diff_ids; /* of the unpacked layers, lowest first */
	size_t diff_id_count;
};

/* A config without rootfs is an artifact's, not an image's: refused. */
int image_config_parse(struct image_config *out, const void *data, size_t size,
		       struct ferry_error *err) MUST_CHECK;
void image_config_release(struct image_config *config);

#endif
