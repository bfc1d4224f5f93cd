#include "bundle/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "base/file.h"
#include "base/text.h"
#include "base/writeback.h"
#include "bundle/front.h"
#include "bundle/member.h"
#include "codec/seek_table.h"

struct bundle_writer {
	struct output output;
	struct writeback writeback;
	const struct release *release;
	struct layout layout;
	struct frame_run front;
	uint64_t first; /* offset of the first blob in the file */
	uint64_t bytes;

	pthread_mutex_t lock; /* over next_plain and failure */
	pthread_cond_t turn;
	size_t next_plain;	    /* the plain blob whose turn it is */
	struct ferry_error failure; /* of a plain blob; code OK: none */
	/* Written by whose turn it is: */
	struct digest *frames; /* of each plain blob's frames */
	struct seek_table plain_table;
};

/* Frames on their way into the file, hashed if asked. */
struct file_sink {
	struct sink sink;
	const struct output *output;
	struct writeback *writeback;
	uint64_t offset;
	uint64_t pending;      /* bytes before `offset` to be written back */
	struct hasher *hasher; /* NULL: not hashed */
};

static int
write_at(const struct output *output, const void *data, size_t size,
	 uint64_t offset, struct ferry_error *err)
{
	if (file_write_at(output->fd, data, size, offset, err) == 0)
		return 0;
	return error_wrap(err, "%s", output->partial);
}

/* What is pending, if it is as much as `least`. */
static void
write_back(struct file_sink *file, uint64_t least)
{
	if (file->pending < least)
		return;
	writeback_begin(file->writeback, file->offset - file->pending,
			file->pending);
	file->pending = 0;
}

static int
write_file(struct sink *sink, const void *data, size_t size,
	   struct ferry_error *err)
{
	struct file_sink *file = (struct file_sink *)sink;
	int rc = write_at(file->output, data, size, file->offset, err);

	file->offset += size;
	file->pending += size;
	write_back(file, WRITEBACK_PIECE);
	if (!rc && file->hasher)
		rc = hasher_update(file->hasher, data, size, err);
	return rc;
}

static int
draft_front(struct frame_run *out, const struct release *release,
	    const struct layout *layout, struct ferry_error *err)
{
	AUTO_BUFFER draft = BUFFER(FRONT_MAX);
	int rc = front_write(&draft, release, layout, NULL, NULL, err);

	if (!rc)
		*out = (struct frame_run){ .length = draft.size };
	return rc;
}

int
bundle_measure(struct bundle_size *out, const struct release *release,
	       struct ferry_error *err)
{
	AUTO(layout_release) struct layout layout = { 0 };
	struct frame_run front;
	uint64_t fixed;
	int rc = layout_init(&layout, release, err);

	if (!rc)
		rc = draft_front(&front, release, &layout, err);
	if (rc)
		return rc;
	fixed = frame_raw_size(front) +
		seek_table_size(frame_count(front) + layout_frames(release));
	out->least = fixed + layout.offsets[layout.first_plain];
	out->most = fixed + layout_end(&layout);
	return 0;
}

/* Takes the room now, so that a full disk shows before the work. */
static int
reserve(struct bundle_writer *writer, struct ferry_error *err)
{
	uint64_t size = writer->first +
			writer->layout.offsets[writer->layout.first_plain];
	char text[TEXT_SIZE_MAX];

	if (fallocate(writer->output.fd, 0, 0, (off_t)size) == 0 ||
	    errno == EOPNOTSUPP || errno == ENOSYS)
		return 0;
	return error_errno(err, "%s: room for %s", writer->output.partial,
			   text_size(text, sizeof(text), size));
}

static int
set_up(struct bundle_writer *writer, const char *path, bool force,
       struct ferry_error *err)
{
	size_t plain;
	int rc = layout_init(&writer->layout, writer->release, err);

	if (!rc)
		rc = draft_front(&writer->front, writer->release,
				 &writer->layout, err);
	if (rc)
		return rc;
	writer->first = frame_raw_size(writer->front);
	writer->next_plain = writer->layout.first_plain;
	plain = writer->layout.blob_count - writer->layout.first_plain;
	writer->frames = calloc(plain + 1, sizeof(*writer->frames));
	if (!writer->frames)
		return error_nomem(err);
	rc = output_open(&writer->output, path, force, err);
	writeback_init(
		&writer->writeback, writer->output.fd,
		file_is_large(writer->first + layout_end(&writer->layout)));
	return rc ? rc : reserve(writer, err);
}

int
bundle_writer_new(struct bundle_writer **out, const char *path, bool force,
		  const struct release *release, struct ferry_error *err)
{
	struct bundle_writer *writer = calloc(1, sizeof(*writer));
	int rc;

	if (!writer)
		return error_nomem(err);
	writer->output.fd = -1;
	writer->release = release;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->turn, NULL);
	seek_table_init(&writer->plain_table);
	rc = set_up(writer, path, force, err);
	if (rc)
		bundle_writer_free(writer);
	else
		*out = writer;
	return rc;
}

void
bundle_writer_free(struct bundle_writer *writer)
{
	if (!writer)
		return;
	output_release(&writer->output);
	layout_release(&writer->layout);
	seek_table_release(&writer->plain_table);
	pthread_cond_destroy(&writer->turn);
	pthread_mutex_destroy(&writer->lock);
	free(writer->frames);
	free(writer);
}

/* A blob as a member, through the encoder that suits it. */
static int
fill_member(const struct bundle_writer *writer, size_t blob, struct sink *to,
	    struct bundle_filler *filler, struct ferry_error *err)
{
	const struct blob *b = &writer->release->blobs[blob];
	bool last = blob + 1 == writer->release->blob_count;
	int rc = member_begin(to, &b->descriptor.digest, b->descriptor.size,
			      err);

