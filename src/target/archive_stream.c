#include "target/archive_stream.h"

#include <assert.h>
#include <stdio.h>

#include "codec/tar.h"

/*
 * Layers of real images unpack to 2 to 3 times their size with gzip, and
 * hardly more with zstd: this estimate is on the safe side.
 */
#define UNPACKED_FACTOR 3

const char *
archive_stream_path(char out[ARCHIVE_PATH_MAX], const struct digest *digest)
{
	snprintf(out, ARCHIVE_PATH_MAX, "blobs/sha256/%s", digest_hex(digest));
	return out;
}

int
archive_stream_init(struct archive_stream *out, const struct release *release,
		    struct ferry_error *err)
{
	bool *wanted = calloc(release->blob_count + 1, sizeof(*wanted));

	if (!wanted)
		return error_nomem(err);
	*out = (struct archive_stream){ .release = release, .wanted = wanted };
	return 0;
}

void
archive_stream_release(struct archive_stream *stream)
{
	free(stream->wanted);
	for (size_t i = 0; i < stream->document_count; i++)
		buffer_release(&stream->documents[i].content);
	*stream = (struct archive_stream){ 0 };
}

void
archive_stream_add(struct archive_stream *stream, const char *name,
		   struct buffer *take_content)
{
	assert(stream->document_count < ARCHIVE_DOCUMENTS_MAX);
	stream->documents[stream->document_count++] =
		(struct archive_document){ name, *take_content };
	*take_content = (struct buffer){ 0 };
}

uint64_t
archive_stream_part(const struct archive_stream *stream, size_t number)
{
	const struct image *image = &stream->release->images[number];
	uint64_t size = 0;

	for (size_t i = 0; i < image->blob_count; i++)
		if (stream->wanted[image->blobs[i]])
			size += stream->release->blobs[image->blobs[i]]
					.descriptor.size;
	return size;
}

uint64_t
archive_stream_blobs(const struct archive_stream *stream)
{
	const struct release *release = stream->release;
	uint64_t size = 0;

	for (size_t i = 0; i < release->blob_count; i++)
		if (stream->wanted[i])
			size += release->blobs[i].descriptor.size;
	return size;
}

static uint64_t
member_size(uint64_t size)
{
	return tar_member_head_size(size) + size + tar_padding(size);
}

/* DESCRIPTOR_SIZE_MAX keeps these sums far from an overflow. */
uint64_t
archive_stream_size(const struct archive_stream *stream)
{
	const struct release *release = stream->release;
	uint64_t size = TAR_END;

	for (size_t i = 0; i < release->blob_count; i++)
		if (stream->wanted[i])
			size += member_size(release->blobs[i].descriptor.size);
	for (size_t i = 0; i < stream->document_count; i++)
		size += member_size(stream->documents[i].content.size);
	return size;
}

static uint64_t
unpacked_size(const struct blob *blob)
{
	if (blob->content || blob->plain)
		return blob->descriptor.size;
	return blob->descriptor.size * UNPACKED_FACTOR;
}

uint64_t
archive_stream_unpacked(const struct archive_stream *stream)
{
	const struct release *release = stream->release;
	uint64_t size = 0;

	for (size_t i = 0; i < release->blob_count; i++)
		if (stream->wanted[i])
			size += unpacked_size(&release->blobs[i]);
	return size;
}

static int
write_head(struct sink *to, const char *name, uint64_t size,
	   struct ferry_error *err)
{
	uint8_t head[TAR_HEAD_MAX];
	size_t length = tar_member_head(head, name, size);

	return sink_write(to, head, length, err);
}

static int
write_zeros(struct sink *to, size_t size, struct ferry_error *err)
{
	static const uint8_t zeros[TAR_END];

	return size ? sink_write(to, zeros, size, err) : 0;
}

static int
write_blob(const struct archive_stream *stream, struct source *source,
	   const struct blob *blob, struct sink *to, struct ferry_error *err)
{
	char path[ARCHIVE_PATH_MAX];
	uint64_t size = blob->descriptor.size;
	int rc = write_head(to,
			    archive_stream_path(path, &blob->descriptor.digest),
			    size, err);

	if (rc)
		return rc;
	rc = source_fetch(source, 0, stream->release, blob, to, err);
	if (rc == FERRY_E_DAMAGED)
		return error_wrap(err, "blob %s", blob->descriptor.digest.text);
	return rc ? rc : write_zeros(to, tar_padding(size), err);
}

static int
write_document(const struct archive_document *document, struct sink *to,
	       struct ferry_error *err)
{
	const struct buffer *content = &document->content;
	int rc = write_head(to, document->name, content->size, err);

	if (!rc)
		rc = sink_write(to, content->data, content->size, err);
	return rc ? rc : write_zeros(to, tar_padding(content->size), err);
}

int
archive_stream_write(const struct archive_stream *stream, struct source *source,
		     struct sink *to, struct ferry_error *err)
{
	const struct release *release = stream->release;
	int rc = 0;

	for (size_t i = 0; !rc && i < release->blob_count; i++)
		if (stream->wanted[i])
			rc = write_blob(stream, source, &release->blobs[i], to,
					err);
	if (!rc)
		rc = source_finish(source, err);
	for (size_t i = 0; !rc && i < stream->document_count; i++)
		rc = write_document(&stream->documents[i], to, err);
	return rc ? rc : write_zeros(to, TAR_END, err);
}
