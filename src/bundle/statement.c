#include "bundle/statement.h"

#include <string.h>

#include "base/text.h"

static json_t *
file_json(const struct statement_file *file)
{
	return json_pack("{s:s, s:I}", "digest", file->digest.text, "size",
			 (json_int_t)file->size);
}

static json_t *
image_json(const struct image *image)
{
	char name[REFERENCE_TEXT];
	char platform[PLATFORM_TEXT];
	AUTO_JSON *json =
		json_pack("{s:s, s:s, s:s}", "name",
			  reference_name(name, &image->reference), "platform",
			  platform_text(platform, &image->platform), "manifest",
			  image->descriptor.digest.text);

	if (digest_is_set(&image->index_digest) &&
	    json_object_set_new(json, "index",
				json_string(image->index_digest.text)))
		return NULL;
	if (json_object_set_new(json, "size",
				json_integer((json_int_t)image->size)) ||
	    json_object_set_new(json, "shared",
				json_integer((json_int_t)image->shared)))
		return NULL;
	return STEAL(&json);
}

static json_t *
images_json(const struct release *release)
{
	AUTO_JSON *list = json_array();

	for (size_t i = 0; i < release->image_count; i++)
		if (json_array_append_new(list,
					  image_json(&release->images[i])))
			return NULL;
	return STEAL(&list);
}

static json_t *
blob_json(const struct blob *blob, uint64_t offset, const char *frames)
{
	AUTO_JSON *json = json_pack("{s:s, s:I, s:I}", "digest",
				    blob->descriptor.digest.text, "size",
				    (json_int_t)blob->descriptor.size, "offset",
				    (json_int_t)offset);

	if (frames && json_object_set_new(json, "frames", json_string(frames)))
		return NULL;
	return STEAL(&json);
}

static json_t *
blobs_json(const struct release *release, const struct layout *layout,
	   const struct digest *frames)
{
	static const char draft[] = DIGEST_PREFIX
		"0000000000000000000000000000000000000000000000000000000000000000";
	AUTO_JSON *list = json_array();

	for (size_t i = 0; i < release->blob_count; i++) {
		const char *digest = NULL;

		if (i >= layout->first_plain)
			digest = frames ? frames[i - layout->first_plain].text
					: draft;
		if (json_array_append_new(list, blob_json(&release->blobs[i],
							  layout->offsets[i],
							  digest)))
			return NULL;
	}
	return STEAL(&list);
}

/* Spaces before the closing brace: still one JSON object, of `room` bytes. */
static int
pad(struct buffer *out, size_t start, size_t room, struct ferry_error *err)
{
	size_t length = out->size - start;
	size_t spaces = room > length + 1 ? room - length - 1 : 0;
	int rc = 0;

	if (room && room <= length)
		return error_set(err, FERRY_E_FAILED,
				 "bundle.json outgrew its room of %zu bytes",
				 room);
	out->size--;
	for (size_t i = 0; i < spaces && !rc; i++)
		rc = buffer_append(out, " ", 1, err);
	return rc ? rc : buffer_append(out, "}\n", 2, err);
}

int
statement_write(struct buffer *out, const struct release *release,
		const struct layout *layout, const struct digest *frames,
		const struct statement_file *index,
		const struct statement_file *manifest, size_t room,
		struct ferry_error *err)
{
	size_t start = out->size;
	AUTO_JSON *json = json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:I}", "type", STATEMENT_TYPE,
		"index.json", file_json(index), "manifest.json",
		file_json(manifest), "images", images_json(release), "blobs",
		blobs_json(release, layout, frames), "end",
		(json_int_t)layout_end(layout));
	int rc = json_write(json, out, err);

	return rc ? rc : pad(out, start, room, err);
}

static int
parse_digest(struct digest *out, const json_t *json, const char *key,
	     struct ferry_error *err)
{
	const char *text;
	int rc = json_get_text(json, key, &text, err);

	return rc ? rc : digest_parse(out, text, err);
}

static int
parse_optional_digest(struct digest *out, const json_t *json, const char *key,
		      struct ferry_error *err)
{
	if (!json_object_get(json, key))
		return 0;
	return parse_digest(out, json, key, err);
}

static int
parse_file(struct statement_file *out, const json_t *json, const char *key,
	   struct ferry_error *err)
{
	json_t *file;
	int rc = json_get_object(json, key, &file, err);

	if (!rc)
		rc = parse_digest(&out->digest, file, "digest", err);
	return rc ? rc : json_get_size(file, "size", &out->size, err);
}

/* The name must be in its normal form, or two could mean one. */
static int
parse_name(char out[REFERENCE_TEXT], const json_t *json,
	   struct ferry_error *err)
{
	struct reference reference;
	const char *text;
	int rc = json_get_text(json, "name", &text, err);

	if (!rc)
		rc = reference_parse(&reference, text, err);
	if (rc)
		return rc;
	if (strcmp(reference_name(out, &reference), text) != 0)
		return error_set(err, FERRY_E_DAMAGED,
				 "'%s' is not a name in full", text);
	return 0;
}

static int
parse_image(struct statement_image *out, const json_t *json,
	    struct ferry_error *err)
{
	const char *platform;
	int rc = parse_name(out->name, json, err);

