#include "bundle/stream.h"

#include <string.h>

#include "base/text.h"
#include "bundle/derived.h"

struct bundle_stream {
	struct pipe *pipe;
	size_t next; /* the blob that comes next */
	/* Documents are being read, and kept: many images may share one. */
	bool collecting;
	struct buffer *documents; /* by their blobs' numbers; may be empty */
	size_t document_room;
	/* Of artifacts' configs nobody may ask yet, which costs memory. */
	size_t unread_left;
	uint64_t unread_bytes_left;
	struct seek_table compressed;
	bool ended;
	struct ferry_error failure; /* code OK: none */
};

void
bundle_stream_free(struct bundle_stream *stream)
{
	if (!stream)
		return;
	for (size_t i = 0; i < stream->document_room; i++)
		buffer_release(&stream->documents[i]);
	free(stream->documents);
	seek_table_release(&stream->compressed);
	pipe_close(stream->pipe);
	free(stream);
}

const struct ferry_error *
bundle_stream_failure(const struct bundle *bundle)
{
	const struct bundle_stream *stream = bundle->stream;

	return stream && stream->failure.code ? &stream->failure : NULL;
}

static int
say_failure(const struct bundle_stream *stream, struct ferry_error *err)
{
	*err = stream->failure;
	return err->code;
}

/* From here on nothing tells where the next blob begins, or if it is whole. */
static int
fail(struct bundle_stream *stream, struct ferry_error *err)
{
	if (!stream->failure.code)
		stream->failure = *err;
	return say_failure(stream, err);
}

/* Frames on their way in, and whether they are the ones as written. */
struct proved_frames {
	struct input input;
	struct input *from;
	struct proof proof;
};

static int
read_frames(struct input *base, void *data, size_t size, size_t *got,
	    struct ferry_error *err)
{
	struct proved_frames *frames = (struct proved_frames *)base;
	int rc = frames->from->read(frames->from, data, size, got, err);

	return rc ? rc : sink_write(&frames->proof.sink, data, *got, err);
}

static int
prove_compressed(const struct bundle *bundle, size_t blob, struct proof *proof,
		 struct ferry_error *err)
{
	struct bundle_stream *stream = bundle->stream;
	const struct placed_blob *b = &bundle->table.blobs[blob];
	struct proved_frames frames = { .input = { .read = read_frames },
					.from = &stream->pipe->input };
	int rc = proof_init(&frames.proof, NULL, &b->frames,
			    blob_table_packed(&bundle->table, blob), err);

	if (!rc)
		rc = bundle_prove_next(bundle, blob, &frames.input, proof,
				       &stream->compressed.listener, err);
	if (!rc)
		rc = proof_finish(&frames.proof, err);
	if (rc == FERRY_E_DIGEST)
		rc = error_set(err, FERRY_E_DAMAGED,
			       "its frames are not as written");
	proof_release(&frames.proof);
	return rc;
}

/* What a sink refused is not missing in the proof. */
struct lenient {
	struct sink sink;
	struct sink *next;
	struct ferry_error refusal; /* code OK: none */
};

static int
write_lenient(struct sink *base, const void *data, size_t size,
	      struct ferry_error *err)
{
	struct lenient *lenient = (struct lenient *)base;
	int rc;

	if (!lenient->next || lenient->refusal.code)
		return 0;
	rc = sink_write(lenient->next, data, size, err);
	if (rc == FERRY_E_INTERRUPTED || rc == FERRY_E_NOMEM)
		return rc;
	if (rc)
		lenient->refusal = *err;
	return 0;
}

static int
prove_next(const struct bundle *bundle, struct proof *proof,
	   struct ferry_error *err)
{
	struct bundle_stream *stream = bundle->stream;
	size_t blob = stream->next++;
	const struct placed_blob *b = &bundle->table.blobs[blob];
	struct lenient lenient = { .sink = { .write = write_lenient },
				   .next = proof->next };
	int rc;

	proof->next = &lenient.sink;
	rc = digest_is_set(&b->frames)
		     ? prove_compressed(bundle, blob, proof, err)
		     : bundle_prove_next(bundle, blob, &stream->pipe->input,
					 proof, NULL, err);
	proof->next = lenient.next;
	if (rc == FERRY_E_DAMAGED)
		error_wrap(err, "blob %s", b->digest.text);
	if (rc)
		return fail(stream, err);
	if (lenient.refusal.code)
		*err = lenient.refusal;
	return lenient.refusal.code;
}

/* What passes while nobody wants it, on a display. */
struct passing {
	struct sink sink;
	struct transfer transfer;
};

static int
watch(struct sink *sink, const void *data, size_t size, struct ferry_error *err)
{
	struct transfer *transfer = &((struct passing *)sink)->transfer;

	(void)data;
	(void)err;
	transfer_set(transfer, transfer->done + size);
	return 0;
}

