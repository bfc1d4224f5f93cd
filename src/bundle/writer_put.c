#include "bundle/writer_state.h"

#include "bundle/member.h"

/*
 * What is in the file is noted down every NOTE_BYTES, or so many milliseconds
 * if that is sooner: a kill costs no more.  To keep the journal small, that are
 * more bytes of a large blob, and a fraction of them at least at any time.
 */
#define NOTE_PARTS 4096 /* of a blob */
#define NOTE_MILLISECONDS 50
#define NOTE_FRACTION 4

/* A blob's content on its way into raw frames, noted down as it comes. */
struct noting_sink {
	struct sink sink;
	struct bundle_writer *writer;
	size_t blob;
	struct frame_encoder *encoder;
	const struct file_sink *file;
	uint64_t every; /* bytes */
	uint64_t noted; /* offset in the file, of what is noted down */
	uint64_t noted_at;
	bool any; /* content has passed */
};

/* What there is of a blob already. */
struct found {
	const struct leftover *leftover;
	size_t blob;	  /* its number there */
	uint64_t content; /* bytes of it, from its beginning; 0: nothing */
};

/* That the file has the blob up to where its sink stands. */
static void
note(struct noting_sink *noting)
{
	uint64_t place = writer_place(noting->writer, noting->blob);

	if (noting->file->offset <= noting->noted)
		return;
	journal_log_raw(&noting->writer->log, noting->blob,
			noting->file->offset - place);
	noting->noted = noting->file->offset;
	noting->noted_at = clock_milliseconds();
}

/* Whether it is time for what has been taken meanwhile, written or not. */
static bool
is_due(const struct noting_sink *noting)
{
	uint64_t taken = noting->file->offset + noting->encoder->staged;

	return taken >= noting->noted + noting->every / NOTE_FRACTION &&
	       clock_milliseconds() - noting->noted_at >= NOTE_MILLISECONDS;
}

static int
write_noting(struct sink *sink, const void *data, size_t size,
	     struct ferry_error *err)
{
	struct noting_sink *noting = (struct noting_sink *)sink;
	int rc = sink_write(&noting->encoder->sink, data, size, err);

	if (rc)
		return rc;
	noting->any = true;
	if (noting->file->offset >= noting->noted + noting->every) {
		note(noting);
	} else if (is_due(noting)) {
		rc = frame_raw_flush(noting->encoder, err);
		if (!rc)
			note(noting);
	}
	return rc;
}

/* Content of ours is not worth looking for. */
static struct found
find(const struct bundle_writer *writer, size_t blob)
{
	const struct blob *b = &writer->release->blobs[blob];
	struct found found = { 0 };

	if (!b->content)
		found.leftover =
			leftovers_find(&writer->leftovers, &b->descriptor,
				       &found.blob, &found.content);
	return found;
}

static bool
is_own(const struct bundle_writer *writer, const struct found *found)
{
	return found->content && found->leftover == &writer->leftovers.own;
}

static int
read_found(struct bundle_writer *writer, size_t blob, const struct found *found,
	   struct frame_listener *listener, struct proof *proof,
	   struct ferry_error *err)
{
	const struct release *release = writer->release;
	const struct image *image =
		&release->images[release->blobs[blob].image];
	char name[REFERENCE_TEXT];
	struct leftover_reader reader = {
		.context = writer->context,
		.name = reference_familiar(name, &image->reference),
		.listener = listener,
	};

	return leftover_read(found->leftover, found->blob, &reader, proof, err);
}

/* What was found of the content, then the rest. */
static int
fill_content(struct bundle_writer *writer, size_t blob,
	     struct bundle_filler *filler, const struct found *found,
	     struct sink *to, struct ferry_error *err)
{
	const struct blob *b = &writer->release->blobs[blob];
	AUTO(proof_release) struct proof proof = { 0 };
	int rc = proof_init(&proof, to, &b->descriptor.digest,
			    b->descriptor.size, err);

	if (!rc && found->content)
		rc = read_found(writer, blob, found, NULL, &proof, err);
	if (rc)
		return rc;
	return found->content && proof.seen == proof.size
		       ? proof_finish(&proof, err)
		       : filler->fill(filler, b, &proof, err);
}

