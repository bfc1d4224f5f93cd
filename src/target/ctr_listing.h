/*
 * What ctr and nerdctl print of what containerd has.
 *
 * It is text for people, so what is not understood counts as not there: it is
 * sent then, and if it cannot be seen afterwards either, that is said.
 */
#ifndef TARGET_CTR_LISTING_H
#define TARGET_CTR_LISTING_H

#include "codec/digest.h"
#include "oci/reference.h"

struct ctr_image {
	char name[REFERENCE_TEXT];
	struct digest digest;
	bool pinned;   /* the kubelet does not remove it */
	bool unpacked; /* or it is not known that it is not */
};

/* Owns what it points to; zeroed is empty. */
struct ctr_listing {
	struct ctr_image *images; /* by name */
	size_t image_count;
	struct digest *blobs; /* in the namespace; ascending */
	size_t blob_count;
	bool blobs_known; /* else an image that is there is there whole */
};

void ctr_listing_release(struct ctr_listing *listing);

/* Each of these adds what one command printed; `text` ends with a NUL. */

/* `ctr images ls`.  Once only. */
int ctr_listing_images(struct ctr_listing *listing, const char *text,
		       struct ferry_error *err) MUST_CHECK;
/* `ctr images check`, behind it: which ones are not unpacked. */
void ctr_listing_check(struct ctr_listing *listing, const char *text);
/* `ctr content ls -q`.  Once only. */
int ctr_listing_blobs(struct ctr_listing *listing, const char *text,
		      struct ferry_error *err) MUST_CHECK;
/* `nerdctl images` in the format of ctr.c: name, blank, digest.  Once only. */
int ctr_listing_names(struct ctr_listing *listing, const char *text,
		      struct ferry_error *err) MUST_CHECK;

/* NULL: there is no image of that name. */
const struct ctr_image *ctr_listing_find(const struct ctr_listing *listing,
					 const char *name);
/* True also where nobody knows. */
bool ctr_listing_has(const struct ctr_listing *listing,
		     const struct digest *blob);

/*
 * The "Version:" below `side` ("Client" or "Server") of `ctr version`; "" if
 * there is none.  Returns `out`.
 */
#define CTR_VERSION_MAX 32
const char *ctr_listing_version(char out[CTR_VERSION_MAX], const char *text,
				const char *side);

#endif