	if (!rc)
		rc = filler->fill(filler, b, to, err);
	return rc ? rc : member_end(to, b->descriptor.size, last, err);
}

static int
put_raw(struct bundle_writer *writer, size_t blob, struct bundle_filler *filler,
	struct ferry_error *err)
{
	struct file_sink file = {
		.sink = { .write = write_file },
		.output = &writer->output,
		.writeback = &writer->writeback,
		.offset = writer->first + writer->layout.offsets[blob],
	};
	AUTO(frame_raw_release) struct frame_encoder encoder = { 0 };
	int rc = frame_raw_begin(&encoder, layout_run(writer->release, blob),
				 &file.sink, NULL, err);

	if (!rc)
		rc = fill_member(writer, blob, &encoder.sink, filler, err);
	if (!rc)
		rc = frame_raw_finish(&encoder, err);
	write_back(&file, WRITEBACK_LEAST);
	return rc;
}

static int
put_plain(struct bundle_writer *writer, size_t blob,
	  struct bundle_filler *filler, struct ferry_error *err)
{
	AUTO(hasher_release) struct hasher hasher = { 0 };
	AUTO(frame_zstd_release) struct frame_encoder encoder = { 0 };
	struct file_sink file = {
		.sink = { .write = write_file },
		.output = &writer->output,
		.writeback = &writer->writeback,
		.offset = writer->first + writer->layout.offsets[blob],
		.hasher = &hasher,
	};
	int rc = hasher_init(&hasher, err);

	if (!rc)
		rc = frame_zstd_begin(
			&encoder, layout_run(writer->release, blob), &file.sink,
			&writer->plain_table.listener, err);
	if (!rc)
		rc = fill_member(writer, blob, &encoder.sink, filler, err);
	if (!rc)
		rc = hasher_finish(
			&hasher,
			&writer->frames[blob - writer->layout.first_plain],
			err);
	if (!rc)
		writer->layout.offsets[blob + 1] = file.offset - writer->first;
	write_back(&file, WRITEBACK_LEAST);
	return rc;
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

static int
put_in_turn(struct bundle_writer *writer, size_t blob,
	    struct bundle_filler *filler, struct ferry_error *err)
{
	struct seek_table_mark mark;
	int rc = await_turn(writer, blob, err);

	if (rc)
		return rc;
	mark = seek_table_mark(&writer->plain_table);
	rc = put_plain(writer, blob, filler, err);
	if (rc == FERRY_E_DIGEST) {
		seek_table_back_to(&writer->plain_table, mark);
		rc = put_plain(writer, blob, filler, err);
	}
	pass_turn(writer, rc ? err : NULL);
	return rc;
}

int
bundle_writer_put(struct bundle_writer *writer, size_t blob,
		  struct bundle_filler *filler, struct ferry_error *err)
{
	int rc;

	if (writer->release->blobs[blob].plain)
		return put_in_turn(writer, blob, filler, err);
	rc = put_raw(writer, blob, filler, err);
	if (rc == FERRY_E_DIGEST)
		rc = put_raw(writer, blob, filler, err);
	return rc;
}

static int
fill_table(const struct bundle_writer *writer, struct seek_table *table,
	   struct ferry_error *err)
{
	int rc = seek_table_add_raw(table, writer->front, err);

	for (size_t i = 0; i < writer->layout.first_plain && !rc; i++)
		rc = seek_table_add_raw(table, layout_run(writer->release, i),
					err);
	return rc ? rc : seek_table_append(table, &writer->plain_table, err);
}

static int
write_front(struct bundle_writer *writer, struct ferry_error *err)
{
	AUTO_BUFFER front = BUFFER(FRONT_MAX);
	AUTO(frame_raw_release) struct frame_encoder encoder = { 0 };
	struct file_sink file = { .sink = { .write = write_file },
				  .output = &writer->output,
				  .writeback = &writer->writeback };
	int rc = front_write(&front, writer->release, &writer->layout,
			     writer->frames, NULL, err);

	if (!rc)
		rc = frame_raw_begin(&encoder, writer->front, &file.sink, NULL,
				     err);
	if (!rc)
		rc = sink_write(&encoder.sink, front.data, front.size, err);
	return rc ? rc : frame_raw_finish(&encoder, err);
}

static int
write_table(struct bundle_writer *writer, struct ferry_error *err)
{
	AUTO(seek_table_release) struct seek_table table = { 0 };
	AUTO_BUFFER bytes = BUFFER(SEEK_TABLE_BYTES);
	uint64_t offset = writer->first + layout_end(&writer->layout);
	int rc;

	seek_table_init(&table);
	rc = fill_table(writer, &table, err);
	if (!rc)
		rc = seek_table_write(&table, &bytes, err);
	if (!rc && bytes.size)
		rc = write_at(&writer->output, bytes.data, bytes.size, offset,
			      err);
	writer->bytes = offset + bytes.size;
	return rc;
}

int
bundle_writer_commit(struct bundle_writer *writer, struct ferry_error *err)
{
	int rc = write_table(writer, err);

	/* A layer written twice may have been longer at first. */
	if (!rc && ftruncate(writer->output.fd, (off_t)writer->bytes))
		rc = error_errno(err, "%s: cut", writer->output.partial);
	if (!rc)
		rc = write_front(writer, err);
	return rc ? rc : output_commit(&writer->output, err);
}

uint64_t
bundle_writer_bytes(const struct bundle_writer *writer)
{
	return writer->bytes;
}
