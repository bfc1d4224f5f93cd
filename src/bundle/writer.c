#include "bundle/writer_state.h"

#include "base/file.h"
#include "bundle/front.h"

const char *
writer_partial(const struct bundle_writer *writer)
{
	return writer->output.names.text[OUTPUT_PARTIAL];
}

int
writer_write_at(const struct bundle_writer *writer, const void *data,
		size_t size, uint64_t offset, struct ferry_error *err)
{
	if (file_write_at(writer->output.fd, data, size, offset, err) == 0)
		return 0;
	return error_wrap(err, "%s", writer_partial(writer));
}

/* What is pending, if it is as much as `least`. */
void
file_sink_write_back(struct file_sink *file, uint64_t least)
{
	if (file->pending < least)
		return;
	writeback_begin(&file->writer->writeback, file->offset - file->pending,
			file->pending);
	file->pending = 0;
}

/* Leaves out what is there already. */
static int
write_rest(struct file_sink *file, const uint8_t *data, size_t size,
	   struct ferry_error *err)
{
	size_t there = 0;
	int rc;

	if (file->settled > file->offset)
		there = file->settled - file->offset < size
				? (size_t)(file->settled - file->offset)
				: size;
	if (there == size)
		return 0;
	rc = writer_write_at(file->writer, data + there, size - there,
			     file->offset + there, err);
	if (!rc)
		file->pending += size - there;
	return rc;
}

static int
write_file(struct sink *sink, const void *data, size_t size,
	   struct ferry_error *err)
{
	struct file_sink *file = (struct file_sink *)sink;
	int rc = write_rest(file, data, size, err);

	if (rc)
		return rc;
	file->offset += size;
	file_sink_write_back(file, WRITEBACK_PIECE);
	return file->hasher ? hasher_update(file->hasher, data, size, err) : 0;
}

uint64_t
writer_place(const struct bundle_writer *writer, size_t blob)
{
	return writer->first + writer->layout.offsets[blob];
}

struct file_sink
file_sink(struct bundle_writer *writer, uint64_t offset)
{
	return (struct file_sink){ .sink = { .write = write_file },
				   .writer = writer,
				   .offset = offset };
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
	struct file_sink file = file_sink(writer, 0);
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
		rc = writer_write_at(writer, bytes.data, bytes.size, offset,
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
		rc = error_errno(err, "%s: cut", writer_partial(writer));
	if (!rc)
		rc = write_front(writer, err);
	return rc ? rc : output_commit(&writer->output, err);
}

uint64_t
bundle_writer_bytes(const struct bundle_writer *writer)
{
	return writer->bytes;
}
