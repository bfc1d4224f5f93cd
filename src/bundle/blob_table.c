#include "bundle/blob_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Ten petabytes: behind any blob of DESCRIPTOR_SIZE_MAX there is room. */
#define NUMBER_DIGITS 16
#define NUMBER_MAX UINT64_C(9999999999999999)

#define FRAMES_KEY " frames="
#define END_KEY "end "

/* What is left of the text. */
struct cursor {
	const char *at;
	size_t left;
};

static bool
take_text(struct cursor *cursor, const char *text)
{
	size_t size = strlen(text);

	if (cursor->left < size || memcmp(cursor->at, text, size) != 0)
		return false;
	cursor->at += size;
	cursor->left -= size;
	return true;
}

static bool
take_digest(struct cursor *cursor, struct digest *out)
{
	if (!take_text(cursor, DIGEST_PREFIX) || cursor->left < DIGEST_HEX ||
	    !digest_is_hex(cursor->at))
		return false;
	memcpy(out->text, cursor->at - strlen(DIGEST_PREFIX), DIGEST_TEXT - 1);
	out->text[DIGEST_TEXT - 1] = '\0';
	cursor->at += DIGEST_HEX;
	cursor->left -= DIGEST_HEX;
	return true;
}

static bool
take_number(struct cursor *cursor, uint64_t *out)
{
	uint64_t number = 0;

	if (cursor->left < NUMBER_DIGITS)
		return false;
	for (int i = 0; i < NUMBER_DIGITS; i++) {
		char digit = cursor->at[i];

		if (digit < '0' || digit > '9')
			return false;
		number = number * 10 + (uint64_t)(digit - '0');
	}
	cursor->at += NUMBER_DIGITS;
	cursor->left -= NUMBER_DIGITS;
	*out = number;
	return true;
}

static bool
take_blob(struct cursor *cursor, struct placed_blob *out)
{
	if (!take_digest(cursor, &out->digest) || !take_text(cursor, " ") ||
	    !take_number(cursor, &out->size) || !take_text(cursor, " ") ||
	    !take_number(cursor, &out->offset))
		return false;
	if (take_text(cursor, FRAMES_KEY) && !take_digest(cursor, &out->frames))
		return false;
	return take_text(cursor, "\n");
}

static bool
take_end(struct cursor *cursor, uint64_t *out)
{
	return take_text(cursor, END_KEY) && take_number(cursor, out) &&
	       take_text(cursor, "\n") && !cursor->left;
}

/* `least` is where the blob may begin: behind the one before it. */
static int
check_place(const struct placed_blob *blob, uint64_t least,
	    struct ferry_error *err)
{
	if (blob->size > DESCRIPTOR_SIZE_MAX)
		return error_set(err, FERRY_E_DAMAGED, "%s: %" PRIu64 " bytes",
				 blob->digest.text, blob->size);
	if (blob->offset < least)
		return error_set(err, FERRY_E_DAMAGED,
				 "%s: lies within the blob before it",
				 blob->digest.text);
	if (!least && blob->offset)
		return error_set(err, FERRY_E_DAMAGED,
				 "%s: does not begin where the front ends",
				 blob->digest.text);
	return 0;
}

static size_t
count_lines(const struct cursor *text)
{
	size_t lines = 0;

	for (size_t i = 0; i < text->left; i++)
		lines += text->at[i] == '\n';
	return lines;
}

static int
parse_lines(struct blob_table *out, struct cursor *text,
	    struct ferry_error *err)
{
	size_t lines = count_lines(text);
	uint64_t least = 0;

	if (lines < 2 || lines - 1 > BLOB_TABLE_MAX)
		return error_set(err, FERRY_E_DAMAGED, "%zu lines", lines);
	out->blobs = calloc(lines - 1, sizeof(*out->blobs));
	if (!out->blobs)
		return error_nomem(err);
	while (out->count < lines - 1) {
		struct placed_blob *blob = &out->blobs[out->count++];
		int rc;

		if (!take_blob(text, blob))
			return error_set(err, FERRY_E_DAMAGED,
					 "line %zu is not as it must be",
					 out->count);
		rc = check_place(blob, least, err);
		if (rc)
			return rc;
		least = blob->offset + 1;
	}
	if (!take_end(text, &out->end))
		return error_set(err, FERRY_E_DAMAGED,
				 "it does not end as it must");
	if (out->end < least)
		return error_set(err, FERRY_E_DAMAGED, "no room for the blobs");
	return 0;
}

