/*
 * The images of a bundle: found by name, read and held against the statement.
 */
#include "bundle/reader.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "oci/nested.h"

static bool
same_path(const char *name, const struct reference *wanted)
{
	struct reference reference;
	struct ferry_error ignored;

	if (reference_parse(&reference, name, &ignored) ||
	    strcmp(wanted->host, REFERENCE_HUB) != 0)
		return false;
	return strcmp(reference_short_path(&reference),
		      reference_short_path(wanted)) == 0 &&
	       strcmp(reference.tag, wanted->tag) == 0;
}

#define NAMES_SHOWN 20 /* a release's; what has more is for `list` */

static int
no_such_image(const struct bundle *bundle, const struct reference *reference,
	      size_t found, struct ferry_error *err)
{
	const struct statement *statement = &bundle->statement;
	struct reference other;
	struct ferry_error ignored;
	char name[REFERENCE_TEXT];
	size_t names = 0;

	error_set(err, FERRY_E_NOT_FOUND, "%s: %s; %s has",
		  reference_familiar(name, reference),
		  found ? "more than one image is called so"
			: "not in the bundle",
		  bundle->path);
	for (size_t i = 0; i < statement->image_count;
	     i += statement_run(statement, i), names++)
		if (names < NAMES_SHOWN &&
		    !reference_parse(&other, statement->images[i].name,
				     &ignored))
			error_add(err, "%s %s", i ? "," : "",
				  reference_familiar(name, &other));
	if (names > NAMES_SHOWN)
		error_add(err, " and %zu more", names - NAMES_SHOWN);
	return FERRY_E_NOT_FOUND;
}

static int
compare_name(const void *name, const void *image)
{
	return strcmp(name, ((const struct statement_image *)image)->name);
}

/* The image that is called exactly so, or NULL; they are in order. */
static const struct statement_image *
find_exactly(const struct statement *statement,
	     const struct reference *reference)
{
	char name[REFERENCE_TEXT];

	reference_name(name, reference);
	return bsearch(name, statement->images, statement->image_count,
		       sizeof(*statement->images), compare_name);
}

static size_t
first_of_name(const struct statement *statement,
	      const struct statement_image *image)
{
	while (image > statement->images &&
	       strcmp(image[-1].name, image->name) == 0)
		image--;
	return (size_t)(image - statement->images);
}

int
bundle_find_image(const struct bundle *bundle,
		  const struct reference *reference, size_t *out,
		  struct ferry_error *err)
{
	const struct statement *statement = &bundle->statement;
	const struct statement_image *exact =
		find_exactly(statement, reference);
	const char *before = "";
	size_t found = 0;
	size_t match = 0;

	if (exact) {
		*out = first_of_name(statement, exact);
		return 0;
	}
	for (size_t i = 0; i < statement->image_count; i++) {
		const char *name = statement->images[i].name;

		if (strcmp(name, before) != 0 && same_path(name, reference)) {
			match = i;
			found++;
		}
		before = name;
	}
	if (found != 1)
		return no_such_image(bundle, reference, found, err);
	*out = match;
	return 0;
}

static int
draw(struct bundle *bundle, uint64_t size, struct ferry_error *err)
{
	uint64_t left;

	if (size <= DOCUMENT_USUAL)
		return 0;
	left = atomic_load(&bundle->large_left);
	do {
		if (size > left)
			return error_set(err, FERRY_E_DAMAGED,
					 "too many large manifests and "
					 "configs");
	} while (!atomic_compare_exchange_weak(&bundle->large_left, &left,
					       left - size));
	return 0;
}

static int
read_document(struct bundle *bundle, const struct digest *digest,
	      struct buffer *out, struct ferry_error *err)
{
	ssize_t blob = blob_table_find(&bundle->table, digest);
	struct buffer_sink sink;
	uint64_t size;
	int rc;

	if (blob < 0)
		return error_set(err, FERRY_E_DAMAGED, "blob %s is missing",
				 digest->text);
	size = bundle->table.blobs[blob].size;
	out->limit = MANIFEST_MAX;
	if (size > out->limit)
		return error_set(err, FERRY_E_DAMAGED, "blob %s is too large",
				 digest->text);
	buffer_sink_init(&sink, out);
	rc = draw(bundle, size, err);
	if (!rc)
		rc = bundle_read_blob(bundle, (size_t)blob, &sink.sink, NULL,
				      err);
	return rc ? error_wrap(err, "blob %s", digest->text) : 0;
}

/* The documents of an index, out of the bundle. */
struct bundle_documents {
	struct document_reader reader;
	struct bundle *bundle;
	/*
	 * Manifests still to be read: bundle.json says how many, or names that
	 * share one large index would cost a lot.
	 */
	size_t left;
};

static int
read_listed(struct document_reader *base, const struct descriptor *descriptor,
	    bool is_manifest, struct buffer *out, struct ferry_error *err)
{
	struct bundle_documents *documents = (struct bundle_documents *)base;

	if (is_manifest && !documents->left--)
		return error_set(err, FERRY_E_DAMAGED,
				 "bundle.json does not name it");
	return read_document(documents->bundle, &descriptor->digest, out, err);
}

static int
read_manifest(struct bundle *bundle, const struct digest *digest,
	      struct image *image, struct ferry_error *err)
{
	int rc = read_document(bundle, digest, &image->manifest_bytes, err);

	if (rc)
		return rc;
	image->descriptor.digest = *digest;
	image->descriptor.size = image->manifest_bytes.size;
	return image_parse_manifest(image, err);
}

