#include "oci/nested.h"

#include <stdlib.h>
#include <string.h>

/* Of a config's "os.version", which only Windows has: "10.0.20348.1547". */
#define OS_VERSION_MAX 128

static const char *
os_version(const json_t *config)
{
	const char *text =
		json_string_value(json_object_get(config, "os.version"));

	return text && *text && strlen(text) <= OS_VERSION_MAX ? text : NULL;
}

static int
platform_json(json_t **out, const struct image *image, struct ferry_error *err)
{
	const struct platform *platform = &image->platform;
	const struct buffer *bytes = &image->config_bytes;
	AUTO_JSON *config = NULL;
	AUTO_JSON *json = json_pack("{s:s, s:s}", "architecture",
				    platform->architecture, "os", platform->os);
	const char *version;
	int rc = document_json(&config, bytes->data, bytes->size, err);

	if (rc)
		return rc;
	version = os_version(config);
	if ((version &&
	     json_object_set_new(json, "os.version", json_string(version))) ||
	    (platform->variant[0] &&
	     json_object_set_new(json, "variant",
				 json_string(platform->variant))))
		return error_nomem(err);
	*out = STEAL(&json);
	return *out ? 0 : error_nomem(err);
}

static int
add_entry(json_t *list, const struct image *image, struct ferry_error *err)
{
	AUTO_JSON *json = descriptor_json(&image->descriptor);
	json_t *platform = NULL;
	int rc = platform_json(&platform, image, err);

	if (rc)
		return rc;
	if (json_object_set_new(json, "platform", platform) ||
	    json_array_append(list, json))
		return error_nomem(err);
	return 0;
}

/* Registries may refuse an index of one family with children of the other. */
static const char *
type_for(const struct image *images, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!media_type_equal(images[i].descriptor.media_type,
				      MEDIA_TYPE_DOCKER_MANIFEST))
			return MEDIA_TYPE_OCI_INDEX;
	return MEDIA_TYPE_DOCKER_LIST;
}

static int
write_index(struct buffer *out, const struct image *images, size_t count,
	    struct ferry_error *err)
{
	json_t *list = json_array();
	AUTO_JSON *json =
		json_pack("{s:i, s:s, s:o}", "schemaVersion", 2, "mediaType",
			  type_for(images, count), "manifests", list);
	int rc = json ? 0 : error_nomem(err);

	for (size_t i = 0; i < count && !rc; i++)
		rc = add_entry(list, &images[i], err);
	return rc ? rc : json_write(json, out, err);
}

int
nested_make(struct resolved *resolved, struct ferry_error *err)
{
	AUTO_BUFFER bytes = BUFFER(MANIFEST_MAX);
	size_t count = resolved->image_count;
	struct descriptor *descriptor = &resolved->index.descriptor;
	int rc = write_index(&bytes, resolved->images, count, err);

	if (!rc)
		rc = digest_of(&descriptor->digest, bytes.data, bytes.size,
			       err);
	if (rc)
		return rc;
	descriptor->size = bytes.size;
	strcpy(descriptor->media_type, type_for(resolved->images, count));
	resolved->index.image_count = count;
	resolved->index.bytes = bytes;
	bytes = (struct buffer){ 0 };
	for (size_t i = 0; i < count; i++)
		resolved->images[i].secondary = i > 0;
	return 0;
}

int
nested_is_made(const struct nested_index *index, const struct image *images,
	       bool *out, struct ferry_error *err)
{
	AUTO_BUFFER bytes = BUFFER(MANIFEST_MAX);
	int rc;

	*out = false;
	for (size_t i = 0; i < index->image_count; i++)
		if (images[i].artifact)
			return 0;
	rc = write_index(&bytes, images, index->image_count, err);
	if (rc)
		return rc;
	*out = bytes.size == index->bytes.size &&
	       memcmp(bytes.data, index->bytes.data, bytes.size) == 0;
	return 0;
}

ssize_t
nested_choose(const struct resolved *resolved, const struct platform *wanted)
{
	ssize_t best = -1;
	unsigned best_match = 0;

	for (size_t i = 0; i < resolved->image_count; i++) {
		const struct image *image = &resolved->images[i];
		unsigned match =
			image->artifact
				? 0
				: platform_match(wanted, &image->platform);

		if (match > best_match) {
			best = (ssize_t)i;
			best_match = match;
		}
	}
	return best;
}

