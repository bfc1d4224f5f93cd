/*
 * The tar of an archive that a runtime loads: first blobs of a release, in its
 * order, then documents.
 *
 * The documents are what makes images visible, so they stand at the end: who
 * breaks off before has shown nothing.  All sizes are known beforehand, and so
 * is the length of the whole.
 */
#ifndef TARGET_ARCHIVE_STREAM_H
#define TARGET_ARCHIVE_STREAM_H

#include "oci/release.h"
#include "source/source.h"

#define ARCHIVE_DOCUMENTS_MAX 3

struct archive_document {
	const char *name;
	struct buffer content;
};

/* Owns what it points to but the release; zeroed is empty. */
struct archive_stream {
	const struct release *release;
	bool *wanted; /* blob by blob of the release */
	struct archive_document documents[ARCHIVE_DOCUMENTS_MAX];
	size_t document_count;
};

/* Without any blob yet: set wanted[] for those that are in it. */
int archive_stream_init(struct archive_stream *out,
			const struct release *release, struct ferry_error *err)
	MUST_CHECK;
void archive_stream_release(struct archive_stream *stream);

/* A file behind the blobs and the documents before; takes `content` over. */
void archive_stream_add(struct archive_stream *stream, const char *name,
			struct buffer *take_content);

/* Bytes of its blobs that image number `image` uses. */
uint64_t archive_stream_part(const struct archive_stream *stream, size_t image);

/* Bytes of all its blobs. */
uint64_t archive_stream_blobs(const struct archive_stream *stream);

/* Bytes of the stream, and about how many its layers take once unpacked. */
uint64_t archive_stream_size(const struct archive_stream *stream);
uint64_t archive_stream_unpacked(const struct archive_stream *stream);

/*
 * Writes the stream, exactly archive_stream_size() bytes, into `to`.  Each
 * blob is fetched once, in the order of the release, from `source`, which
 * proves it; its error and that of `to` are passed on.  Before the documents
 * the rest of a source that is read once is proved too.
 */
int archive_stream_write(const struct archive_stream *stream,
			 struct source *source, struct sink *to,
			 struct ferry_error *err) MUST_CHECK;

/* "blobs/sha256/...", where a blob stands in it.  Returns `out`. */
#define ARCHIVE_PATH_MAX (sizeof("blobs/sha256/") + DIGEST_HEX)
const char *archive_stream_path(char out[ARCHIVE_PATH_MAX],
				const struct digest *digest);

#endif
