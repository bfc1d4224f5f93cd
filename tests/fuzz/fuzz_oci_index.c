/*
 * index.json of a layout that somebody else made.  Whatever it is: once an
 * image has been added, its name stands for it, and the whole can be read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oci/manifest.h"
#include "target/oci_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
make_image(struct image *out)
{
	struct ferry_error err;

	*out = (struct image){ .descriptor = {
				       .media_type = MEDIA_TYPE_OCI_MANIFEST,
				       .size = 7,
			       } };
	if (reference_parse(&out->reference, "app:1", &err) ||
	    digest_of(&out->descriptor.digest, "content", 7, &err) ||
	    platform_parse(&out->platform, "linux/arm/v7", &err))
		abort();
}

/* What has been written must be what was meant, also to who reads it anew. */
static void
read_again(const struct oci_index *written, const struct image *image,
	   struct buffer *bytes)
{
	AUTO(oci_index_release) struct oci_index index = { 0 };
	struct ferry_error err;

	if (oci_index_write(written, bytes, &err))
		return;
	if (oci_index_parse(&index, bytes->data, bytes->size, &err) ||
	    !oci_index_has(&index, image))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(oci_index_release) struct oci_index index = { 0 };
	AUTO_BUFFER bytes = BUFFER(MANIFEST_MAX);
	struct image image;
	struct ferry_error err;
	char was[OCI_INDEX_DIGEST];
	bool had;

	if (oci_index_parse(&index, data, size, &err))
		return 0;
	make_image(&image);
	had = oci_index_has(&index, &image);
	if (oci_index_put(&index, &image, was, &err) ||
	    !oci_index_has(&index, &image) || had == index.changed)
		abort();
	if (json_array_size(index.entries) <= INDEX_ENTRIES_MAX)
		read_again(&index, &image, &bytes);
	return 0;
}
