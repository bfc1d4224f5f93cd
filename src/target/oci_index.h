/*
 * index.json of an OCI image layout that images are added to: image-spec,
 * image-layout.md and image-index.md.
 *
 * Whoever wrote it, what is not ours to change stays as it is: other images,
 * artifacts, digests of other algorithms, unknown fields and annotations.
 */
#ifndef TARGET_OCI_INDEX_H
#define TARGET_OCI_INDEX_H

#include "json/json.h"
#include "oci/release.h"

/* A digest of any algorithm, escaped and perhaps cut. */
#define OCI_INDEX_DIGEST 80

struct oci_index {
	json_t *json;	 /* NULL: released */
	json_t *entries; /* in it */
	bool changed;
};

/*
 * Strictly; no bytes are an index without entries.  Release after a success
 * only.
 */
int oci_index_parse(struct oci_index *out, const void *data, size_t size,
		    struct ferry_error *err) MUST_CHECK;
void oci_index_release(struct oci_index *index);

/*
 * Whether the name of `image` stands for it, and for nothing else: as
 * oci_index_put() would have it.
 */
bool oci_index_has(const struct oci_index *index, const struct image *image);

/*
 * Has the name of `image` stand for it, or for the index above it.  Where it
 * stood for something else, *was says for what, else it is "".
 */
int oci_index_put(struct oci_index *index, const struct image *image,
		  char was[OCI_INDEX_DIGEST], struct ferry_error *err)
	MUST_CHECK;

/* Appends its text. */
int oci_index_write(const struct oci_index *index, struct buffer *out,
		    struct ferry_error *err) MUST_CHECK;

#endif
