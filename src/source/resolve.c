#include "source/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oci/document.h"
#include "oci/nested.h"

void
resolve_document_release(struct resolve_document *document)
{
	buffer_release(&document->bytes);
	*document = (struct resolve_document){ 0 };
}

static const char *
type_or_null(const struct resolve_document *document)
{
	return document->media_type[0] ? document->media_type : NULL;
}

/* The bytes become the image's. */
static int
take_manifest(struct image *image, struct resolve_document *manifest,
	      struct ferry_error *err)
{
	image->descriptor.digest = manifest->digest;
	image->descriptor.size = manifest->bytes.size;
	image->manifest_bytes = manifest->bytes;
	manifest->bytes = (struct buffer){ 0 };
	return image_parse_manifest(image, err);
}

static int
check_size(const struct resolve_document *manifest,
	   const struct descriptor *descriptor, struct ferry_error *err)
{
	if (manifest->bytes.size == descriptor->size)
		return 0;
	return error_set(err, FERRY_E_DIGEST,
			 "manifest %s has %zu bytes, its index says %llu",
			 descriptor->digest.text, manifest->bytes.size,
			 (unsigned long long)descriptor->size);
}

static int
get_config(struct resolve_place *place, const struct descriptor *config,
	   struct buffer *out, struct ferry_error *err)
{
	AUTO(proof_release) struct proof proof = { 0 };
	struct buffer_sink sink;
	int rc;

	buffer_release(out);
	out->limit = config->size;
	buffer_sink_init(&sink, out);
	rc = proof_init(&proof, &sink.sink, &config->digest, config->size, err);
	return rc ? rc : place->get_blob(place, config, &proof, err);
}

/* Once more where bytes went wrong, as the engine does with layers. */
static int
find_config(struct resolve_place *place, const struct descriptor *config,
	    struct buffer *out, struct ferry_error *err)
{
	int rc = get_config(place, config, out, err);

	return rc == FERRY_E_DIGEST ? get_config(place, config, out, err) : rc;
}

static int
take_config(struct resolve_place *place, struct image *image,
	    struct ferry_error *err)
{
	const struct descriptor *config = &image->manifest.config;
	int rc;

	if (config->size > MANIFEST_MAX)
		return error_set(err, FERRY_E_FAILED,
				 "a config of %llu bytes, but %zu is the limit",
				 (unsigned long long)config->size,
				 MANIFEST_MAX);
	rc = find_config(place, config, &image->config_bytes, err);
	return rc ? rc : image_parse_config(image, err);
}

/* "linux/arm64, linux/s390x": those platforms for which `lacking` holds. */
static int
refuse_platforms(const struct platforms *platforms, const bool *lacking,
		 const char *has, struct ferry_error *err)
{
	char wanted[PLATFORMS_MAX * (PLATFORM_TEXT + 2)] = "";
	size_t used = 0;

	for (size_t i = 0; i < platforms->count; i++) {
		char text[PLATFORM_TEXT];

		if (lacking[i])
			used += (size_t)snprintf(
				wanted + used, sizeof(wanted) - used, "%s%s",
				used ? ", " : "",
				platform_text(text, &platforms->items[i]));
	}
	return error_set(err, FERRY_E_PLATFORM, "no %s; it has %s", wanted,
			 has);
}

/* One manifest is one platform: it has to be all that are wanted. */
static int
check_single(const struct image *image, const struct platforms *platforms,
	     struct ferry_error *err)
{
	bool lacking[PLATFORMS_MAX] = { false };
	char has[PLATFORM_TEXT];
	bool any = false;

	for (size_t i = 0; i < platforms->count; i++) {
		lacking[i] =
			!platform_match(&platforms->items[i], &image->platform);
		any |= lacking[i];
	}
	if (!any)
		return 0;
	return refuse_platforms(platforms, lacking,
				platform_text(has, &image->platform), err);
}

static int
take_single(struct resolve_place *place, struct resolve_document *root,
	    const struct platforms *platforms, struct resolved *out,
	    struct ferry_error *err)
{
	AUTO(image_release) struct image image = { 0 };
	int rc = take_manifest(&image, root, err);

	if (!rc)
		rc = take_config(place, &image, err);
	if (!rc)
		rc = check_single(&image, platforms, err);
	return rc ? rc : resolved_take(out, &image, err);
}