static int
read_parts(struct bundle *bundle, const struct statement_image *stated,
	   struct image *out, struct ferry_error *err)
{
	int rc = reference_parse(&out->reference, stated->name, err);

	if (!rc)
		rc = read_manifest(bundle, &stated->manifest, out, err);
	if (!rc)
		rc = read_document(bundle, &out->manifest.config.digest,
				   &out->config_bytes, err);
	return rc ? rc : image_parse_config(out, err);
}

/* A name without a tag promises a digest. */
static int
check_name(const struct reference *name, const char *what,
	   const struct digest *digest, struct ferry_error *err)
{
	if (digest_is_set(&name->digest) &&
	    !digest_equal(&name->digest, digest))
		return error_set(err, FERRY_E_DAMAGED, "its %s is %s", what,
				 digest->text);
	return 0;
}

static const char *
shown_platform(char out[PLATFORM_TEXT], bool artifact,
	       const struct platform *platform)
{
	return artifact ? "no image" : platform_text(out, platform);
}

static int
check_platform(const struct statement_image *stated, const struct image *image,
	       struct ferry_error *err)
{
	char text[2][PLATFORM_TEXT];
	const char *said =
		shown_platform(text[0], stated->artifact, &stated->platform);
	const char *found =
		shown_platform(text[1], image->artifact, &image->platform);

	if (strcmp(said, found) != 0)
		return error_set(err, FERRY_E_DAMAGED,
				 "bundle.json says %s, its config %s", said,
				 found);
	return 0;
}

static int
read_single(struct bundle *bundle, const struct statement_image *stated,
	    struct resolved *out, struct ferry_error *err)
{
	AUTO(image_release)
	struct image image = { .index_digest = stated->index };
	int rc = read_parts(bundle, stated, &image, err);

	if (!rc)
		rc = check_name(&image.reference, "manifest", &stated->manifest,
				err);
	if (!rc)
		rc = check_platform(stated, &image, err);
	return rc ? rc : resolved_take(out, &image, err);
}

static int
read_children(struct bundle *bundle, const struct digest *digest, size_t count,
	      struct resolved *out, struct ferry_error *err)
{
	struct bundle_documents documents = {
		.reader = { .read = read_listed },
		.bundle = bundle,
		.left = count,
	};
	AUTO_BUFFER bytes = { 0 };
	int rc = read_document(bundle, digest, &bytes, err);

	return rc ? rc
		  : nested_read(out, digest, &bytes, &documents.reader, err);
}

/* What the index made of a child, against what is said of it. */
static int
settle_child(struct image *image, const struct reference *name,
	     const struct statement_image *stated, struct ferry_error *err)
{
	image->reference = *name;
	image->index_digest = stated->index;
	if (!digest_equal(&image->descriptor.digest, &stated->manifest))
		return error_set(err, FERRY_E_DAMAGED,
				 "bundle.json says manifest %s where its index "
				 "has %s",
				 stated->manifest.text,
				 image->descriptor.digest.text);
	return check_platform(stated, image, err);
}

/* It is as a source had it, or as ferry makes one of what a source had. */
static int
check_origin(const struct statement_image *stated,
	     const struct resolved *resolved, struct ferry_error *err)
{
	bool made;
	int rc;

	if (digest_equal(&stated->within, &stated->index))
		return 0;
	rc = nested_is_made(&resolved->index, resolved->images, &made, err);
	if (!rc && !made)
		rc = error_set(err, FERRY_E_DAMAGED,
			       "index %s is neither the one that its images "
			       "were chosen from nor of ferry's making",
			       stated->within.text);
	return rc;
}

static int
settle_children(struct resolved *resolved, const struct statement_image *stated,
		size_t count, struct ferry_error *err)
{
	struct reference name;
	int rc = reference_parse(&name, stated->name, err);

	if (!rc)
		rc = check_name(&name, "index", &stated->within, err);
	if (!rc && count != resolved->image_count)
		rc = error_set(err, FERRY_E_DAMAGED,
			       "bundle.json names %zu images, its index %zu",
			       count, resolved->image_count);
	for (size_t i = 0; i < count && !rc; i++)
		rc = settle_child(&resolved->images[i], &name, &stated[i], err);
	return rc ? rc : check_origin(stated, resolved, err);
}

static int
read_nested(struct bundle *bundle, size_t first, struct resolved *out,
	    struct ferry_error *err)
{
	const struct statement_image *stated = &bundle->statement.images[first];
	size_t count = statement_run(&bundle->statement, first);
	AUTO(resolved_release) struct resolved resolved = { 0 };
	int rc = read_children(bundle, &stated->within, count, &resolved, err);

	if (!rc)
		rc = settle_children(&resolved, stated, count, err);
	if (rc)
		return rc;
	*out = resolved;
	resolved = (struct resolved){ 0 };
	return 0;
}

int
bundle_read_name(struct bundle *bundle, size_t first, struct resolved *out,
		 struct ferry_error *err)
{
	const struct statement_image *stated = &bundle->statement.images[first];
	int rc = digest_is_set(&stated->within)
			 ? read_nested(bundle, first, out, err)
			 : read_single(bundle, stated, out, err);

	if (rc == FERRY_E_FAILED || rc == FERRY_E_DIGEST ||
	    rc == FERRY_E_PLATFORM || rc == FERRY_E_USAGE)
		rc = err->code = FERRY_E_DAMAGED;
	return rc;
}