void
nested_keep_one(struct resolved *resolved, size_t image)
{
	struct image kept = resolved->images[image];

	resolved->images[image] = resolved->images[0];
	resolved->images[0] = kept;
	for (size_t i = 1; i < resolved->image_count; i++)
		image_release(&resolved->images[i]);
	resolved->image_count = 1;
	resolved->images[0].secondary = false;
	buffer_release(&resolved->index.bytes);
	resolved->index = (struct nested_index){ 0 };
}

int
nested_platforms(const struct image *images, size_t count, char **out,
		 struct ferry_error *err)
{
	AUTO_BUFFER list = BUFFER(INDEX_ENTRIES_MAX * (PLATFORM_TEXT + 2));
	char text[PLATFORM_TEXT];
	const char *result;
	int rc = 0;

	for (size_t i = 0; i < count && !rc; i++)
		if (!images[i].artifact)
			rc = buffer_format(
				&list, err, "%s%s", list.size ? ", " : "",
				platform_text(text, &images[i].platform));
	if (!rc)
		rc = buffer_text(&list, &result, err);
	if (rc)
		return rc;
	*out = (char *)STEAL(&list.data);
	return 0;
}

/* An index being read. */
struct reading {
	struct index index;
	struct resolved resolved;
	struct document_reader *from;
};

static void
reading_release(struct reading *reading)
{
	index_release(&reading->index);
	resolved_release(&reading->resolved);
}

static int
refuse_nesting(struct ferry_error *err)
{
	return error_set(err, FERRY_E_FAILED,
			 "an index inside an index, which cannot be carried as "
			 "a whole; name the platforms wanted of it");
}

static int
read_manifest(struct reading *reading, const struct index_entry *entry,
	      struct image *image, struct ferry_error *err)
{
	struct buffer *bytes = &image->manifest_bytes;
	enum media_kind kind;
	int rc;

	if (media_kind(entry->descriptor.media_type) == MEDIA_INDEX)
		return refuse_nesting(err);
	image->descriptor = entry->descriptor;
	bytes->limit = MANIFEST_MAX;
	rc = reading->from->read(reading->from, &entry->descriptor, true, bytes,
				 err);
	if (!rc)
		rc = document_kind(&kind, bytes->data, bytes->size,
				   entry->descriptor.media_type, err);
	if (rc)
		return rc;
	return kind == MEDIA_INDEX ? refuse_nesting(err)
				   : image_parse_child(image, err);
}

static int
read_config(struct reading *reading, struct image *image,
	    struct ferry_error *err)
{
	const struct descriptor *config = &image->manifest.config;

	image->config_bytes.limit = config->size;
	return reading->from->read(reading->from, config, false,
				   &image->config_bytes, err);
}

static int
parse_config(struct image *image, struct ferry_error *err)
{
	const struct descriptor *config = &image->manifest.config;

	if (config->size > MANIFEST_MAX)
		return error_set(err, FERRY_E_FAILED,
				 "a config of %llu bytes, but %zu is the limit",
				 (unsigned long long)config->size,
				 MANIFEST_MAX);
	return image_parse_config(image, err);
}

/*
 * What the index calls an image of some platform has to be one.  Of what it
 * says nothing of, the config tells, once it is here.
 */
static int
read_child(struct reading *reading, const struct index_entry *entry,
	   struct image *image, struct ferry_error *err)
{
	const struct descriptor *config = &image->manifest.config;
	int rc = read_manifest(reading, entry, image, err);

	if (rc)
		return rc;
	image->artifact = entry->attestation ||
			  media_kind(config->media_type) != MEDIA_CONFIG;
	if (image->artifact)
		return 0;
	if (config->size <= MANIFEST_MAX)
		rc = read_config(reading, image, err);
	if (rc)
		return rc;
	rc = parse_config(image, err);
	if (rc != FERRY_E_FAILED || entry->has_platform)
		return rc;
	image->artifact = true;
	return 0;
}

/* A variant may be left out, or a level lower than what it is meant for. */
static int
check_platform(const struct index_entry *entry, const struct image *image,
	       struct ferry_error *err)
{
	char listed[PLATFORM_TEXT];
	char has[PLATFORM_TEXT];