/* An index, and which of its entries serve the platforms wanted. */
struct choice {
	struct resolve_place *place;
	const struct platforms *platforms;
	struct index index;
	const struct index_entry *entries[PLATFORMS_MAX]; /* one a platform */
};

static void
choice_release(struct choice *choice)
{
	index_release(&choice->index);
}

static int
choose(struct choice *choice, struct ferry_error *err)
{
	const struct platforms *platforms = choice->platforms;
	bool lacking[PLATFORMS_MAX] = { false };
	AUTO_FREE char *has = NULL;
	bool any = false;
	int rc;

	for (size_t i = 0; i < platforms->count; i++) {
		choice->entries[i] =
			index_choose(&choice->index, &platforms->items[i]);
		lacking[i] = !choice->entries[i];
		any |= lacking[i];
	}
	if (!any)
		return 0;
	rc = index_platforms(&choice->index, &has, err);
	return rc ? rc : refuse_platforms(platforms, lacking, has, err);
}

/* The manifest that an index has named, by its digest. */
static int
take_listed(struct resolve_place *place, const struct index_entry *entry,
	    struct image *image, struct ferry_error *err)
{
	AUTO_RESOLVE_DOCUMENT manifest = { 0 };
	const struct descriptor *descriptor = &entry->descriptor;
	enum media_kind kind;
	int rc;

	if (place->get(place, &descriptor->digest, &manifest, err))
		return error_wrap(err, "manifest %s, which its index names",
				  descriptor->digest.text);
	rc = check_size(&manifest, descriptor, err);
	if (rc)
		return rc;
	rc = document_kind(&kind, manifest.bytes.data, manifest.bytes.size,
			   descriptor->media_type, err);
	if (rc)
		return error_wrap(err, "manifest %s", descriptor->digest.text);
	rc = take_manifest(image, &manifest, err);
	return rc ? rc : take_config(place, image, err);
}

/* Neither is the index believed. */
static int
check_listed(const struct platform *wanted, const struct index_entry *entry,
	     const struct image *image, struct ferry_error *err)
{
	static const bool lacking[] = { true };
	struct platforms one = { .items = { *wanted }, .count = 1 };
	char listed[PLATFORM_TEXT];
	char has[PLATFORM_TEXT];

	if (platform_match(wanted, &image->platform))
		return 0;
	platform_text(has, &image->platform);
	if (!entry->has_platform)
		return refuse_platforms(&one, lacking, has, err);
	return error_set(err, FERRY_E_PLATFORM,
			 "its index says %s, its config says %s",
			 platform_text(listed, &entry->platform), has);
}

static struct image *
find_taken(struct resolved *resolved, const struct digest *digest)
{
	for (size_t i = 0; i < resolved->image_count; i++)
		if (digest_equal(&resolved->images[i].descriptor.digest,
				 digest))
			return &resolved->images[i];
	return NULL;
}

/* What serves two platforms is taken once. */
static int
take_choice(struct choice *choice, size_t number, struct resolved *resolved,
	    struct ferry_error *err)
{
	const struct index_entry *entry = choice->entries[number];
	struct image *image = find_taken(resolved, &entry->descriptor.digest);
	int rc = 0;

	if (!image) {
		image = &resolved->images[resolved->image_count++];
		rc = take_listed(choice->place, entry, image, err);
	}
	return rc ? rc
		  : check_listed(&choice->platforms->items[number], entry,
				 image, err);
}

static int
take_choices(struct choice *choice, const struct digest *index,
	     struct resolved *resolved, struct ferry_error *err)
{
	size_t count = choice->platforms->count;
	int rc = 0;

	resolved->images = calloc(count, sizeof(*resolved->images));
	if (!resolved->images)
		return error_nomem(err);
	for (size_t i = 0; i < count && !rc; i++)
		rc = take_choice(choice, i, resolved, err);
	for (size_t i = 0; i < resolved->image_count; i++)
		resolved->images[i].index_digest = *index;
	return rc || resolved->image_count == 1 ? rc
						: nested_make(resolved, err);
}

static int
take_some(struct resolve_place *place, const struct resolve_document *root,
	  const struct platforms *platforms, struct resolved *out,
	  struct ferry_error *err)
{
	AUTO(resolved_release) struct resolved resolved = { 0 };
	AUTO(choice_release)
	struct choice choice = { .place = place, .platforms = platforms };
	int rc = index_parse(&choice.index, root->bytes.data, root->bytes.size,
			     type_or_null(root), err);

