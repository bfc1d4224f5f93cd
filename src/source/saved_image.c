#include "source/saved_image.h"

#include <string.h>

#include "base/text.h"

#define BLOBS "blobs/sha256/"

#define MEDIA_TYPE_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_TYPE_LAYER "application/vnd.oci.image.layer.v1.tar"

void
saved_image_release(struct saved_image *image)
{
	buffer_release(&image->config);
	buffer_release(&image->manifest);
	free(image->layers);
	*image = (struct saved_image){ 0 };
}

/* A regular member; that of a layer may be behind a link. */
static int
find_member(struct tarball *tarball, const char *name, bool follow,
	    const struct tarball_member **out, struct ferry_error *err)
{
	const struct tarball_member *member;

	while (text_starts(name, "./"))
		name += 2;
	member = tarball_find(tarball, name);
	if (!member)
		return error_set(err, FERRY_E_FAILED,
				 "manifest.json names %.200s, which is not in "
				 "the archive",
				 name);
	if (member->kind == TARBALL_LINK && follow)
		member = member->target;
	if (member->kind != TARBALL_FILE)
		return error_set(err, FERRY_E_FAILED,
				 "manifest.json names %.200s, which is no file",
				 name);
	*out = member;
	return 0;
}

/* "HEX.json", "blobs/sha256/HEX", "sha256:HEX": the digits, or NULL. */
static const char *
promised_hex(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;

	if (text_starts(base, DIGEST_PREFIX))
		base += strlen(DIGEST_PREFIX);
	if (strlen(base) < DIGEST_HEX || !digest_is_hex(base))
		return NULL;
	base += DIGEST_HEX;
	return !*base || strcmp(base, ".json") == 0 ? base - DIGEST_HEX : NULL;
}

/* Docker and Podman take the name's word for it: ferry does not. */
static int
check_config_name(const struct saved_image *image, const char *name,
		  struct ferry_error *err)
{
	const char *hex = promised_hex(name);

	if (!hex ||
	    memcmp(hex, digest_hex(&image->config_digest), DIGEST_HEX) == 0)
		return 0;
	return error_set(err, FERRY_E_FAILED,
			 "config %.200s: its content is %s; somebody has "
			 "changed it",
			 name, image->config_digest.text);
}

int
saved_image_load_config(struct saved_image *out, struct tarball *tarball,
			const struct saved_entry *entry,
			struct ferry_error *err)
{
	const struct tarball_member *member = NULL;
	int rc = find_member(tarball, entry->config, false, &member, err);

	if (rc || !member)
		return rc;
	out->config.limit = MANIFEST_MAX;
	if (member->size > MANIFEST_MAX)
		return error_set(err, FERRY_E_FAILED,
				 "a config of %llu bytes, but %zu is the limit",
				 (unsigned long long)member->size,
				 MANIFEST_MAX);
	rc = tarball_load(tarball, member, &out->config, err);
	if (!rc)
		rc = digest_of(&out->config_digest, out->config.data,
			       out->config.size, err);
	return rc ? rc : check_config_name(out, entry->config, err);
}

/* What a layer may begin with, and what a registry calls it then. */
static const struct form {
	const char *magic;
	size_t size;
	const char *suffix;  /* of the media type */
	const char *refusal; /* or NULL */
} forms[] = {
	{ "\x1f\x8b", 2, "+gzip", NULL },
	{ "\x28\xb5\x2f\xfd", 4, "+zstd", NULL },
	{ "BZh", 3, NULL, "bzip2" },
	{ "\xfd"
	  "7zXZ",
	  5, NULL, "xz" },
};

static const struct form *
find_form(const struct tarball_member *member)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (member->head_size >= forms[i].size &&
		    memcmp(member->head, forms[i].magic, forms[i].size) == 0)
			return &forms[i];
	return NULL;
}

static int
find_layers(struct saved_image *image, struct tarball *tarball,
	    const struct saved_entry *entry, struct ferry_error *err)
{
	int rc = 0;

	image->layers = calloc(entry->layer_count + 1, sizeof(*image->layers));
	if (!image->layers)
		return error_nomem(err);
	image->layer_count = entry->layer_count;
	for (size_t i = 0; i < image->layer_count && !rc; i++) {
		struct saved_blob *layer = &image->layers[i];
		const struct form *form;

		rc = find_member(tarball, entry->layers[i], true,
				 &layer->member, err);
		form = rc ? NULL : find_form(layer->member);
		if (form && form->refusal)
			rc = error_set(err, FERRY_E_FAILED,
				       "layer %.200s is compressed by %s, "
				       "which no registry takes",
				       layer->member->name, form->refusal);
	}
	return rc;
}

/* Bytes that go nowhere but through a hasher. */
struct hash_sink {
	struct sink sink;
	struct hasher hasher;
};

