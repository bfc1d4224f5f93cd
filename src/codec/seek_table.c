#include "codec/seek_table.h"

#define SKIPPABLE_MAGIC 0x184d2a5e
#define SEEKABLE_MAGIC 0x8f92eab1
#define HEAD 8
#define ENTRY 8
#define FOOT 9

static void
store(uint8_t *out, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static int
add(struct frame_listener *listener, uint64_t packed, uint64_t content,
    struct ferry_error *err)
{
	struct seek_table *table = (struct seek_table *)listener;
	uint8_t entry[ENTRY];

	if (table->frames++ >= SEEK_TABLE_FRAMES)
		return 0;
	store(entry, (uint32_t)packed);
	store(entry + 4, (uint32_t)content);
	return buffer_append(&table->entries, entry, sizeof(entry), err);
}

void
seek_table_init(struct seek_table *table)
{
	*table = (struct seek_table){ .listener = { .frame = add },
				      .entries = BUFFER(SEEK_TABLE_BYTES) };
}

int
seek_table_add_raw(struct seek_table *table, struct frame_run run,
		   struct ferry_error *err)
{
	uint64_t at = 0;

	while (at < run.length) {
		uint64_t content = frame_content_at(run, at);
		int rc = add(&table->listener, frame_raw_frame_size(content),
			     content, err);

		if (rc)
			return rc;
		at += content;
	}
	return 0;
}

int
seek_table_append(struct seek_table *table, const struct seek_table *other,
		  struct ferry_error *err)
{
	table->frames += other->frames;
	if (table->frames > SEEK_TABLE_FRAMES)
		return 0;
	return buffer_append(&table->entries, other->entries.data,
			     other->entries.size, err);
}

struct seek_table_mark
seek_table_mark(const struct seek_table *table)
{
	return (struct seek_table_mark){ table->frames, table->entries.size };
}

void
seek_table_back_to(struct seek_table *table, struct seek_table_mark mark)
{
	table->frames = mark.frames;
	table->entries.size = mark.size;
}

size_t
seek_table_size(uint64_t frames)
{
	return frames > SEEK_TABLE_FRAMES ? 0 : HEAD + frames * ENTRY + FOOT;
}

int
seek_table_write(const struct seek_table *table, struct buffer *out,
		 struct ferry_error *err)
{
	uint8_t head[HEAD];
	uint8_t foot[FOOT] = { 0 };
	int rc;

	if (table->frames > SEEK_TABLE_FRAMES)
		return 0;
	store(head, SKIPPABLE_MAGIC);
	store(head + 4, (uint32_t)(table->entries.size + sizeof(foot)));
	store(foot, (uint32_t)table->frames);
	store(foot + 5, SEEKABLE_MAGIC);
	rc = buffer_append(out, head, sizeof(head), err);
	if (!rc)
		rc = buffer_append(out, table->entries.data,
				   table->entries.size, err);
	if (!rc)
		rc = buffer_append(out, foot, sizeof(foot), err);
	return rc;
}

void
seek_table_release(struct seek_table *table)
{
	buffer_release(&table->entries);
}
