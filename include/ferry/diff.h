/*
 * What changes from one release to the next: images, blobs, bytes to carry.
 */
#ifndef FERRY_DIFF_H
#define FERRY_DIFF_H

#include <stddef.h>
#include <stdint.h>

#include "ferry/context.h"
#include "ferry/error.h"
#include "ferry/pack.h"

#ifdef __cplusplus
extern "C" {
#endif

enum ferry_change {
	FERRY_UNCHANGED, /* the same manifest under the same name */
	FERRY_CHANGED,
	FERRY_ADDED,
	FERRY_REMOVED,
	FERRY_CHANGES, /* how many there are */
};

struct ferry_diff_image {
	const char *name;     /* as Docker shows it: "redis:7-alpine" */
	const char *platform; /* NULL: no image, but what stands beside one */
	enum ferry_change change;
	const char *old_digest; /* of the manifest; NULL: not there before */
	const char *new_digest; /* NULL: not there any more */
	uint64_t size;		/* bytes of its blobs, now, or when it went */
	uint64_t fresh;		/* of these, what the old release lacks */
};

struct ferry_diff_blobs {
	size_t count;
	uint64_t bytes;
};

struct ferry_diff_info {
	const struct ferry_diff_image *images; /* by name and platform */
	size_t image_count;
	size_t changes[FERRY_CHANGES]; /* how many images of each */
	/* Unique blobs: */
	struct ferry_diff_blobs kept;  /* in both */
	struct ferry_diff_blobs fresh; /* in the new one only: to be carried */
	struct ferry_diff_blobs gone;  /* in the old one only */
};

struct ferry_diff;

/* Whether a file begins as bundles do; of one that cannot be read: no. */
int ferry_diff_is_bundle(const char *path);

/* Reads the metadata of two bundles. */
int ferry_diff_bundles(const char *old_bundle, const char *new_bundle,
		       struct ferry_diff **out, struct ferry_error *err);

/*
 * A bundle and what ferry_pack_run() would make; the plan has to be without
 * refusals.
 */
int ferry_diff_plan(const char *old_bundle, const struct ferry_pack *pack,
		    struct ferry_diff **out, struct ferry_error *err);

/* Lives as long as `diff`. */
const struct ferry_diff_info *
ferry_diff_get_info(const struct ferry_diff *diff);

void ferry_diff_free(struct ferry_diff *diff);

#ifdef __cplusplus
}
#endif
#endif