/*
 * A blob as a member, through the encoder that suits it; its content goes
 * there by way of `content`.
 */
static int
fill_member(struct bundle_writer *writer, size_t blob,
	    struct bundle_filler *filler, const struct found *found,
	    struct sink *to, struct sink *content, struct ferry_error *err)
{
	const struct blob *b = &writer->release->blobs[blob];
	bool last = blob + 1 == writer->release->blob_count;
	int rc = member_begin(to, &b->descriptor.digest, b->descriptor.size,
			      err);

	if (!rc)
		rc = fill_content(writer, blob, filler, found, content, err);
	return rc ? rc : member_end(to, b->descriptor.size, last, err);
}

/* Whatever ends it: what has come stays, and is known to. */
static int
finish_raw(struct noting_sink *noting, int rc, struct ferry_error *err)
{
	struct ferry_error ignored;

	if (rc == FERRY_E_DIGEST || (rc && !noting->any))
		return rc;
	if (rc)
		(void)!frame_raw_flush(noting->encoder, &ignored);
	else
		rc = frame_raw_finish(noting->encoder, err);
	if (noting->any)
		note(noting);
	return rc;
}

static int
put_raw(struct bundle_writer *writer, size_t blob, struct bundle_filler *filler,
	const struct found *found, struct ferry_error *err)
{
	struct frame_run run = layout_run(writer->release, blob);
	struct file_sink file = file_sink(writer, writer_place(writer, blob));
	AUTO(frame_raw_release) struct frame_encoder encoder = { 0 };
	struct noting_sink noting = { .sink = { .write = write_noting },
				      .writer = writer,
				      .blob = blob,
				      .encoder = &encoder,
				      .file = &file,
				      .every = frame_raw_size(run) / NOTE_PARTS,
				      .noted_at = clock_milliseconds() };
	int rc = frame_raw_begin(&encoder, run, &file.sink, NULL, err);

	if (noting.every < NOTE_BYTES)
		noting.every = NOTE_BYTES;
	if (is_own(writer, found))
		file.settled = file.offset +
			       found->leftover->journal.bytes[found->blob];
	noting.noted = file.settled ? file.settled : file.offset;
	if (!rc)
		rc = fill_member(writer, blob, filler, found, &encoder.sink,
				 writer->release->blobs[blob].content
					 ? &encoder.sink
					 : &noting.sink,
				 err);
	rc = finish_raw(&noting, rc, err);
	file_sink_write_back(&file, WRITEBACK_LEAST);
	return rc;
}

/* Its frames and its end, which the next one waits for. */
static void
end_plain(struct bundle_writer *writer, size_t blob, uint64_t end,
	  const struct digest *frames)
{
	struct layout *layout = &writer->layout;

	layout->offsets[blob + 1] = end;
	writer->frames[blob - layout->first_plain] = *frames;
}

/* One that is there as a whole stays as it is. */
static int
keep_plain(struct bundle_writer *writer, size_t blob, const struct found *found,
	   struct ferry_error *err)
{
	const struct journal *journal = &found->leftover->journal;
	const struct placed_blob *b = &journal->table.blobs[found->blob];
	AUTO(proof_release) struct proof proof = { 0 };
	int rc = proof_init(&proof, NULL, &b->digest, b->size, err);

	if (!rc)
		rc = read_found(writer, blob, found,
				&writer->plain_table.listener, &proof, err);
	if (!rc)
		rc = proof_finish(&proof, err);
	if (!rc)
		end_plain(writer, blob, b->offset + journal->bytes[found->blob],
			  &b->frames);
	return rc;
}

static int
put_plain(struct bundle_writer *writer, size_t blob,
	  struct bundle_filler *filler, const struct found *found,
	  struct ferry_error *err)
{
	AUTO(hasher_release) struct hasher hasher = { 0 };
	AUTO(frame_zstd_release) struct frame_encoder encoder = { 0 };
	uint64_t place = writer_place(writer, blob);
	struct file_sink file = file_sink(writer, place);
	struct digest frames;
	int rc = hasher_init(&hasher, err);

