#include "serve/shelf.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "oci/nested.h"

/* Texts live as long as the shelf, each where it was put. */
struct text_block {
	struct text_block *next;
	char text[];
};

static int
keep_text(struct shelf *shelf, const char **out, const char *text,
	  struct ferry_error *err)
{
	size_t size = strlen(text) + 1;
	struct text_block *block = malloc(sizeof(*block) + size);

	if (!block)
		return error_nomem(err);
	memcpy(block->text, text, size);
	block->next = shelf->texts;
	shelf->texts = block;
	*out = block->text;
	return 0;
}

/* Room for one more of `size` bytes; doubles. */
static int
grow(void **items, size_t count, size_t *room, size_t size,
     struct ferry_error *err)
{
	size_t wanted = *room ? *room * 2 : 64;
	void *larger;

	if (count < *room)
		return 0;
	larger = reallocarray(*items, wanted, size);
	if (!larger)
		return error_nomem(err);
	*items = larger;
	*room = wanted;
	return 0;
}

static int
find_document(struct document *out, const struct bundle *bundle,
	      const struct descriptor *descriptor, struct ferry_error *err)
{
	ssize_t blob = blob_table_find(&bundle->table, &descriptor->digest);

	if (blob < 0) /* it has been read from there */
		return error_set(err, FERRY_E_DAMAGED, "%s: blob %s is missing",
				 bundle->path, descriptor->digest.text);
	out->bundle = bundle;
	out->blob = (size_t)blob;
	out->descriptor = *descriptor;
	return 0;
}

static int
add_entry(struct shelf *shelf, const char *repository, const char *reference,
	  unsigned rank, const struct document *document,
	  struct ferry_error *err)
{
	void *entries = shelf->entries;
	int rc = grow(&entries, shelf->entry_count, &shelf->entry_room,
		      sizeof(struct entry), err);

	shelf->entries = entries;
	if (rc)
		return rc;
	shelf->entries[shelf->entry_count++] = (struct entry){
		.repository = repository,
		.reference = reference,
		.rank = rank,
		.image = shelf->image_count,
		.document = *document,
	};
	return 0;
}

/* The names of one image, the one by the first rule in front. */
#define NAMES_MAX 3

struct names {
	const char *items[NAMES_MAX];
	size_t count;
};

static int
add_name(struct shelf *shelf, struct names *names, const char *name,
	 struct ferry_error *err)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i], name) == 0)
			return 0;
	return keep_text(shelf, &names->items[names->count++], name, err);
}

static int
make_names(struct shelf *shelf, struct names *out,
	   const struct reference *reference, struct ferry_error *err)
{
	char path[REFERENCE_HOST_MAX + REFERENCE_REPOSITORY_MAX];
	int rc = add_name(shelf, out, reference_short_path(reference), err);

	if (!rc)
		rc = add_name(shelf, out, reference->repository, err);
	snprintf(path, sizeof(path), "%s/%s", reference->host,
		 reference->repository);
	/* A host with a port makes a path that nobody can ask for. */
	if (!rc && reference_is_repository(path))
		rc = add_name(shelf, out, path, err);
	return rc;
}

/* One document under all names of its image, by tag (or NULL) and digest. */
static int
add_document(struct shelf *shelf, const struct names *names, const char *tag,
	     const struct document *document, struct ferry_error *err)
{
	const char *digest;
	int rc = keep_text(shelf, &digest, document->descriptor.digest.text,
			   err);

	for (size_t i = 0; i < names->count && !rc; i++) {
		rc = add_entry(shelf, names->items[i], digest, i > 0, document,
			       err);
		if (!rc && tag)
			rc = add_entry(shelf, names->items[i], tag, i > 0,
				       document, err);
	}
	return rc;
}

static int
add_shown(struct shelf *shelf, const struct release *release, size_t first,
	  size_t count, const struct document *document,
	  struct shown_image **out, struct ferry_error *err)
{
	const struct image *image = &release->images[first];
	void *images = shelf->images;
	int rc = grow(&images, shelf->image_count, &shelf->image_room,
		      sizeof(struct shown_image), err);
	struct shown_image *shown;

	shelf->images = images;
	if (rc)
		return rc;
	shown = &shelf->images[shelf->image_count];
	*shown = (struct shown_image){ .document = *document };
	strcpy(shown->repository, reference_short_path(&image->reference));
	strcpy(shown->tag, image->reference.tag);
	reference_name(shown->reference, &image->reference);
	rc = nested_platforms(image, count, &shown->platforms, err);
	*out = shown;
	return rc;
}

