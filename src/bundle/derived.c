#include "bundle/derived.h"

#include <string.h>

#include "bundle/member.h"

bool
derived_lists_blobs(const struct blob_table *table,
		    const struct release *release)
{
	if (table->count != release->blob_count)
		return false;
	for (size_t i = 0; i < release->blob_count; i++)
		if (!digest_equal(&table->blobs[i].digest,
				  &release->blobs[i].descriptor.digest))
			return false;
	return true;
}

static int
frames_of(struct digest **out, const struct blob_table *table,
	  size_t first_plain, struct ferry_error *err)
{
	struct digest *frames = calloc(table->count + 1, sizeof(*frames));

	if (!frames)
		return error_nomem(err);
	for (size_t i = first_plain; i < table->count; i++)
		frames[i - first_plain] = table->blobs[i].frames;
	*out = frames;
	return 0;
}

/* The front as it must be, with the offsets and signatures it has. */
static int
expected_front(const struct bundle *bundle, const struct release *release,
	       struct buffer *out, struct ferry_error *err)
{
	const struct blob_table *table = &bundle->table;
	AUTO(layout_release) struct layout layout = { 0 };
	AUTO_FREE struct digest *frames = NULL;
	int rc = layout_init(&layout, release, err);

	if (!rc)
		rc = frames_of(&frames, table, layout.first_plain, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < table->count; i++)
		layout.offsets[i] = table->blobs[i].offset;
	layout.offsets[table->count] = table->end;
	return front_write(out, release, &layout, frames,
			   &bundle->parts[FRONT_SIGNATURES], err);
}

int
derived_check_front(const struct bundle *bundle, const struct release *release,
		    struct ferry_error *err)
{
	AUTO_BUFFER expected = BUFFER(FRONT_MAX);
	struct front_part parts[FRONT_MEMBERS];
	size_t length;
	int rc = expected_front(bundle, release, &expected, err);

	if (!rc)
		rc = front_parse(parts, &length, expected.data, expected.size,
				 err);
	if (rc)
		return rc;
	for (int i = 0; i <= FRONT_STATEMENT; i++)
		if (parts[i].size != bundle->parts[i].size ||
		    memcmp(parts[i].data, bundle->parts[i].data,
			   parts[i].size) != 0)
			return error_set(err, FERRY_E_DAMAGED,
					 "%s is not what the images make it",
					 front_member_names[i]);
	if (expected.size != bundle->front.size ||
	    memcmp(expected.data, bundle->front.data, expected.size) != 0)
		return error_set(err, FERRY_E_DAMAGED,
				 "the front has odd padding");
	return 0;
}

int
derived_check_signatures(const struct bundle *bundle, struct ferry_error *err)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789+/=\n";
	const struct front_part *part = &bundle->parts[FRONT_SIGNATURES];

	for (size_t i = 0; i < part->size; i++)
		if (!memchr(allowed, part->data[i], sizeof(allowed) - 1))
			return error_set(err, FERRY_E_DAMAGED,
					 "bundle.json.sig holds no signatures");
	if (part->size != SIGNATURES_ROOM)
		return error_set(err, FERRY_E_DAMAGED,
				 "bundle.json.sig has an odd size");
	return 0;
}

size_t
derived_raw_blobs(const struct blob_table *table)
{
	size_t count = 0;

	while (count < table->count &&
	       !digest_is_set(&table->blobs[count].frames))
		count++;
	return count;
}

static struct frame_run
blob_run(const struct blob_table *table, size_t blob)
{
	return member_run(table->blobs[blob].size, blob + 1 == table->count);
}

uint64_t
derived_frames(const struct bundle *bundle)
{
	const struct blob_table *table = &bundle->table;
	struct frame_run front = { .length = bundle->front.size };
	uint64_t frames = frame_count(front);

	for (size_t i = 0; i < table->count; i++)
		frames += frame_count(blob_run(table, i));
	return frames;
}

int
derived_seek_table(const struct bundle *bundle,
		   const struct seek_table *compressed, struct buffer *out,
		   struct ferry_error *err)
{
	struct frame_run front = { .length = bundle->front.size };
	AUTO(seek_table_release) struct seek_table table = { 0 };
	size_t raw = derived_raw_blobs(&bundle->table);
	int rc;

	seek_table_init(&table);
	rc = seek_table_add_raw(&table, front, err);
	for (size_t i = 0; i < raw && !rc; i++)
		rc = seek_table_add_raw(&table, blob_run(&bundle->table, i),
					err);
	if (!rc)
		rc = seek_table_append(&table, compressed, err);
	return rc ? rc : seek_table_write(&table, out, err);
}
