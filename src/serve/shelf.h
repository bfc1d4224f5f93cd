/*
 * What is served, by the names it is asked for.
 *
 * An image is called as `ferry load` would call it in a registry: the host of
 * its source dropped, the path kept, Docker Hub's "library/" dropped.  It
 * answers to its repository as the source had it ("library/redis") and to the
 * full path ("docker.io/library/redis") too, where no image has that name by
 * the first rule.
 *
 * Built once, then only read, from any thread.
 */
#ifndef SERVE_SHELF_H
#define SERVE_SHELF_H

#include "bundle/reader.h"

/* A manifest or an index: a blob with a type. */
struct document {
	const struct bundle *bundle;
	size_t blob; /* in its table */
	struct descriptor descriptor;
};

/* What one name stands for, for people. */
struct shown_image {
	char repository[REFERENCE_REPOSITORY_MAX]; /* "redis" */
	char reference[REFERENCE_TEXT]; /* "docker.io/library/redis:7" */
	char tag[REFERENCE_TAG_MAX];	/* or "": it has a digest only */
	char *platforms;		/* "linux/amd64, linux/arm64" */
	struct document document;	/* what the tag leads to */
	uint64_t size;			/* of its blobs, each once */
};

/* A way to a document: repository and tag, or repository and digest. */
struct entry {
	const char *repository;
	const char *reference; /* "7" or "sha256:..." */
	unsigned rank;	       /* 0: by the first rule, 1: by another name */
	size_t image;	       /* the one that brought it */
	struct document document;
};

struct shelf {
	struct shown_image *images; /* by name, once it is settled */
	size_t image_count, image_room;
	struct entry *entries; /* by repository, then reference */
	size_t entry_count, entry_room;
	struct text_block *texts; /* what the entries point to */
	const struct bundle **bundles;
	size_t bundle_count;
};

/* Adds all images of a bundle, which stays borrowed; the release does not. */
int shelf_add(struct shelf *shelf, const struct bundle *bundle,
	      const struct release *release, struct ferry_error *err)
	MUST_CHECK;

/*
 * To be called when all are in.  One name and tag for two digests is
 * FERRY_E_USAGE, naming both images and their bundles.
 */
int shelf_settle(struct shelf *shelf, struct ferry_error *err) MUST_CHECK;
void shelf_release(struct shelf *shelf);

/* By a tag or a digest; NULL: there is none. */
const struct document *shelf_find(const struct shelf *shelf,
				  const char *repository,
				  const char *reference);

/* Whether there is an image in it, by whichever name. */
bool shelf_has(const struct shelf *shelf, const char *repository);

/*
 * The blob in the next bundle that has it, from the one with the number *from
 * (0: the first) on; false: none has.  *from goes on behind it.
 */
bool shelf_find_blob(const struct shelf *shelf, const struct digest *digest,
		     size_t *from, struct document *out);

/*
 * The next name behind `last` (NULL: the first), of repositories by the first
 * rule, or of tags of `repository`; NULL: there is none.  "last" need not be a
 * name that there is.
 */
const char *shelf_next_repository(const struct shelf *shelf, const char *last);
const char *shelf_next_tag(const struct shelf *shelf, const char *repository,
			   const char *last);

#endif
