/*
 * Looking into a bundle, and proving it.
 */
#ifndef FERRY_BUNDLE_H
#define FERRY_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

#include "ferry/context.h"
#include "ferry/error.h"
#include "ferry/index.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ferry_bundle_image {
	const char *name;      /* as Docker shows it: "redis:7-alpine" */
	const char *reference; /* in full: "docker.io/library/redis:7-alpine" */
	const char *platform;
	const char *digest;	  /* of the manifest carried */
	const char *index_digest; /* it was chosen from, or NULL */
	const char *within;	  /* digest of the index carried above it */
	uint64_t size;		  /* bytes of its blobs, each once */
	uint64_t shared;	  /* of these, what other images have too */
};

struct ferry_bundle_info {
	/* By reference; several of one name are below one index. */
	const struct ferry_bundle_image *images;
	size_t image_count;
	const struct ferry_index *indexes; /* by reference */
	size_t index_count;
	size_t blob_count;
	uint64_t blob_bytes; /* of all unique blobs */
	uint64_t file_bytes;
};

struct ferry_bundle;

/*
 * Reads and checks the metadata at the front, whatever the file's size.
 * FERRY_E_DAMAGED when it is no bundle or its metadata contradict each other.
 */
int ferry_bundle_open(const char *path, struct ferry_bundle **out,
		      struct ferry_error *err);
const struct ferry_bundle_info *
ferry_bundle_get_info(const struct ferry_bundle *bundle);
void ferry_bundle_close(struct ferry_bundle *bundle);

/*
 * What is known of one image (or of all: `image` NULL) as a JSON document in
 * *out, which the caller frees with free().  `image` is a reference as people
 * write it; FERRY_E_NOT_FOUND lists what there is.
 */
int ferry_bundle_inspect(struct ferry_bundle *bundle, const char *image,
			 char **out, struct ferry_error *err);

/* What ferry_bundle_verify() found, image by image and blob by blob. */
struct ferry_damage {
	char *image;	    /* the first that needs the blob; NULL: no one's */
	size_t image_count; /* how many need it */
	char *digest;	    /* of the blob; NULL: not inside a blob */
	char *what;
};

/* So many are told at most; more tell a person nothing new. */
#define FERRY_DAMAGES_MAX 1000

struct ferry_verification {
	struct ferry_damage *damages;
	size_t damage_count;
};

/*
 * Proves every byte: framing, names, metadata, sizes and digests, nothing
 * missing, nothing extra.  0 only if all holds; else FERRY_E_DAMAGED, with
 * the first damage in `err` and all of them in *out.  *out may be set after a
 * failure too; free it in any case.
 */
int ferry_bundle_verify(struct ferry_context *context,
			struct ferry_bundle *bundle, unsigned jobs,
			struct ferry_verification **out,
			struct ferry_error *err);
void ferry_verification_free(struct ferry_verification *verification);

#ifdef __cplusplus
}
#endif
#endif
