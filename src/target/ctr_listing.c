#include "target/ctr_listing.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* As Go's tabwriter makes it: cells are padded, so titles stand above them. */
#define COLUMNS_MAX 8

struct columns {
	const char *title[COLUMNS_MAX];
	size_t begin[COLUMNS_MAX];
	size_t count;
};

struct line {
	const char *text;
	size_t size;
};

void
ctr_listing_release(struct ctr_listing *listing)
{
	free(listing->images);
	free(listing->blobs);
	*listing = (struct ctr_listing){ 0 };
}

/* Moves *text behind the next line. */
static bool
next_line(struct line *out, const char **text)
{
	size_t size = strcspn(*text, "\n");

	if (!**text)
		return false;
	*out = (struct line){ *text, size };
	*text += size + ((*text)[size] == '\n');
	return true;
}

/* Those that are long enough for a digest: what comes of empty ones is small.
 */
static size_t
count_lines(const char *text)
{
	struct line line;
	size_t count = 0;

	while (next_line(&line, &text))
		count += line.size >= DIGEST_TEXT - 1;
	return count;
}

/* No titles, or too many: a table of no columns. */
static struct columns
parse_titles(struct line line)
{
	struct columns columns = { .count = 0 };

	for (size_t i = 0; i < line.size; i++) {
		if (line.text[i] == ' ' || (i && line.text[i - 1] != ' '))
			continue;
		if (columns.count == COLUMNS_MAX)
			return (struct columns){ .count = 0 };
		columns.title[columns.count] = line.text + i;
		columns.begin[columns.count++] = i;
	}
	return columns;
}

/* The cell below a title; empty where the line has none there. */
static struct line
cell(const struct columns *columns, struct line line, const char *title)
{
	size_t length = strlen(title);

	for (size_t i = 0; i < columns->count; i++) {
		size_t begin = columns->begin[i];
		size_t end = i + 1 < columns->count ? columns->begin[i + 1]
						    : line.size;

		if (strncmp(columns->title[i], title, length) ||
		    !strchr(" \n", columns->title[i][length]))
			continue;
		if (end > line.size || begin >= end ||
		    (begin && line.text[begin - 1] != ' '))
			break;
		while (end > begin && line.text[end - 1] == ' ')
			end--;
		return (struct line){ line.text + begin, end - begin };
	}
	return (struct line){ "", 0 };
}

static bool
equals(struct line cell, const char *text)
{
	return cell.size == strlen(text) && !memcmp(cell.text, text, cell.size);
}

/* A cell that is one word, and not too long for `out`. */
static bool
take_word(char *out, size_t size, struct line cell)
{
	if (!cell.size || cell.size >= size ||
	    memchr(cell.text, ' ', cell.size) ||
	    memchr(cell.text, '\t', cell.size))
		return false;
	memcpy(out, cell.text, cell.size);
	out[cell.size] = '\0';
	return true;
}

static bool
take_digest(struct digest *out, struct line cell)
{
	char text[DIGEST_TEXT];
	struct ferry_error ignored;

	return take_word(text, sizeof(text), cell) &&
	       digest_parse(out, text, &ignored) == 0;
}

/* Labels are one cell: "a=b,c=d". */
static bool
has_label(struct line cell, const char *label)
{
	size_t length = strlen(label);

	while (cell.size) {
		const char *comma = memchr(cell.text, ',', cell.size);
		size_t size = comma ? (size_t)(comma - cell.text) : cell.size;

		if (size == length && !memcmp(cell.text, label, length))
			return true;
		if (!comma)
			break;
		cell.text += size + 1;
		cell.size -= size + 1;
	}
	return false;
}

static int
by_name(const void *a, const void *b)
{
	const struct ctr_image *one = a;
	const struct ctr_image *two = b;

	return strcmp(one->name, two->name);
}

static int
by_digest(const void *a, const void *b)
{
	const struct digest *one = a;
	const struct digest *two = b;

	return strcmp(one->text, two->text);
}

/* Room for as many images as `text` can have. */
static int
make_images(struct ctr_listing *listing, const char *text,
	    struct ferry_error *err)
{
	listing->images =
		calloc(count_lines(text) + 1, sizeof(*listing->images));
	listing->image_count = 0;
	return listing->images ? 0 : error_nomem(err);
}

