#include "source/resolve.h"

#include <string.h>

#include "oci/document.h"

/* An image in the making. */
struct search {
	struct resolve_place *place;
	const struct platform *wanted;
	struct image image;
	bool listed; /* an index says what platform this is: */
	struct platform listed_as;
};

static void
search_release(struct search *search)
{
	image_release(&search->image);
}

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
take_manifest(struct search *search, struct resolve_document *manifest,
	      struct ferry_error *err)
{
	struct descriptor *descriptor = &search->image.descriptor;

	descriptor->digest = manifest->digest;
	descriptor->size = manifest->bytes.size;
	search->image.manifest_bytes = manifest->bytes;
	manifest->bytes = (struct buffer){ 0 };
	return image_parse_manifest(&search->image, err);
}

static int
refuse_platform(const struct search *search, const char *has,
		struct ferry_error *err)
{
	char wanted[PLATFORM_TEXT];

	return error_set(err, FERRY_E_PLATFORM, "no %s; it has %s",
			 platform_text(wanted, search->wanted), has);
}

static int
choose(struct search *search, const struct resolve_document *found,
       struct ferry_error *err)
{
	AUTO(index_release) struct index index = { 0 };
	AUTO_FREE char *platforms = NULL;
	const struct index_entry *entry;
	int rc = index_parse(&index, found->bytes.data, found->bytes.size,
			     type_or_null(found), err);

	if (rc)
		return error_wrap(err, "index %s", found->digest.text);
	entry = index_choose(&index, search->wanted);
	if (!entry) {
		rc = index_platforms(&index, &platforms, err);
		return rc ? rc : refuse_platform(search, platforms, err);
	}
	search->image.descriptor = entry->descriptor;
	search->listed = entry->has_platform;
	search->listed_as = entry->platform;
	return 0;
}

/* The manifest that an index has named, by its digest. */
static int
take_listed(struct search *search, const struct resolve_document *found,
	    struct ferry_error *err)
{
	AUTO_RESOLVE_DOCUMENT manifest = { 0 };
	const struct descriptor *descriptor = &search->image.descriptor;
	enum media_kind kind;
	int rc = choose(search, found, err);

	if (rc)
		return rc;
	if (search->place->get(search->place, &descriptor->digest, &manifest,
			       err))
		return error_wrap(err, "manifest %s, which its index names",
				  descriptor->digest.text);
	if (manifest.bytes.size != descriptor->size)
		return error_set(err, FERRY_E_DIGEST,
				 "manifest %s has %zu bytes, its index says "
				 "%llu",
				 descriptor->digest.text, manifest.bytes.size,
				 (unsigned long long)descriptor->size);
	search->image.index_digest = found->digest;
	rc = document_kind(&kind, manifest.bytes.data, manifest.bytes.size,
			   descriptor->media_type, err);
	if (rc)
		return error_wrap(err, "manifest %s", descriptor->digest.text);
	return take_manifest(search, &manifest, err);
}

static int
find_manifest(struct search *search, struct resolve_document *root,
	      struct ferry_error *err)
{
	enum media_kind kind = MEDIA_OTHER;
	int rc = document_kind(&kind, root->bytes.data, root->bytes.size,
			       type_or_null(root), err);

	if (rc)
		return error_wrap(err, "manifest %s", root->digest.text);
	return kind == MEDIA_INDEX ? take_listed(search, root, err)
				   : take_manifest(search, root, err);
}

static int
get_config(struct search *search, struct ferry_error *err)
{
	const struct descriptor *config = &search->image.manifest.config;
	struct buffer *bytes = &search->image.config_bytes;
	AUTO(proof_release) struct proof proof = { 0 };
	struct buffer_sink sink;
	int rc;

	buffer_release(bytes);
	bytes->limit = config->size;
	buffer_sink_init(&sink, bytes);
	rc = proof_init(&proof, &sink.sink, &config->digest, config->size, err);
	return rc ? rc
		  : search->place->get_blob(search->place, config, &proof, err);
}

static int
find_config(struct search *search, struct ferry_error *err)
{
	uint64_t size = search->image.manifest.config.size;
	int rc;

	if (size > MANIFEST_MAX)
		return error_set(err, FERRY_E_FAILED,
				 "a config of %llu bytes, but %zu is the limit",
				 (unsigned long long)size, MANIFEST_MAX);
	rc = get_config(search, err);
	/* Once more, as the engine does with layers. */
	if (rc == FERRY_E_DIGEST)
		rc = get_config(search, err);
	return rc ? rc : image_parse_config(&search->image, err);
}

static int
check_platform(const struct search *search, struct ferry_error *err)
{
	char listed[PLATFORM_TEXT];
	char has[PLATFORM_TEXT];

	if (platform_match(search->wanted, &search->image.platform))
		return 0;
	platform_text(has, &search->image.platform);
	if (!search->listed)
		return refuse_platform(search, has, err);
	return error_set(err, FERRY_E_PLATFORM,
			 "its index says %s, its config says %s",
			 platform_text(listed, &search->listed_as), has);
}

static int
run_search(struct search *search, struct resolve_document *root,
	   struct ferry_error *err)
{
	int rc = find_manifest(search, root, err);

	if (!rc)
		rc = find_config(search, err);
	if (!rc)
		rc = check_platform(search, err);
	return rc;
}

int
resolve_image(struct resolve_place *place, struct resolve_document *take_root,
	      const struct platform *wanted, struct image *out,
	      struct ferry_error *err)
{
	AUTO(search_release)
	struct search search = { .place = place, .wanted = wanted };
	int rc = run_search(&search, take_root, err);

	resolve_document_release(take_root);
	if (rc)
		return rc;
	*out = search.image;
	search.image = (struct image){ 0 };
	return 0;
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
			 "%s is not there any more; now it is %s", pin.text,
			 root->text);
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