static int
compare_digests(const void *a, const void *b, void *data)
{
	const struct placed_blob *blobs = data;

	return strcmp(blobs[*(const size_t *)a].digest.text,
		      blobs[*(const size_t *)b].digest.text);
}

static int
sort_blobs(struct blob_table *table, struct ferry_error *err)
{
	size_t *sorted = calloc(table->count, sizeof(*sorted));

	table->by_digest = sorted;
	if (!sorted)
		return error_nomem(err);
	for (size_t i = 0; i < table->count; i++)
		sorted[i] = i;
	qsort_r(sorted, table->count, sizeof(*sorted), compare_digests,
		table->blobs);
	for (size_t i = 1; i < table->count; i++)
		if (compare_digests(&sorted[i - 1], &sorted[i], table->blobs) ==
		    0)
			return error_set(err, FERRY_E_DAMAGED,
					 "%s is there twice",
					 table->blobs[sorted[i]].digest.text);
	return 0;
}

int
blob_table_parse(struct blob_table *out, const void *data, size_t size,
		 struct ferry_error *err)
{
	AUTO(blob_table_release) struct blob_table table = { 0 };
	struct cursor text = { .at = data, .left = size };
	int rc = parse_lines(&table, &text, err);

	if (!rc)
		rc = sort_blobs(&table, err);
	if (rc)
		return error_wrap(err, "bundle.blobs");
	*out = table;
	table = (struct blob_table){ 0 };
	return 0;
}

void
blob_table_release(struct blob_table *table)
{
	free(table->blobs);
	free(table->by_digest);
	*table = (struct blob_table){ 0 };
}

ssize_t
blob_table_find(const struct blob_table *table, const struct digest *digest)
{
	size_t low = 0;
	size_t high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		size_t blob = table->by_digest[middle];
		int order =
			strcmp(digest->text, table->blobs[blob].digest.text);

		if (order == 0)
			return (ssize_t)blob;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}

uint64_t
blob_table_packed(const struct blob_table *table, size_t blob)
{
	uint64_t end = blob + 1 < table->count ? table->blobs[blob + 1].offset
					       : table->end;

	return end - table->blobs[blob].offset;
}

static int
write_blob(struct buffer *out, const struct blob *blob, uint64_t offset,
	   const struct digest *frames, struct ferry_error *err)
{
	int rc = buffer_format(out, err, "%s %0*" PRIu64 " %0*" PRIu64,
			       blob->descriptor.digest.text, NUMBER_DIGITS,
			       blob->descriptor.size, NUMBER_DIGITS, offset);

	if (!rc && frames)
		rc = buffer_format(out, err, FRAMES_KEY "%s", frames->text);
	return rc ? rc : buffer_append(out, "\n", 1, err);
}

int
blob_table_write(struct buffer *out, const struct release *release,
		 const struct layout *layout, const struct digest *frames,
		 struct ferry_error *err)
{
	static const struct digest draft = {
		DIGEST_PREFIX
		"0000000000000000000000000000000000000000000000000000000000000000"
	};
	int rc = 0;

	if (layout_end(layout) > NUMBER_MAX)
		return error_set(err, FERRY_E_FAILED,
				 "more bytes than a bundle can have");
	for (size_t i = 0; i < release->blob_count && !rc; i++) {
		const struct digest *own = NULL;

		if (i >= layout->first_plain)
			own = frames ? &frames[i - layout->first_plain]
				     : &draft;
		rc = write_blob(out, &release->blobs[i], layout->offsets[i],
				own, err);
	}
	return rc ? rc
		  : buffer_format(out, err, END_KEY "%0*" PRIu64 "\n",
				  NUMBER_DIGITS, layout_end(layout));
}
