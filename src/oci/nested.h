/*
 * Nested indexes: an index that is carried together with all of its children,
 * under one name.  docs/format.md, "Nested indexes".
 *
 * Everything here follows from the documents alone, so that whoever packs a
 * bundle and whoever reads it come to the same.
 */
#ifndef OCI_NESTED_H
#define OCI_NESTED_H

#include "oci/release.h"

/* Gives manifests and configs; it need not prove them. */
struct document_reader {
	/* `out` is empty and has no limit yet. */
	int (*read)(struct document_reader *reader,
		    const struct descriptor *descriptor, bool is_manifest,
		    struct buffer *out, struct ferry_error *err);
};

/*
 * Reads all that the index of these bytes (of `digest`) lists, each manifest
 * once, and puts it below that index.  The bytes are taken over, on failure
 * too.  What is no image becomes an artifact.  An index inside it, an index
 * that contradicts a config (FERRY_E_PLATFORM) and one without any image are
 * refused.
 */
int nested_read(struct resolved *out, const struct digest *digest,
		struct buffer *take_bytes, struct document_reader *from,
		struct ferry_error *err) MUST_CHECK;

/*
 * Makes an index for the images that `resolved` has, in their order, the first
 * being the one that it stands for.
 */
int nested_make(struct resolved *resolved, struct ferry_error *err) MUST_CHECK;

/*
 * Makes a single image of number `image`, as if it had been chosen by its
 * platform: without the others and the index.
 */
void nested_keep_one(struct resolved *resolved, size_t image);

/*
 * The image that serves `wanted` best, the first among equals; -1: none does.
 * By their configs, and never an artifact.
 */
ssize_t nested_choose(const struct resolved *resolved,
		      const struct platform *wanted);

/* "linux/amd64, linux/arm64/v8": of all images among them. */
int nested_platforms(const struct image *images, size_t count, char **out,
		     struct ferry_error *err) MUST_CHECK;

/* Whether the index is in the form that nested_make() gives it. */
int nested_is_made(const struct nested_index *index, const struct image *images,
		   bool *out, struct ferry_error *err) MUST_CHECK;

#endif