	if (rc)
		return error_wrap(err, "index %s", root->digest.text);
	rc = choose(&choice, err);
	if (!rc)
		rc = take_choices(&choice, &root->digest, &resolved, err);
	if (rc)
		return rc;
	*out = resolved;
	resolved = (struct resolved){ 0 };
	return 0;
}

/* All that an index lists, out of a place. */
struct listed_documents {
	struct document_reader reader;
	struct resolve_place *place;
};

static int
read_listed(struct document_reader *base, const struct descriptor *descriptor,
	    bool is_manifest, struct buffer *out, struct ferry_error *err)
{
	struct resolve_place *place = ((struct listed_documents *)base)->place;
	AUTO_RESOLVE_DOCUMENT manifest = { 0 };
	int rc;

	if (!is_manifest)
		return find_config(place, descriptor, out, err);
	rc = place->get(place, &descriptor->digest, &manifest, err);
	if (rc)
		return rc;
	*out = manifest.bytes;
	manifest.bytes = (struct buffer){ 0 };
	return 0;
}

static int
take_whole(struct resolve_place *place, struct resolve_document *root,
	   struct resolved *out, struct ferry_error *err)
{
	struct listed_documents documents = {
		.reader = { .read = read_listed },
		.place = place,
	};

	return nested_read(out, &root->digest, &root->bytes, &documents.reader,
			   err);
}

static int
resolve(struct resolve_place *place, struct resolve_document *root,
	const struct platforms *platforms, struct resolved *out,
	struct ferry_error *err)
{
	enum media_kind kind = MEDIA_OTHER;
	int rc = document_kind(&kind, root->bytes.data, root->bytes.size,
			       type_or_null(root), err);

	if (rc)
		return error_wrap(err, "manifest %s", root->digest.text);
	if (kind != MEDIA_INDEX)
		return take_single(place, root, platforms, out, err);
	if (!platforms->count)
		return take_whole(place, root, out, err);
	return take_some(place, root, platforms, out, err);
}

int
resolve_images(struct resolve_place *place, struct resolve_document *take_root,
	       const struct platforms *platforms, struct resolved *out,
	       struct ferry_error *err)
{
	int rc = resolve(place, take_root, platforms, out, err);

	resolve_document_release(take_root);
	return rc;
}

/* The pin may also stand behind the name that was asked for. */
static void
find_pin(struct digest *out, const struct origin *origin)
{
	struct reference reference;
	struct ferry_error ignored;

	*out = origin->pin;
	if (!digest_is_set(out) && origin->selector &&
	    !reference_parse(&reference, origin->selector, &ignored))
		*out = reference.digest;
}

static const struct digest *
root_digest(const struct resolved *resolved)
{
	const struct image *image = &resolved->images[0];

	if (digest_is_set(&resolved->index.descriptor.digest))
		return &resolved->index.descriptor.digest;
	return digest_is_set(&image->index_digest) ? &image->index_digest
						   : &image->descriptor.digest;
}

int
resolve_check_pin(const struct origin *origin, const struct resolved *resolved,
		  struct ferry_error *err)
{
	const struct image *image = &resolved->images[0];
	const struct digest *root = root_digest(resolved);
	struct digest pin;

	find_pin(&pin, origin);
	if (!digest_is_set(&pin) || digest_equal(&pin, root) ||
	    digest_equal(&pin, &image->index_digest) ||
	    digest_equal(&pin, &image->descriptor.digest))
		return 0;
	return error_set(err, FERRY_E_NOT_FOUND,
			 "%s, which it is pinned to, is not there any more; "
			 "now it is %s: pack the list again to make a new lock",
			 pin.text, root->text);
}

void
resolve_name(struct resolved *resolved, struct source *source,
	     const struct reference *name)
{
	const struct digest *index = &resolved->index.descriptor.digest;
	const struct digest *chosen =
		digest_is_set(index) ? index
				     : &resolved->images[0].descriptor.digest;

	for (size_t i = 0; i < resolved->image_count; i++) {
		struct image *image = &resolved->images[i];

		image->source = source;
		image->reference = *name;
		if (name->tag[0])
			reference_unpin(&image->reference);
		else
			image->reference.digest = *chosen;
	}
}