static int
pass_next(const struct bundle *bundle, struct ferry_error *err)
{
	struct bundle_stream *stream = bundle->stream;
	const struct placed_blob *b = &bundle->table.blobs[stream->next];
	AUTO(proof_release) struct proof proof = { 0 };
	struct passing passing = { .sink = { .write = watch } };
	int rc = proof_init(&proof, &passing.sink, &b->digest, b->size, err);

	if (rc)
		return rc;
	transfer_start(&passing.transfer, stream->pipe->context,
		       "passing by, not wanted", b->size);
	rc = prove_next(bundle, &proof, err);
	transfer_end(&passing.transfer);
	return rc;
}

static int
keep_next(const struct bundle *bundle, struct buffer *out,
	  struct ferry_error *err)
{
	const struct placed_blob *b =
		&bundle->table.blobs[bundle->stream->next];
	AUTO(proof_release) struct proof proof = { 0 };
	struct buffer_sink sink;
	int rc;

	out->limit = b->size;
	buffer_sink_init(&sink, out);
	rc = proof_init(&proof, &sink.sink, &b->digest, b->size, err);
	return rc ? rc : prove_next(bundle, &proof, err);
}

/*
 * Of an artifact's documents only the manifest is asked for.  Its config lies
 * behind that, and is kept for when its turn comes.
 */
static int
allow_unread(struct bundle_stream *stream, uint64_t size,
	     struct ferry_error *err)
{
	if (!stream->unread_left)
		return error_set(err, FERRY_E_DAMAGED,
				 "the blobs are out of order");
	if (size > stream->unread_bytes_left)
		return error_set(err, FERRY_E_FAILED,
				 "its artifacts have too large configs to be "
				 "kept while a pipe passes; load it from a "
				 "file, or with --spool DIR");
	stream->unread_left--;
	stream->unread_bytes_left -= size;
	return 0;
}

/* Keeps all up to that blob, which is a document. */
static int
collect(const struct bundle *bundle, size_t blob, struct ferry_error *err)
{
	struct bundle_stream *stream = bundle->stream;
	int rc = 0;

	if (blob >= stream->document_room)
		return error_set(err, FERRY_E_DAMAGED,
				 "the blobs are out of order");
	while (stream->next <= blob && !rc) {
		size_t next = stream->next;

		if (next < blob)
			rc = allow_unread(stream,
					  bundle->table.blobs[next].size, err);
		if (!rc)
			rc = keep_next(bundle, &stream->documents[next], err);
	}
	return rc;
}

/* Once more, out of memory. */
static int
repeat(const struct bundle *bundle, size_t blob, struct proof *proof,
       struct ferry_error *err)
{
	const struct bundle_stream *stream = bundle->stream;
	const struct buffer *kept;
	int rc = 0;

	if (blob >= stream->document_room ||
	    stream->documents[blob].size != bundle->table.blobs[blob].size)
		return error_set(err, FERRY_E_FAILED,
				 "it has passed, and a pipe does not go back; "
				 "with --spool DIR it can be read again");
	kept = &stream->documents[blob];
	if (proof->seen < kept->size)
		rc = sink_write(&proof->sink, kept->data + proof->seen,
				kept->size - proof->seen, err);
	return rc ? rc : proof_finish(proof, err);
}

int
bundle_stream_prove(const struct bundle *bundle, size_t blob,
		    struct proof *proof, struct ferry_error *err)
{
	struct bundle_stream *stream = bundle->stream;
	int rc = 0;

	if (stream->failure.code)
		return say_failure(stream, err);
	if (stream->collecting && collect(bundle, blob, err))
		return fail(stream, err);
	if (blob < stream->next)
		return repeat(bundle, blob, proof, err);
	while (stream->next < blob && !rc)
		rc = pass_next(bundle, err);
	return rc ? rc : prove_next(bundle, proof, err);
}

static int
compare_end(const struct bundle *bundle, struct ferry_error *err)
{
	struct bundle_stream *stream = bundle->stream;
	AUTO_BUFFER expected = BUFFER(SEEK_TABLE_BYTES);
	uint8_t found[SEEK_TABLE_BYTES];
	size_t more = 0;
	int rc =
		derived_seek_table(bundle, &stream->compressed, &expected, err);

	if (!rc)
		rc = input_read(&stream->pipe->input, found, expected.size,
				err);
	if (!rc && expected.size &&
	    memcmp(found, expected.data, expected.size) != 0)
		rc = error_set(err, FERRY_E_DAMAGED, "the seek table is wrong");
	if (!rc)
		rc = pipe_read(stream->pipe, found, 1, &more, err);
	if (!rc && more)
		rc = error_set(err, FERRY_E_DAMAGED,
			       "something follows behind its end");
	return rc;
}

int
bundle_stream_finish(const struct bundle *bundle, struct ferry_error *err)
{
	struct bundle_stream *stream = bundle->stream;
	int rc = 0;

	if (stream->failure.code)
		return say_failure(stream, err);
	if (stream->ended)
		return 0;
	while (stream->next < bundle->table.count && !rc)
		rc = pass_next(bundle, err);
	if (!rc && compare_end(bundle, err))
		rc = fail(stream, err);
	stream->ended = !rc;
	return rc;
}

