/*
 * gzip and zstd, by libarchive's filters.
 */
#include <stdbool.h>
#include <stdlib.h>

#include <archive_entry.h>

#include "archive/library.h"

struct unpacked {
	struct stream stream;
	struct stream *packed;
	struct library_input input;
	struct archive *reader;
	uint64_t made; /* unpacked bytes so far */
};

/* Raw: the whole of what the filters make is one entry. */
static int
begin(struct unpacked *unpacked, struct ferry_error *err)
{
	struct archive *reader = archive_read_new();
	struct archive_entry *entry;
	int rc;

	unpacked->reader = reader;
	if (!reader || archive_read_support_filter_gzip(reader) ||
	    archive_read_support_filter_zstd(reader) ||
	    archive_read_support_format_raw(reader))
		return error_nomem(err);
	rc = library_open(reader, &unpacked->input, err);
	if (rc)
		return rc;
	/* One filter, and the reading itself. */
	if (archive_filter_count(reader) > 2)
		return error_set(err, FERRY_E_FAILED,
				 "it is compressed more than once");
	if (archive_read_next_header(reader, &entry) != ARCHIVE_OK)
		return library_failure(reader, &unpacked->input, err);
	return 0;
}

static int
check_ratio(const struct unpacked *unpacked, struct ferry_error *err)
{
	if (unpacked->made < STREAM_SLACK ||
	    unpacked->made / STREAM_RATIO < unpacked->input.taken)
		return 0;
	return error_set(err, FERRY_E_FAILED,
			 "it unpacks to more than %d times its size",
			 STREAM_RATIO);
}

static int
next(struct stream *base, const void **piece, size_t *size,
     struct ferry_error *err)
{
	struct unpacked *unpacked = (struct unpacked *)base;
	la_int64_t offset;
	int rc;

	*size = 0;
	do
		rc = archive_read_data_block(unpacked->reader, piece, size,
					     &offset);
	while (rc == ARCHIVE_OK && !*size);
	if (rc == ARCHIVE_EOF) {
		*size = 0;
		return 0;
	}
	if (rc != ARCHIVE_OK)
		return library_failure(unpacked->reader, &unpacked->input, err);
	unpacked->made += *size;
	return check_ratio(unpacked, err);
}

static void
close_unpacked(struct stream *base)
{
	struct unpacked *unpacked = (struct unpacked *)base;

	if (unpacked->reader)
		archive_read_free(unpacked->reader);
	stream_close(unpacked->packed);
	free(unpacked);
}

int
stream_unpacked(struct stream **out, struct stream *take_packed,
		struct ferry_error *err)
{
	struct unpacked *unpacked = calloc(1, sizeof(*unpacked));
	int rc;

	if (!unpacked) {
		stream_close(take_packed);
		return error_nomem(err);
	}
	unpacked->stream =
		(struct stream){ .next = next, .close = close_unpacked };
	unpacked->packed = take_packed;
	unpacked->input.stream = take_packed;
	rc = begin(unpacked, err);
	if (rc)
		close_unpacked(&unpacked->stream);
	else
		*out = &unpacked->stream;
	return rc;
}
