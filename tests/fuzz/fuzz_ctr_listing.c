/*
 * What ctr prints: names are words, in order to be found again, and digests
 * are digests.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "target/ctr_listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct ctr_listing *listing)
{
	struct ferry_error err;
	struct digest digest;

	for (size_t i = 0; i < listing->image_count; i++) {
		const struct ctr_image *image = &listing->images[i];
		const struct ctr_image *found =
			ctr_listing_find(listing, image->name);

		if (!*image->name || strpbrk(image->name, " \t\n") || !found ||
		    strcmp(found->name, image->name) ||
		    digest_parse(&digest, image->digest.text, &err))
			abort();
	}
	for (size_t i = 0; i < listing->blob_count; i++)
		if (!ctr_listing_has(listing, &listing->blobs[i]))
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = strndup((const char *)data, size);
	AUTO(ctr_listing_release) struct ctr_listing ctr = { 0 };
	AUTO(ctr_listing_release) struct ctr_listing nerdctl = { 0 };
	char version[CTR_VERSION_MAX];
	struct ferry_error err;

	if (!text)
		return 0;
	if (!ctr_listing_images(&ctr, text, &err) &&
	    !ctr_listing_blobs(&ctr, text, &err)) {
		ctr_listing_check(&ctr, text);
		check(&ctr);
	}
	if (!ctr_listing_names(&nerdctl, text, &err))
		check(&nerdctl);
	ctr_listing_version(version, text, "Server:");
	return 0;
}
