#include "bundle/blob_table.h"

#include <endian.h>
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
	const char *at = text->at;
	const char *end = at + text->left;
	size_t lines = 0;

	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		at++;
		lines++;
	}
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

static struct blob_key
key_of(const struct digest *digest, size_t blob)
{
	uint64_t start;

	memcpy(&start, digest_hex(digest), sizeof(start));
	return (struct blob_key){ .start = be64toh(start), .blob = blob };
}

/* As strcmp() of the digests would have it; most differ soon. */
static int
compare(const struct blob_table *table, const struct blob_key *key,
	const struct digest *digest, const struct blob_key *other)
{
	if (key->start != other->start)
		return key->start < other->start ? -1 : 1;
	return strcmp(digest->text, table->blobs[other->blob].digest.text);
}

static int
compare_keys(const void *a, const void *b, void *table)
{
	const struct blob_key *key = a;
	const struct placed_blob *blobs =
		((const struct blob_table *)table)->blobs;

	return compare(table, key, &blobs[key->blob].digest, b);
}

static int
sort_blobs(struct blob_table *table, struct ferry_error *err)
{
	struct blob_key *sorted = calloc(table->count, sizeof(*sorted));

	table->by_digest = sorted;
	if (!sorted)
		return error_nomem(err);
	for (size_t i = 0; i < table->count; i++)
		sorted[i] = key_of(&table->blobs[i].digest, i);
	qsort_r(sorted, table->count, sizeof(*sorted), compare_keys, table);
	for (size_t i = 1; i < table->count; i++)
		if (compare_keys(&sorted[i - 1], &sorted[i], table) == 0)
			return error_set(
				err, FERRY_E_DAMAGED, "%s is there twice",
				table->blobs[sorted[i].blob].digest.text);
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
	struct blob_key key = key_of(digest, 0);
	size_t low = 0;
	size_t high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct blob_key *found = &table->by_digest[middle];
		int order = compare(table, &key, digest, found);

		if (order == 0)
			return (ssize_t)found->blob;
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

	if (release->blob_count > BLOB_TABLE_MAX)
		return error_set(err, FERRY_E_FAILED,
				 "%zu blobs, but %d is the limit",
				 release->blob_count, BLOB_TABLE_MAX);
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