	if (image->artifact || !entry->has_platform ||
	    platform_match(&entry->platform, &image->platform) ||
	    platform_match(&image->platform, &entry->platform))
		return 0;
	return error_set(err, FERRY_E_PLATFORM,
			 "its index says %s, its config says %s",
			 platform_text(listed, &entry->platform),
			 platform_text(has, &image->platform));
}

static struct image *
find_child(struct resolved *resolved, const struct digest *digest)
{
	for (size_t i = 0; i < resolved->image_count; i++)
		if (digest_equal(&resolved->images[i].descriptor.digest,
				 digest))
			return &resolved->images[i];
	return NULL;
}

/* A manifest that is listed twice, for two platforms, is one child. */
static int
take_entry(struct reading *reading, const struct index_entry *entry,
	   struct ferry_error *err)
{
	struct resolved *resolved = &reading->resolved;
	struct image *child = find_child(resolved, &entry->descriptor.digest);
	int rc = 0;

	if (!child) {
		child = &resolved->images[resolved->image_count++];
		rc = read_child(reading, entry, child, err);
	} else if (child->descriptor.size != entry->descriptor.size) {
		rc = error_set(err, FERRY_E_DIGEST,
			       "listed with two different sizes");
	}
	if (!rc)
		rc = check_platform(entry, child, err);
	return rc ? error_wrap(err, "manifest %s, which its index names",
			       entry->descriptor.digest.text)
		  : 0;
}

static int
take_entries(struct reading *reading, struct ferry_error *err)
{
	size_t count = reading->index.entry_count;
	struct resolved *resolved = &reading->resolved;
	int rc = 0;

	resolved->images = calloc(count + 1, sizeof(*resolved->images));
	if (!resolved->images)
		return error_nomem(err);
	for (size_t i = 0; i < count && !rc; i++)
		rc = take_entry(reading, &reading->index.entries[i], err);
	resolved->index.image_count = resolved->image_count;
	return rc;
}

static ssize_t
first_image(const struct resolved *resolved)
{
	for (size_t i = 0; i < resolved->image_count; i++)
		if (!resolved->images[i].artifact)
			return (ssize_t)i;
	return -1;
}

/* Ferry's own has the one that counts in front; others have no such order. */
static int
choose_primary(struct resolved *resolved, struct ferry_error *err)
{
	static const struct platform usual = { .os = "linux",
					       .architecture = "amd64" };
	ssize_t primary = first_image(resolved);
	bool made;
	int rc;

	if (primary < 0)
		return error_set(err, FERRY_E_FAILED,
				 "no container image in its index");
	rc = nested_is_made(&resolved->index, resolved->images, &made, err);
	if (rc)
		return rc;
	if (!made && nested_choose(resolved, &usual) >= 0)
		primary = nested_choose(resolved, &usual);
	for (size_t i = 0; i < resolved->image_count; i++)
		resolved->images[i].secondary = (ssize_t)i != primary;
	return 0;
}

static int
parse_index(struct reading *reading, const struct digest *digest,
	    struct ferry_error *err)
{
	struct nested_index *index = &reading->resolved.index;
	struct buffer *bytes = &index->bytes;
	int rc = index_parse(&reading->index, bytes->data, bytes->size, NULL,
			     err);

	if (rc)
		return error_wrap(err, "index %s", digest->text);
	strcpy(index->descriptor.media_type, reading->index.media_type);
	index->descriptor.digest = *digest;
	index->descriptor.size = bytes->size;
	return 0;
}

int
nested_read(struct resolved *out, const struct digest *digest,
	    struct buffer *take_bytes, struct document_reader *from,
	    struct ferry_error *err)
{
	AUTO(reading_release)
	struct reading reading = { .from = from,
				   .resolved.index.bytes = *take_bytes };
	int rc;

	*take_bytes = (struct buffer){ 0 };
	rc = parse_index(&reading, digest, err);
	if (!rc)
		rc = take_entries(&reading, err);
	if (!rc)
		rc = choose_primary(&reading.resolved, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < reading.resolved.image_count; i++)
		reading.resolved.images[i].index_digest = *digest;
	*out = reading.resolved;
	reading.resolved = (struct resolved){ 0 };
	return 0;
}