/* Blobs of one name, each once; `marks` has a byte for each of the release. */
static uint64_t
size_of_name(const struct release *release, size_t first, size_t count,
	     uint8_t *marks)
{
	uint64_t size = 0;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = first; i < first + count; i++)
			for (size_t j = 0; j < release->images[i].blob_count;
			     j++) {
				size_t blob = release->images[i].blobs[j];

				if (!marks[blob] && pass == 0)
					size += release->blobs[blob]
							.descriptor.size;
				marks[blob] = pass == 0;
			}
	return size;
}

static int
add_children(struct shelf *shelf, const struct bundle *bundle,
	     const struct image *images, size_t count,
	     const struct names *names, struct ferry_error *err)
{
	struct document document;
	int rc = 0;

	for (size_t i = 0; i < count && !rc; i++) {
		rc = find_document(&document, bundle, &images[i].descriptor,
				   err);
		if (!rc)
			rc = add_document(shelf, names, NULL, &document, err);
	}
	return rc;
}

/* The images of one name, which are `count` where an index is above them. */
static int
add_images(struct shelf *shelf, const struct bundle *bundle,
	   const struct release *release, size_t first, size_t count,
	   uint8_t *marks, struct ferry_error *err)
{
	const struct image *image = &release->images[first];
	const struct nested_index *index = image->nested;
	struct names names = { 0 };
	struct shown_image *shown;
	struct document document;
	const char *tag = NULL;
	int rc = find_document(&document, bundle,
			       index ? &index->descriptor : &image->descriptor,
			       err);

	if (!rc)
		rc = make_names(shelf, &names, &image->reference, err);
	if (!rc && image->reference.tag[0])
		rc = keep_text(shelf, &tag, image->reference.tag, err);
	if (!rc)
		rc = add_document(shelf, &names, tag, &document, err);
	if (!rc && index)
		rc = add_children(shelf, bundle, image, count, &names, err);
	if (!rc)
		rc = add_shown(shelf, release, first, count, &document, &shown,
			       err);
	if (rc)
		return rc;
	shown->size = size_of_name(release, first, count, marks);
	shelf->image_count++;
	return 0;
}

int
shelf_add(struct shelf *shelf, const struct bundle *bundle,
	  const struct release *release, struct ferry_error *err)
{
	AUTO_FREE uint8_t *marks = calloc(release->blob_count + 1, 1);
	const struct bundle **bundles =
		reallocarray(shelf->bundles, shelf->bundle_count + 1,
			     sizeof(struct bundle *));
	size_t count;
	int rc = 0;

	if (bundles)
		shelf->bundles = bundles;
	if (!marks || !bundles)
		return error_nomem(err);
	shelf->bundles[shelf->bundle_count++] = bundle;
	for (size_t i = 0; i < release->image_count && !rc; i += count) {
		const struct nested_index *index = release->images[i].nested;

		count = index ? index->image_count : 1;
		rc = add_images(shelf, bundle, release, i, count, marks, err);
	}
	return rc;
}

static int
compare_entries(const void *a, const void *b)
{
	const struct entry *one = a;
	const struct entry *two = b;
	int order = strcmp(one->repository, two->repository);

	if (!order)
		order = strcmp(one->reference, two->reference);
	if (!order)
		order = (one->rank > two->rank) - (one->rank < two->rank);
	return order ? order
		     : (one->image > two->image) - (one->image < two->image);
}

static int
compare_images(const void *a, const void *b)
{
	const struct shown_image *one = a;
	const struct shown_image *two = b;
	int order = strcmp(one->repository, two->repository);

	return order ? order : strcmp(one->tag, two->tag);
}

static int
refuse_clash(const struct shelf *shelf, const struct entry *a,
	     const struct entry *b, struct ferry_error *err)
{
	const struct shown_image *one = &shelf->images[a->image];
	const struct shown_image *two = &shelf->images[b->image];

	return error_set(
		err, FERRY_E_USAGE,
		"%s in %s and %s in %s would both be called %s:%s, and "
		"are two images (%.19s, %.19s): serve one of them",
		one->reference, a->document.bundle->path, two->reference,
		b->document.bundle->path, a->repository, a->reference,
		a->document.descriptor.digest.text,
		b->document.descriptor.digest.text);
}

static bool
same_way(const struct entry *a, const struct entry *b)
{
	return strcmp(a->repository, b->repository) == 0 &&
	       strcmp(a->reference, b->reference) == 0;
}

