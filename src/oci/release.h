/*
 * A release: images of one platform each, the indexes that some of them stand
 * below, and their blobs, each once.
 *
 * This is what a plan is made of and what the copy engine moves, whichever
 * way it goes.
 */
#ifndef OCI_RELEASE_H
#define OCI_RELEASE_H

#include "oci/manifest.h"
#include "oci/reference.h"

struct source;
struct nested_index;

/* What an image is called where it comes from, once a rule has changed that. */
struct renamed {
	struct reference from;
	const char *rule; /* as it was given; borrowed */
};

/*
 * An image of one platform, or another child of an index that is carried.
 * Owns what it points to; zeroed is empty.
 */
struct image {
	/*
	 * Its name; the pin is dropped.  The host is "" where a rule has set
	 * it for a registry, which has its own.
	 */
	struct reference reference;
	struct renamed *renamed; /* NULL: that is its name in the source too */
	/*
	 * Where its blobs are: the source that resolved it (borrowed), and in
	 * a registry the reference that it was found by; else NULL.
	 */
	struct source *source;
	struct reference *origin;
	struct platform platform;   /* of its config */
	struct digest index_digest; /* it was chosen from, if from an index */
	/*
	 * The index that is carried above it (oci/nested.h), in the release
	 * (borrowed); NULL: none.
	 */
	const struct nested_index *nested;
	bool artifact;	/* a child that is no image: carried, nothing more */
	bool secondary; /* not the one that its index stands for */
	struct descriptor descriptor; /* of the manifest */
	struct buffer manifest_bytes;
	struct buffer config_bytes; /* may be empty for an artifact */
	struct manifest manifest;
	size_t *blobs; /* its blobs in the release, each once; manifest first */
	size_t blob_count;
	uint64_t size;	 /* bytes of these */
	uint64_t shared; /* of these, what other images use too */
};

/*
 * Parses the manifest that `image` carries as bytes; they must have the digest
 * and size of its descriptor, which gets the media type that they state.
 */
int image_parse_manifest(struct image *image, struct ferry_error *err)
	MUST_CHECK;

/*
 * The same for a child of an index, which may be no image.  The caller says
 * which manifest it was that failed.
 */
int image_parse_child(struct image *image, struct ferry_error *err) MUST_CHECK;

/*
 * Then the config, which must be the one that the manifest names and have as
 * many diff_ids as that has layers.
 */
int image_parse_config(struct image *image, struct ferry_error *err) MUST_CHECK;
void image_release(struct image *image);

/* What it is called in the source. */
const struct reference *image_source_name(const struct image *image);

/* The digest that its name stands for: the index above it, or its manifest. */
const struct digest *image_name_digest(const struct image *image);

/*
 * As people read it: "redis:7", or "redis:7 (linux/arm64)" below an index.
 * Returns `out`.
 */
#define IMAGE_TITLE (REFERENCE_TEXT + PLATFORM_TEXT + 4)
const char *image_title(char out[IMAGE_TITLE], const struct image *image);

/*
 * An index that is carried with all of its children.  Its media type is its
 * own "mediaType", or OCI's where it has none.
 */
struct nested_index {
	struct descriptor descriptor;
	struct buffer bytes;
	/* Its children in the release, in its own order, each once. */
	size_t first_image;
	size_t image_count;
};

/* What one name resolved to.  Owns what it points to; zeroed is empty. */
struct resolved {
	struct image *images; /* each has that name */
	size_t image_count;
	/* Above them; where it has no bytes, there is one image only. */
	struct nested_index index;
};

/* Takes over one image as the whole of it. */
int resolved_take(struct resolved *out, struct image *take_image,
		  struct ferry_error *err) MUST_CHECK;
void resolved_release(struct resolved *resolved);

struct blob {
	struct descriptor descriptor;
	const struct buffer *content; /* what the release has of it, or NULL */
	size_t image;		      /* the first image that uses it */
	const size_t *users;	      /* all images that use it, ascending */
	size_t uses;		      /* how many these are */
	bool plain;		      /* a layer nobody compressed yet */
	bool manifest;		      /* or an index: no blob to a registry */
};

struct release {
	/* By their names in the source; those of one name as their index has
	 * them. */
	struct image *images;
	size_t image_count;
	struct nested_index *indexes; /* in the order of their images */
	size_t index_count;
	/*
	 * Documents, name by name: the index, then manifest and config of each
	 * image.  Then compressed layers, then plain ones.
	 */
	struct blob *blobs;
	size_t blob_count;
	uint64_t blob_bytes;
	size_t *users; /* what the blobs' users point into */
};

/*
 * Takes over what names resolved to (the content, also on failure; the array
 * stays the caller's, in another order), sorts it by name and collects the
 * blobs.  One name that is there twice, or one digest with two sizes, are an
 * error.
 */
int release_init(struct release *out, struct resolved *take_resolved,
		 size_t count, struct ferry_error *err) MUST_CHECK;
void release_release(struct release *release);

/*
 * Puts the blobs into another order: by place(data, digest), which is -1 for
 * what has none and goes last.
 */
int release_reorder(struct release *release,
		    ssize_t (*place)(const void *data,
				     const struct digest *digest),
		    const void *data, struct ferry_error *err) MUST_CHECK;

#endif
