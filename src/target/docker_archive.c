#include "target/docker_archive.h"

#include <string.h>

#include "oci/catalog.h"
#include "target/docker_image.h"

/* The blobs of an image are known to the release by number only. */
static void
want(struct archive_stream *stream, const struct image *image,
     const struct digest *digest)
{
	const struct blob *blobs = stream->release->blobs;

	for (size_t i = 0; i < image->blob_count; i++)
		if (digest_equal(&blobs[image->blobs[i]].descriptor.digest,
				 digest))
			stream->wanted[image->blobs[i]] = true;
}

static void
want_image(struct archive_stream *stream, const struct image *image,
	   size_t have)
{
	want(stream, image, docker_image_id(DOCKER_CLASSIC, image));
	for (size_t i = have; i < image->manifest.layer_count; i++)
		want(stream, image, &image->manifest.layers[i].digest);
}

/*
 * The entry of an image before with the same ID, or NULL.  All pairs are
 * looked at, which takes some 50 ms for a thousand images.
 */
static json_t *
find_entry(const json_t *entries, const struct image *image)
{
	char path[ARCHIVE_PATH_MAX];
	json_t *entry;
	size_t i;

	archive_stream_path(path, docker_image_id(DOCKER_CLASSIC, image));
	json_array_foreach (entries, i, entry)
		if (strcmp(json_string_value(json_object_get(entry, "Config")),
			   path) == 0)
			return entry;
	return NULL;
}

static int
add_image(struct archive_stream *stream, json_t *entries,
	  const struct image *image, size_t have, struct ferry_error *err)
{
	json_t *entry = find_entry(entries, image);

	if (!entry) {
		entry = catalog_archive_entry(image);
		if (json_array_append_new(entries, entry))
			return error_nomem(err);
		want_image(stream, image, have);
	}
	return catalog_archive_name(entry, image, err);
}

static int
plan(struct archive_stream *stream, const bool *send, const size_t *have,
     struct ferry_error *err)
{
	AUTO_BUFFER manifest = BUFFER(CATALOG_MAX);
	AUTO_JSON *entries = json_array();
	const struct release *release = stream->release;
	int rc = 0;

	if (!entries)
		return error_nomem(err);
	for (size_t i = 0; !rc && i < release->image_count; i++)
		if (send[i])
			rc = add_image(stream, entries, &release->images[i],
				       have[i], err);
	if (rc || json_array_size(entries) == 0)
		return rc;
	rc = json_write(entries, &manifest, err);
	if (!rc)
		archive_stream_add(stream, CATALOG_ARCHIVE_NAME, &manifest);
	return rc;
}

int
docker_archive_init(struct archive_stream *out, const struct release *release,
		    const bool *send, const size_t *have,
		    struct ferry_error *err)
{
	AUTO(archive_stream_release) struct archive_stream stream = { 0 };
	int rc = archive_stream_init(&stream, release, err);

	if (!rc)
		rc = plan(&stream, send, have, err);
	if (rc)
		return rc;
	*out = stream;
	stream = (struct archive_stream){ 0 };
	return 0;
}