	if (!rc)
		rc = json_get_text(json, "platform", &platform, err);
	if (!rc)
		rc = platform_parse(&out->platform, platform, err);
	if (!rc)
		rc = parse_digest(&out->manifest, json, "manifest", err);
	if (!rc)
		rc = parse_optional_digest(&out->index, json, "index", err);
	if (!rc)
		rc = json_get_size(json, "size", &out->size, err);
	if (!rc)
		rc = json_get_size(json, "shared", &out->shared, err);
	return rc;
}

static int
parse_images(struct statement *out, const json_t *json, struct ferry_error *err)
{
	json_t *list;
	json_t *item;
	size_t i;
	int rc = json_get_array(json, "images", &list, err);

	if (rc)
		return rc;
	if (json_array_size(list) == 0 ||
	    json_array_size(list) > STATEMENT_IMAGES_MAX)
		return error_set(err, FERRY_E_DAMAGED, "%zu images",
				 json_array_size(list));
	out->images = calloc(json_array_size(list), sizeof(*out->images));
	if (!out->images)
		return error_nomem(err);
	json_array_foreach (list, i, item) {
		rc = parse_image(&out->images[i], item, err);
		if (rc)
			return error_wrap(err, "image %zu", i);
		out->image_count++;
		if (i &&
		    strcmp(out->images[i - 1].name, out->images[i].name) >= 0)
			return error_set(err, FERRY_E_DAMAGED,
					 "'%s' is twice or out of order",
					 out->images[i].name);
	}
	return 0;
}

static int
parse_blob(struct statement_blob *out, const json_t *json, uint64_t least,
	   struct ferry_error *err)
{
	int rc = parse_digest(&out->digest, json, "digest", err);

	if (!rc)
		rc = json_get_size(json, "size", &out->size, err);
	if (!rc)
		rc = json_get_size(json, "offset", &out->offset, err);
	if (!rc)
		rc = parse_optional_digest(&out->frames, json, "frames", err);
	if (rc)
		return rc;
	if (out->size > DESCRIPTOR_SIZE_MAX)
		return error_set(err, FERRY_E_DAMAGED, "%s: %llu bytes",
				 out->digest.text,
				 (unsigned long long)out->size);
	if (out->offset < least)
		return error_set(err, FERRY_E_DAMAGED,
				 "%s: lies within the blob before it",
				 out->digest.text);
	if (!least && out->offset)
		return error_set(err, FERRY_E_DAMAGED,
				 "%s: does not begin where the front ends",
				 out->digest.text);
	return 0;
}

static int
parse_blobs(struct statement *out, const json_t *json, struct ferry_error *err)
{
	uint64_t least = 0;
	json_t *list;
	json_t *item;
	size_t i;
	int rc = json_get_array(json, "blobs", &list, err);

	if (rc)
		return rc;
	if (json_array_size(list) == 0 ||
	    json_array_size(list) > STATEMENT_BLOBS_MAX)
		return error_set(err, FERRY_E_DAMAGED, "%zu blobs",
				 json_array_size(list));
	out->blobs = calloc(json_array_size(list), sizeof(*out->blobs));
	if (!out->blobs)
		return error_nomem(err);
	json_array_foreach (list, i, item) {
		rc = parse_blob(&out->blobs[i], item, least, err);
		if (rc)
			return error_wrap(err, "blob %zu", i);
		out->blob_count++;
		least = out->blobs[i].offset + 1;
	}
	rc = json_get_size(json, "end", &out->end, err);
	if (!rc && out->end < least)
		rc = error_set(err, FERRY_E_DAMAGED, "no room for the blobs");
	return rc;
}

static int
parse_fields(struct statement *out, const json_t *json, struct ferry_error *err)
{
	const char *type;
	int rc = json_get_text(json, "type", &type, err);

	if (rc)
		return rc;
	if (strcmp(type, STATEMENT_TYPE) != 0)
		return error_set(err, FERRY_E_DAMAGED,
				 "a bundle of type '%s'; this ferry reads "
				 "'" STATEMENT_TYPE "'",
				 type);
	rc = parse_file(&out->index, json, "index.json", err);
	if (!rc)
		rc = parse_file(&out->manifest, json, "manifest.json", err);
	if (!rc)
		rc = parse_images(out, json, err);
	if (!rc)
		rc = parse_blobs(out, json, err);
	return rc;
}

/* An object for each image and blob, with at most seven values. */
#define VALUES_MAX                                                             \
	((size_t)8 * (STATEMENT_IMAGES_MAX + STATEMENT_BLOBS_MAX + 1))
/* Itself, its two files, its two lists. */
#define LISTS_MAX (VALUES_MAX / 8 + 5)

int
statement_parse(struct statement *out, const void *data, size_t size,
		struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	int rc = json_check_counts(data, size, VALUES_MAX, LISTS_MAX, err);

	*out = (struct statement){ 0 };
	if (!rc)
		rc = json_parse(&json, data, size, err);
	if (!rc)
		rc = parse_fields(out, json, err);
	if (!rc)
		return 0;
	statement_release(out);
	if (rc != FERRY_E_NOMEM)
		err->code = FERRY_E_DAMAGED;
	return error_wrap(err, "bundle.json");
}

void
statement_release(struct statement *statement)
{
	free(statement->images);
	free(statement->blobs);
	*statement = (struct statement){ 0 };
}