static int
hash_piece(struct sink *sink, const void *data, size_t size,
	   struct ferry_error *err)
{
	return hasher_update(&((struct hash_sink *)sink)->hasher, data, size,
			     err);
}

static int
hash_member(struct digest *out, struct tarball *tarball,
	    const struct tarball_member *member, struct ferry_error *err)
{
	struct hash_sink sink = { .sink = { .write = hash_piece } };
	int rc = hasher_init(&sink.hasher, err);

	if (!rc)
		rc = tarball_read(tarball, member, 0, &sink.sink, err);
	if (!rc)
		rc = hasher_finish(&sink.hasher, out, err);
	hasher_release(&sink.hasher);
	return rc;
}

/*
 * Uncompressed, it is what its config says; that is proved when it is read, and
 * so is a name in blobs/.  Of what else is compressed nobody says a digest.
 */
static int
name_layer(struct saved_blob *layer, struct tarball *tarball,
	   const struct digest *diff_id, struct ferry_error *err)
{
	const char *name = layer->member->name;
	struct ferry_error ignored;
	char text[DIGEST_TEXT];

	if (!find_form(layer->member)) {
		layer->digest = *diff_id;
		return 0;
	}
	if (text_starts(name, BLOBS) &&
	    strlen(name) == strlen(BLOBS) + DIGEST_HEX) {
		strcpy(text, DIGEST_PREFIX);
		strcat(text, name + strlen(BLOBS));
		if (!digest_parse(&layer->digest, text, &ignored))
			return 0;
	}
	return hash_member(&layer->digest, tarball, layer->member, err);
}

static int
by_offset(const void *a, const void *b, void *data)
{
	const struct saved_blob *layers = data;
	uint64_t one = layers[*(const size_t *)a].member->offset;
	uint64_t two = layers[*(const size_t *)b].member->offset;

	return one < two ? -1 : one > two;
}

/* In the order of the archive: one pass, where there is but one way through. */
static int
name_layers(struct saved_image *image, struct tarball *tarball,
	    const struct image_config *config, struct ferry_error *err)
{
	AUTO_FREE size_t *order =
		calloc(image->layer_count + 1, sizeof(*order));
	int rc = 0;

	if (!order)
		return error_nomem(err);
	for (size_t i = 0; i < image->layer_count; i++)
		order[i] = i;
	qsort_r(order, image->layer_count, sizeof(*order), by_offset,
		image->layers);
	for (size_t i = 0; i < image->layer_count && !rc; i++)
		rc = name_layer(&image->layers[order[i]], tarball,
				&config->diff_ids[order[i]], err);
	return rc;
}

static int
add_descriptor(json_t *list, const struct saved_blob *layer,
	       struct ferry_error *err)
{
	struct descriptor descriptor = { .digest = layer->digest,
					 .size = layer->member->size };
	const struct form *form = find_form(layer->member);

	strcpy(descriptor.media_type, MEDIA_TYPE_LAYER);
	if (form)
		strcat(descriptor.media_type, form->suffix);
	return json_array_append_new(list, descriptor_json(&descriptor))
		       ? error_nomem(err)
		       : 0;
}

/* docs/format.md, "Images out of Docker": the same image, the same bytes. */
static int
write_manifest(struct saved_image *image, struct ferry_error *err)
{
	struct descriptor config = { .media_type = MEDIA_TYPE_CONFIG,
				     .digest = image->config_digest,
				     .size = image->config.size };
	AUTO_JSON *json =
		json_pack("{s:i, s:s, s:o, s:[]}", "schemaVersion", 2,
			  "mediaType", MEDIA_TYPE_OCI_MANIFEST, "config",
			  descriptor_json(&config), "layers");
	int rc = json ? 0 : error_nomem(err);

	for (size_t i = 0; i < image->layer_count && !rc; i++)
		rc = add_descriptor(json_object_get(json, "layers"),
				    &image->layers[i], err);
	image->manifest.limit = MANIFEST_MAX;
	return rc ? rc : json_write(json, &image->manifest, err);
}

int
saved_image_make(struct saved_image *image, struct tarball *tarball,
		 const struct saved_entry *entry, struct ferry_error *err)
{
	AUTO(image_config_release) struct image_config config = { 0 };
	int rc = image_config_parse(&config, image->config.data,
				    image->config.size, err);

	if (rc)
		return error_wrap(err, "config %s", image->config_digest.text);
	if (config.diff_id_count != entry->layer_count)
		return error_set(err, FERRY_E_FAILED,
				 "manifest.json has %zu layers, but the config "
				 "has %zu diff_ids",
				 entry->layer_count, config.diff_id_count);
	rc = find_layers(image, tarball, entry, err);
	if (!rc)
		rc = name_layers(image, tarball, &config, err);
	return rc ? rc : write_manifest(image, err);
}