static void
sort_images(struct ctr_listing *listing)
{
	qsort(listing->images, listing->image_count, sizeof(*listing->images),
	      by_name);
}

int
ctr_listing_images(struct ctr_listing *listing, const char *text,
		   struct ferry_error *err)
{
	struct columns columns;
	struct line line;
	int rc = make_images(listing, text, err);

	if (rc || !next_line(&line, &text))
		return rc;
	columns = parse_titles(line);
	while (next_line(&line, &text)) {
		struct ctr_image *image =
			&listing->images[listing->image_count];

		if (!take_word(image->name, sizeof(image->name),
			       cell(&columns, line, "REF")) ||
		    !take_digest(&image->digest,
				 cell(&columns, line, "DIGEST")))
			continue;
		image->pinned = has_label(cell(&columns, line, "LABELS"),
					  "io.cri-containerd.pinned=pinned");
		image->unpacked = true;
		listing->image_count++;
	}
	sort_images(listing);
	return 0;
}

static struct ctr_image *
find(const struct ctr_listing *listing, const char *name)
{
	size_t low = 0;
	size_t high = listing->image_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, listing->images[middle].name);

		if (!order)
			return &listing->images[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

void
ctr_listing_check(struct ctr_listing *listing, const char *text)
{
	char name[REFERENCE_TEXT];
	struct columns columns;
	struct line line;

	if (!next_line(&line, &text))
		return;
	columns = parse_titles(line);
	while (next_line(&line, &text)) {
		struct ctr_image *image = NULL;

		if (take_word(name, sizeof(name), cell(&columns, line, "REF")))
			image = find(listing, name);
		if (image && equals(cell(&columns, line, "UNPACKED"), "false"))
			image->unpacked = false;
	}
}

int
ctr_listing_blobs(struct ctr_listing *listing, const char *text,
		  struct ferry_error *err)
{
	struct line line;

	listing->blobs = calloc(count_lines(text) + 1, sizeof(*listing->blobs));
	if (!listing->blobs)
		return error_nomem(err);
	listing->blob_count = 0;
	while (next_line(&line, &text))
		if (take_digest(&listing->blobs[listing->blob_count], line))
			listing->blob_count++;
	qsort(listing->blobs, listing->blob_count, sizeof(*listing->blobs),
	      by_digest);
	listing->blobs_known = true;
	return 0;
}

int
ctr_listing_names(struct ctr_listing *listing, const char *text,
		  struct ferry_error *err)
{
	struct line line;
	int rc = make_images(listing, text, err);

	while (!rc && next_line(&line, &text)) {
		struct ctr_image *image =
			&listing->images[listing->image_count];
		const char *blank = memchr(line.text, ' ', line.size);
		size_t size = blank ? (size_t)(blank - line.text) : 0;

		if (!blank ||
		    !take_word(image->name, sizeof(image->name),
			       (struct line){ line.text, size }) ||
		    !take_digest(
			    &image->digest,
			    (struct line){ blank + 1, line.size - size - 1 }))
			continue;
		image->unpacked = true;
		listing->image_count++;
	}
	if (!rc)
		sort_images(listing);
	return rc;
}

const struct ctr_image *
ctr_listing_find(const struct ctr_listing *listing, const char *name)
{
	return find(listing, name);
}

bool
ctr_listing_has(const struct ctr_listing *listing, const struct digest *blob)
{
	if (!listing->blobs_known)
		return true;
	return listing->blob_count &&
	       bsearch(blob, listing->blobs, listing->blob_count,
		       sizeof(*listing->blobs), by_digest);
}

const char *
ctr_listing_version(char out[CTR_VERSION_MAX], const char *text,
		    const char *side)
{
	const char *at = strstr(text, side);
	size_t size;

	out[0] = '\0';
	at = at ? strstr(at, "Version:") : NULL;
	if (!at)
		return out;
	at += strlen("Version:");
	at += strspn(at, " \t");
	size = strcspn(at, " \t\r\n");
	if (size < CTR_VERSION_MAX) {
		memcpy(out, at, size);
		out[size] = '\0';
	}
	return out;
}
