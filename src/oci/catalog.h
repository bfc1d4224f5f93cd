/*
 * What an archive says of the images in it: index.json of an OCI layout
 * (image-spec, image-layout.md) and manifest.json of a docker-archive
 * (moby, image/tarexport).
 */
#ifndef OCI_CATALOG_H
#define OCI_CATALOG_H

#include "oci/release.h"

#define CATALOG_LAYOUT_NAME "oci-layout"
#define CATALOG_INDEX_NAME "index.json"
#define CATALOG_ARCHIVE_NAME "manifest.json"

#define CATALOG_MAX ((size_t)256 << 20)

/* The content of the file "oci-layout". */
#define CATALOG_LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"

/* Both stand for an image's name; tools read one or other. */
#define CATALOG_NAME_CONTAINERD "io.containerd.image.name"
#define CATALOG_NAME_OCI "org.opencontainers.image.ref.name"

/*
 * An entry of index.json, of the index where `image` is below one, else of its
 * manifest; or NULL: no memory.
 */
json_t *catalog_index_entry(const struct image *image);

/*
 * Appends index.json: one descriptor a name, of the index where the images of
 * that name have one, else of the manifest, with the whole name as both
 * annotations that tools look for.  `chosen` tells image by image whose names
 * are in it; NULL: all.  Images below one index are chosen together.  Those of
 * `nameless`, or NULL, are in it without their names.
 */
int catalog_index(struct buffer *out, const struct release *release,
		  const bool *chosen, const bool *nameless,
		  struct ferry_error *err) MUST_CHECK;

/*
 * Appends manifest.json: one entry an image with all its names, one image a
 * name; what an index does not stand for is not in it.
 */
int catalog_archive(struct buffer *out, const struct release *release,
		    const bool *chosen, struct ferry_error *err) MUST_CHECK;

/* An entry of manifest.json without a name yet, or NULL: no memory. */
json_t *catalog_archive_entry(const struct image *image);

/* Adds the name of `image` to such an entry, if it has a tag. */
int catalog_archive_name(json_t *entry, const struct image *image,
			 struct ferry_error *err) MUST_CHECK;

#endif
