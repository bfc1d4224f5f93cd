/*
 * The images of a bundle: found by name, read and held against the statement.
 */
#include "bundle/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

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
	size_t count = bundle->statement.image_count;
	struct reference other;
	struct ferry_error ignored;
	char name[REFERENCE_TEXT];

	error_set(err, FERRY_E_NOT_FOUND, "%s: %s; %s has",
		  reference_familiar(name, reference),
		  found ? "more than one image is called so"
			: "not in the bundle",
		  bundle->path);
	for (size_t i = 0; i < count && i < NAMES_SHOWN; i++)
		if (!reference_parse(&other, bundle->statement.images[i].name,
				     &ignored))
			error_add(err, "%s %s", i ? "," : "",
				  reference_familiar(name, &other));
	if (count > NAMES_SHOWN)
		error_add(err, " and %zu more", count - NAMES_SHOWN);
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

int
bundle_find_image(const struct bundle *bundle,
		  const struct reference *reference, size_t *out,
		  struct ferry_error *err)
{
	const struct statement *statement = &bundle->statement;
	const struct statement_image *exact =
		find_exactly(statement, reference);
	size_t found = 0;
	size_t match = 0;

	if (exact) {
		*out = (size_t)(exact - statement->images);
		return 0;
	}
	for (size_t i = 0; i < statement->image_count; i++) {
		if (same_path(statement->images[i].name, reference)) {
			match = i;
			found++;
		}
	}
	if (found != 1)
		return no_such_image(bundle, reference, found, err);
	*out = match;
	return 0;
}

static int
draw(struct bundle *bundle, uint64_t size, struct ferry_error *err)
{
	if (size <= DOCUMENT_USUAL)
		return 0;
	if (size > bundle->large_left)
		return error_set(err, FERRY_E_DAMAGED,
				 "too many large manifests and configs");
	bundle->large_left -= size;
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

static int
check_image(const struct statement_image *stated, const struct image *image,
	    struct ferry_error *err)
{
	char said[PLATFORM_TEXT];
	char found[PLATFORM_TEXT];

	/* A name without a tag promises a digest. */
	if (digest_is_set(&image->reference.digest) &&
	    !digest_equal(&image->reference.digest, &stated->manifest))
		return error_set(err, FERRY_E_DAMAGED, "its manifest is %s",
				 stated->manifest.text);
	platform_text(said, &stated->platform);
	platform_text(found, &image->platform);
	if (strcmp(said, found) != 0)
		return error_set(err, FERRY_E_DAMAGED,
				 "bundle.json says %s, its config %s", said,
				 found);
	return 0;
}

int
bundle_read_image(struct bundle *bundle, size_t image, struct image *out,
		  struct ferry_error *err)
{
	const struct statement_image *stated = &bundle->statement.images[image];
	int rc;

	*out = (struct image){ .index_digest = stated->index };
	rc = read_parts(bundle, stated, out, err);
	if (!rc)
		rc = check_image(stated, out, err);
	if (!rc)
		return 0;
	image_release(out);
	if (rc == FERRY_E_FAILED || rc == FERRY_E_DIGEST ||
	    rc == FERRY_E_PLATFORM || rc == FERRY_E_USAGE)
		err->code = FERRY_E_DAMAGED;
	return err->code;
}
