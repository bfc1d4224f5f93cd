#include "target/oci_stream.h"

#include <string.h>

#include "oci/catalog.h"

/* What stands below one index is sent as a whole, or not at all. */
static bool
name_is_sent(const struct release *release, const bool *send, size_t image)
{
	const struct nested_index *nested = release->images[image].nested;

	if (!send)
		return true;
	if (!nested)
		return send[image];
	for (size_t i = 0; i < nested->image_count; i++)
		if (!send[nested->first_image + i])
			return false;
	return true;
}

static void
want_image(struct archive_stream *stream, const struct image *image,
	   const bool *have)
{
	for (size_t i = 0; i < image->blob_count; i++)
		if (!have || !have[image->blobs[i]])
			stream->wanted[image->blobs[i]] = true;
}

/* How many are chosen. */
static size_t
choose(struct archive_stream *stream, bool *chosen,
       const struct oci_stream_options *options)
{
	const struct release *release = stream->release;
	size_t count = 0;

	for (size_t i = 0; i < release->image_count; i++) {
		chosen[i] = name_is_sent(release, options->send, i);
		count += chosen[i];
		if (chosen[i])
			want_image(stream, &release->images[i], options->have);
	}
	return count;
}

static int
add_layout(struct archive_stream *stream, struct ferry_error *err)
{
	AUTO_BUFFER text = BUFFER(CATALOG_MAX);
	int rc = buffer_append(&text, CATALOG_LAYOUT, strlen(CATALOG_LAYOUT),
			       err);

	if (!rc)
		archive_stream_add(stream, CATALOG_LAYOUT_NAME, &text);
	return rc;
}

static int
add_index(struct archive_stream *stream, const bool *chosen,
	  const bool *nameless, struct ferry_error *err)
{
	AUTO_BUFFER text = BUFFER(CATALOG_MAX);
	int rc = catalog_index(&text, stream->release, chosen, nameless, err);

	if (!rc)
		archive_stream_add(stream, CATALOG_INDEX_NAME, &text);
	return rc;
}

static int
add_manifest(struct archive_stream *stream, const bool *chosen,
	     struct ferry_error *err)
{
	AUTO_BUFFER text = BUFFER(CATALOG_MAX);
	int rc = catalog_archive(&text, stream->release, chosen, err);

	if (!rc)
		archive_stream_add(stream, CATALOG_ARCHIVE_NAME, &text);
	return rc;
}

static int
plan(struct archive_stream *stream, const struct oci_stream_options *options,
     struct ferry_error *err)
{
	AUTO_FREE bool *chosen =
		calloc(stream->release->image_count + 1, sizeof(*chosen));
	int rc;

	if (!chosen)
		return error_nomem(err);
	if (choose(stream, chosen, options) == 0)
		return 0;
	rc = add_layout(stream, err);
	if (!rc)
		rc = add_index(stream, chosen, options->nameless, err);
	if (!rc && options->docker_archive)
		rc = add_manifest(stream, chosen, err);
	return rc;
}

int
oci_stream_init(struct archive_stream *out, const struct release *release,
		const struct oci_stream_options *options,
		struct ferry_error *err)
{
	AUTO(archive_stream_release) struct archive_stream stream = { 0 };
	int rc = archive_stream_init(&stream, release, err);

	if (!rc)
		rc = plan(&stream, options, err);
	if (rc)
		return rc;
	*out = stream;
	stream = (struct archive_stream){ 0 };
	return 0;
}
