/*
 * Releases made in memory, real to the last digest, for unit tests.
 */
#ifndef RELEASE_FIXTURE_H
#define RELEASE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "oci/release.h"

#define FIXTURE_LAYERS_MAX 4

/* A layer is `size` bytes of `fill`; plain: nobody compressed it yet. */
struct fixture_layer {
	char fill;
	size_t size;
	bool plain;
};

struct fixture_image {
	const char *name;
	struct fixture_layer layers[FIXTURE_LAYERS_MAX]; /* size 0: no more */
};

static inline struct digest
fixture_digest(struct fixture_layer layer)
{
	AUTO_FREE char *bytes = malloc(layer.size);
	struct ferry_error err;
	struct digest digest;

	memset(bytes, layer.fill, layer.size);
	assert_int_equal(digest_of(&digest, bytes, layer.size, &err), 0);
	return digest;
}

static inline void
fixture_config(struct buffer *out, const struct fixture_image *image)
{
	struct ferry_error err;

	out->limit = MANIFEST_MAX;
	assert_int_equal(
		buffer_format(out, &err,
			      "{\"architecture\":\"amd64\",\"os\":\"linux\","
			      "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":["),
		0);
	for (int i = 0; i < FIXTURE_LAYERS_MAX && image->layers[i].size; i++)
		assert_int_equal(
			buffer_format(out, &err, "%s\"%s\"", i ? "," : "",
				      fixture_digest(image->layers[i]).text),
			0);
	assert_int_equal(buffer_format(out, &err, "]}}"), 0);
}

static inline void
fixture_manifest(struct buffer *out, const struct fixture_image *image,
		 const struct buffer *config)
{
	struct ferry_error err;
	struct digest digest;

	out->limit = MANIFEST_MAX;
	assert_int_equal(digest_of(&digest, config->data, config->size, &err),
			 0);
	assert_int_equal(
		buffer_format(
			out, &err,
			"{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":"
			"{\"mediaType\":\"application/vnd.oci.image.config.v1"
			"+json\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[",
			MEDIA_TYPE_OCI_MANIFEST, digest.text, config->size),
		0);
	for (int i = 0; i < FIXTURE_LAYERS_MAX && image->layers[i].size; i++)
		assert_int_equal(
			buffer_format(
				out, &err,
				"%s{\"mediaType\":\"application/"
				"vnd.oci.image.layer.v1.tar%s\",\"digest\":"
				"\"%s\",\"size\":%zu}",
				i ? "," : "",
				image->layers[i].plain ? "" : "+gzip",
				fixture_digest(image->layers[i]).text,
				image->layers[i].size),
			0);
	assert_int_equal(buffer_format(out, &err, "]}"), 0);
}

static inline void
fixture_image(struct image *out, const struct fixture_image *image)
{
	struct ferry_error err;

	*out = (struct image){ 0 };
	assert_int_equal(reference_parse(&out->reference, image->name, &err),
			 0);
	fixture_config(&out->config_bytes, image);
	fixture_manifest(&out->manifest_bytes, image, &out->config_bytes);
	out->descriptor.size = out->manifest_bytes.size;
	assert_int_equal(digest_of(&out->descriptor.digest,
				   out->manifest_bytes.data,
				   out->manifest_bytes.size, &err),
			 0);
	if (image_parse_manifest(out, &err) || image_parse_config(out, &err))
		fail_msg("%s", err.message);
}

static inline void
fixture_release(struct release *out, const struct fixture_image *images,
		size_t count)
{
	AUTO_FREE struct resolved *made = calloc(count, sizeof(*made));
	struct ferry_error err;

	for (size_t i = 0; i < count; i++) {
		struct image image;

		fixture_image(&image, &images[i]);
		assert_int_equal(resolved_take(&made[i], &image, &err), 0);
	}
	if (release_init(out, made, count, &err))
		fail_msg("%s", err.message);
}

#endif