/* Of several ways that are the same, the first is kept. */
static int
drop_doubles(struct shelf *shelf, struct ferry_error *err)
{
	struct entry *entries = shelf->entries;
	size_t kept = 0;

	for (size_t i = 0; i < shelf->entry_count; i++) {
		const struct entry *last = kept ? &entries[kept - 1] : NULL;

		if (!last || !same_way(last, &entries[i]))
			entries[kept++] = entries[i];
		else if (!entries[i].rank && /* else that is told of these */
			 !digest_equal(&last->document.descriptor.digest,
				       &entries[i].document.descriptor.digest))
			return refuse_clash(shelf, last, &entries[i], err);
	}
	shelf->entry_count = kept;
	return 0;
}

/* Two bundles may have the same image; a person sees it once. */
static void
drop_shown_doubles(struct shelf *shelf)
{
	struct shown_image *images = shelf->images;
	size_t kept = 0;

	for (size_t i = 0; i < shelf->image_count; i++) {
		if (kept &&
		    compare_images(&images[kept - 1], &images[i]) == 0 &&
		    digest_equal(&images[kept - 1].document.descriptor.digest,
				 &images[i].document.descriptor.digest))
			free(images[i].platforms);
		else
			images[kept++] = images[i];
	}
	shelf->image_count = kept;
}

int
shelf_settle(struct shelf *shelf, struct ferry_error *err)
{
	int rc;

	if (!shelf->entry_count)
		return error_set(err, FERRY_E_USAGE, "no image to serve");
	qsort(shelf->entries, shelf->entry_count, sizeof(*shelf->entries),
	      compare_entries);
	rc = drop_doubles(shelf, err);
	if (rc)
		return rc;
	/* From here on entries know their images no more. */
	qsort(shelf->images, shelf->image_count, sizeof(*shelf->images),
	      compare_images);
	drop_shown_doubles(shelf);
	return 0;
}

void
shelf_release(struct shelf *shelf)
{
	while (shelf->texts) {
		struct text_block *next = shelf->texts->next;

		free(shelf->texts);
		shelf->texts = next;
	}
	for (size_t i = 0; i < shelf->image_count; i++)
		free(shelf->images[i].platforms);
	free(shelf->images);
	free(shelf->entries);
	free(shelf->bundles);
	*shelf = (struct shelf){ 0 };
}

/* The first entry that is not before this one; both may be "". */
static size_t
lower_bound(const struct shelf *shelf, const char *repository,
	    const char *reference)
{
	size_t low = 0;
	size_t high = shelf->entry_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct entry *entry = &shelf->entries[middle];
		int order = strcmp(entry->repository, repository);

		if (!order)
			order = strcmp(entry->reference, reference);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct document *
shelf_find(const struct shelf *shelf, const char *repository,
	   const char *reference)
{
	size_t at = lower_bound(shelf, repository, reference);
	const struct entry *entry = &shelf->entries[at];

	if (at == shelf->entry_count ||
	    strcmp(entry->repository, repository) != 0 ||
	    strcmp(entry->reference, reference) != 0)
		return NULL;
	return &entry->document;
}

bool
shelf_has(const struct shelf *shelf, const char *repository)
{
	size_t at = lower_bound(shelf, repository, "");

	return at < shelf->entry_count &&
	       strcmp(shelf->entries[at].repository, repository) == 0;
}

bool
shelf_find_blob(const struct shelf *shelf, const struct digest *digest,
		size_t *from, struct document *out)
{
	while (*from < shelf->bundle_count) {
		const struct bundle *bundle = shelf->bundles[(*from)++];
		ssize_t blob = blob_table_find(&bundle->table, digest);

		if (blob < 0)
			continue;
		*out = (struct document){ .bundle = bundle,
					  .blob = (size_t)blob };
		out->descriptor.digest = *digest;
		out->descriptor.size = bundle->table.blobs[blob].size;
		strcpy(out->descriptor.media_type, "application/octet-stream");
		return true;
	}
	return false;
}

const char *
shelf_next_repository(const struct shelf *shelf, const char *last)
{
	size_t at = last ? lower_bound(shelf, last, "\xff") : 0;

	while (at < shelf->entry_count && shelf->entries[at].rank)
		at++;
	return at < shelf->entry_count ? shelf->entries[at].repository : NULL;
}

const char *
shelf_next_tag(const struct shelf *shelf, const char *repository,
	       const char *last)
{
	size_t at = lower_bound(shelf, repository, last ? last : "");

	for (; at < shelf->entry_count; at++) {
		const struct entry *entry = &shelf->entries[at];

		if (strcmp(entry->repository, repository) != 0)
			return NULL;
		if (!strchr(entry->reference, ':') &&
		    (!last || strcmp(entry->reference, last) != 0))
			return entry->reference;
	}
	return NULL;
}