	file.hasher = &hasher;
	if (!rc)
		rc = frame_zstd_begin(
			&encoder, layout_run(writer->release, blob), &file.sink,
			&writer->plain_table.listener, err);
	if (!rc)
		rc = fill_member(writer, blob, filler, found, &encoder.sink,
				 &encoder.sink, err);
	if (!rc)
		rc = hasher_finish(&hasher, &frames, err);
	file_sink_write_back(&file, WRITEBACK_LEAST);
	if (rc)
		return rc;
	journal_log_plain(&writer->log, blob, writer->layout.offsets[blob],
			  file.offset - place, &frames);
	end_plain(writer, blob, file.offset - writer->first, &frames);
	return 0;
}

/*
 * Waits until all plain blobs before this one are written; if one of them was
 * not, then this one fails of the same.
 */
static int
await_turn(struct bundle_writer *writer, size_t blob, struct ferry_error *err)
{
	int rc;

	pthread_mutex_lock(&writer->lock);
	while (writer->next_plain != blob && !writer->failure.code)
		pthread_cond_wait(&writer->turn, &writer->lock);
	rc = writer->failure.code;
	if (rc)
		*err = writer->failure;
	pthread_mutex_unlock(&writer->lock);
	return rc;
}

/* `failure` is NULL when the blob was written. */
static void
pass_turn(struct bundle_writer *writer, const struct ferry_error *failure)
{
	pthread_mutex_lock(&writer->lock);
	if (failure)
		writer->failure = *failure;
	writer->next_plain++;
	pthread_cond_broadcast(&writer->turn);
	pthread_mutex_unlock(&writer->lock);
}

/* Whether what was found of a plain blob lies where it must. */
static bool
is_in_place(const struct bundle_writer *writer, size_t blob,
	    const struct found *found)
{
	const struct placed_blob *placed;

	if (!is_own(writer, found))
		return false;
	placed = &found->leftover->journal.table.blobs[found->blob];
	return placed->offset == writer->layout.offsets[blob];
}

static int
put(struct bundle_writer *writer, size_t blob, struct bundle_filler *filler,
    const struct found *found, struct ferry_error *err)
{
	static const struct found nothing;
	struct seek_table_mark mark;
	int rc;

	if (!writer->release->blobs[blob].plain)
		return put_raw(writer, blob, filler, found, err);
	mark = seek_table_mark(&writer->plain_table);
	if (is_in_place(writer, blob, found))
		rc = keep_plain(writer, blob, found, err);
	else
		rc = put_plain(writer, blob, filler,
			       is_own(writer, found) ? &nothing : found, err);
	if (rc)
		seek_table_back_to(&writer->plain_table, mark);
	return rc;
}

/* Nothing of it counts any more. */
static void
forget(struct bundle_writer *writer, size_t blob)
{
	if (!writer->release->blobs[blob].plain &&
	    !writer->release->blobs[blob].content)
		journal_log_raw(&writer->log, blob, 0);
}

static int
put_until_proved(struct bundle_writer *writer, size_t blob,
		 struct bundle_filler *filler, struct ferry_error *err)
{
	static const struct found nothing;
	struct found found = find(writer, blob);
	int rc = put(writer, blob, filler, &found, err);

	if (rc == FERRY_E_DIGEST && found.content) {
		context_notice(
			writer->context,
			"%s: what an unfinished run left of blob %s "
			"does not hold, so it is pulled anew",
			found.leftover->path,
			writer->release->blobs[blob].descriptor.digest.text);
		forget(writer, blob);
		rc = put(writer, blob, filler, &nothing, err);
	}
	if (rc == FERRY_E_DIGEST) {
		forget(writer, blob);
		rc = put(writer, blob, filler, &nothing, err);
	}
	if (rc == FERRY_E_DIGEST)
		forget(writer, blob);
	return rc;
}

static int
put_in_turn(struct bundle_writer *writer, size_t blob,
	    struct bundle_filler *filler, struct ferry_error *err)
{
	int rc = await_turn(writer, blob, err);

	if (rc)
		return rc;
	rc = put_until_proved(writer, blob, filler, err);
	pass_turn(writer, rc ? err : NULL);
	return rc;
}

int
bundle_writer_put(struct bundle_writer *writer, size_t blob,
		  struct bundle_filler *filler, struct ferry_error *err)
{
	if (writer->release->blobs[blob].plain)
		return put_in_turn(writer, blob, filler, err);
	return put_until_proved(writer, blob, filler, err);
}