static int
read_images(struct bundle *bundle, struct resolved *images, size_t *count,
	    struct ferry_error *err)
{
	const struct statement *statement = &bundle->statement;
	int rc = 0;

	for (size_t i = 0; i < statement->image_count && !rc;
	     i += statement_run(statement, i)) {
		rc = bundle_read_name(bundle, i, &images[*count], err);
		*count += !rc;
		if (rc == FERRY_E_DAMAGED)
			error_wrap(err, "%s", statement->images[i].name);
	}
	return rc;
}

/* All images, as their documents make them. */
static int
make_release(struct bundle *bundle, struct release *out,
	     struct ferry_error *err)
{
	AUTO_FREE struct resolved *images =
		calloc(bundle->statement.image_count, sizeof(*images));
	size_t count = 0;
	int rc = images ? read_images(bundle, images, &count, err)
			: error_nomem(err);

	if (!rc) {
		rc = release_init(out, images, count, err);
		return rc == FERRY_E_FAILED ? (err->code = FERRY_E_DAMAGED)
					    : rc;
	}
	for (size_t i = 0; i < count; i++)
		resolved_release(&images[i]);
	return rc;
}

static int
check_documents(struct bundle *bundle, struct ferry_error *err)
{
	AUTO(release_release) struct release release = { 0 };
	int rc = derived_check_signatures(bundle, err);

	if (!rc)
		rc = make_release(bundle, &release, err);
	if (!rc && !derived_lists_blobs(&bundle->table, &release))
		rc = error_set(err, FERRY_E_DAMAGED,
			       "its blobs are not those that its images need, "
			       "or are out of order");
	return rc ? rc : derived_check_front(bundle, &release, err);
}

static void
prepare_collecting(struct bundle *bundle)
{
	struct bundle_stream *stream = bundle->stream;
	const struct statement *statement = &bundle->statement;
	size_t most = 3 * statement->image_count;

	stream->collecting = true;
	stream->unread_bytes_left = LARGE_DOCUMENTS;
	for (size_t i = 0; i < statement->image_count; i++)
		stream->unread_left += statement->images[i].artifact;
	stream->document_room =
		most < bundle->table.count ? most : bundle->table.count;
	stream->documents =
		calloc(stream->document_room, sizeof(*stream->documents));
}

/* How long it all is follows from the front. */
static int
find_length(struct bundle *bundle, struct ferry_error *err)
{
	uint64_t table = seek_table_size(derived_frames(bundle));

	if (__builtin_add_overflow(bundle->first, bundle->table.end,
				   &bundle->file_bytes) ||
	    __builtin_add_overflow(bundle->file_bytes, table,
				   &bundle->file_bytes))
		return error_set(err, FERRY_E_DAMAGED, "too many bytes");
	bundle->stream->pipe->expected = bundle->file_bytes;
	return 0;
}

static int
read_documents(struct bundle *bundle, struct ferry_error *err)
{
	struct bundle_stream *stream = bundle->stream;
	int rc;

	prepare_collecting(bundle);
	if (!stream->documents)
		return error_nomem(err);
	rc = check_documents(bundle, err);
	/* Whoever asked for a document has put it into words of his own. */
	if (rc && stream->failure.code)
		rc = say_failure(stream, err);
	stream->collecting = false;
	bundle->large_left = LARGE_DOCUMENTS;
	return rc;
}

static int
read_beginning(struct bundle *bundle, struct ferry_error *err)
{
	struct pipe *pipe = bundle->stream->pipe;
	int rc = 0;

	if (!bundle_begins(pipe->head, pipe->head_size))
		rc = bundle_refuse(pipe->head, pipe->head_size, err);
	if (!rc)
		rc = bundle_read_front(bundle, &pipe->input, err);
	if (!rc)
		rc = find_length(bundle, err);
	if (!rc)
		rc = read_documents(bundle, err);
	return rc == FERRY_E_DAMAGED ? error_wrap(err, "%s", bundle->path) : rc;
}

int
bundle_open_stream(struct bundle **out, struct pipe *take_pipe,
		   struct ferry_error *err)
{
	struct bundle *bundle = calloc(1, sizeof(*bundle));
	struct bundle_stream *stream = calloc(1, sizeof(*stream));
	int rc = bundle && stream ? 0 : error_nomem(err);

	if (rc) {
		pipe_close(take_pipe);
		free(bundle);
		free(stream);
		return rc;
	}
	stream->pipe = take_pipe;
	seek_table_init(&stream->compressed);
	bundle->stream = stream;
	bundle->fd = -1;
	bundle->front.limit = FRONT_MAX;
	bundle->large_left = LARGE_DOCUMENTS;
	rc = text_copy(&bundle->path, take_pipe->name, err);
	if (!rc)
		rc = read_beginning(bundle, err);
	if (rc)
		bundle_close(bundle);
	else
		*out = bundle;
	return rc;
}
