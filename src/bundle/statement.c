#include "bundle/statement.h"

#include <string.h>

#include "base/text.h"

const char *const statement_file_names[STATEMENT_FILES] = {
	[STATEMENT_INDEX] = "index.json",
	[STATEMENT_MANIFEST] = "manifest.json",
	[STATEMENT_BLOBS] = "bundle.blobs",
};

static json_t *
file_json(const struct statement_file *file)
{
	return json_pack("{s:s, s:I}", "digest", file->digest.text, "size",
			 (json_int_t)file->size);
}

static int
set_text(json_t *json, const char *key, const char *text)
{
	return json_object_set_new(json, key, json_string(text));
}

static json_t *
image_json(const struct image *image)
{
	char name[REFERENCE_TEXT];
	char platform[PLATFORM_TEXT];
	AUTO_JSON *json = json_pack("{s:s}", "name",
				    reference_name(name, &image->reference));

	if ((!image->artifact &&
	     set_text(json, "platform",
		      platform_text(platform, &image->platform))) ||
	    set_text(json, "manifest", image->descriptor.digest.text) ||
	    (digest_is_set(&image->index_digest) &&
	     set_text(json, "index", image->index_digest.text)) ||
	    (image->nested &&
	     set_text(json, "within", image->nested->descriptor.digest.text)))
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

int
statement_write(struct buffer *out, const struct release *release,
		const struct statement_file files[STATEMENT_FILES],
		struct ferry_error *err)
{
	AUTO_JSON *json = json_pack("{s:s}", "type", STATEMENT_TYPE);
	int rc;

	for (int i = 0; i < STATEMENT_FILES; i++)
		if (json_object_set_new(json, statement_file_names[i],
					file_json(&files[i])))
			return error_nomem(err);
	if (json_object_set_new(json, "images", images_json(release)))
		return error_nomem(err);
	rc = json_write(json, out, err);
	return rc ? rc : buffer_append(out, "\n", 1, err);
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

/* Only what is below an index may be no image, and so without a platform. */
static int
parse_platform(struct statement_image *out, const json_t *json,
	       struct ferry_error *err)
{
	const char *platform;
	int rc;

	out->artifact = digest_is_set(&out->within) &&
			!json_object_get(json, "platform");
	if (out->artifact)
		return 0;
	rc = json_get_text(json, "platform", &platform, err);
	return rc ? rc : platform_parse_exact(&out->platform, platform, err);
}

static int
parse_image(struct statement_image *out, const json_t *json,
	    struct ferry_error *err)
{
	int rc = parse_name(out->name, json, err);

	if (!rc)
		rc = parse_digest(&out->manifest, json, "manifest", err);
	if (!rc)
		rc = parse_optional_digest(&out->index, json, "index", err);
	if (!rc)
		rc = parse_optional_digest(&out->within, json, "within", err);
	if (!rc)
		rc = parse_platform(out, json, err);
	if (!rc)
		rc = json_get_size(json, "size", &out->size, err);
	if (!rc)
		rc = json_get_size(json, "shared", &out->shared, err);
	return rc;
}

/* One name again is another child of the same index, or it is wrong. */
static int
check_order(const struct statement_image *before,
	    const struct statement_image *image, struct ferry_error *err)
{
	int order = strcmp(before->name, image->name);

	if (order < 0 || (order == 0 && digest_is_set(&image->within) &&
			  digest_equal(&before->within, &image->within) &&
			  digest_equal(&before->index, &image->index)))
		return 0;
	return error_set(err, FERRY_E_DAMAGED, "'%s' is twice or out of order",
			 image->name);
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
		if (i)
			rc = check_order(&out->images[i - 1], &out->images[i],
					 err);
		if (rc)
			return rc;
	}
	return 0;
}

/* A name stands for an image, whatever else its index lists. */
static int
check_names(const struct statement *statement, struct ferry_error *err)
{
	size_t count;

	for (size_t i = 0; i < statement->image_count; i += count) {
		size_t artifacts = 0;

		count = statement_run(statement, i);
		for (size_t k = 0; k < count; k++)
			artifacts += statement->images[i + k].artifact;
		if (artifacts == count)
			return error_set(err, FERRY_E_DAMAGED,
					 "'%s' has no image",
					 statement->images[i].name);
	}
	return 0;
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
	for (int i = 0; i < STATEMENT_FILES && !rc; i++)
		rc = parse_file(&out->files[i], json, statement_file_names[i],
				err);
	if (!rc)
		rc = parse_images(out, json, err);
	return rc ? rc : check_names(out, err);
}

/* An object for each image, with at most seven values. */
#define VALUES_MAX ((size_t)8 * (STATEMENT_IMAGES_MAX + 2))
/* Itself, its files, its list. */
#define LISTS_MAX ((size_t)STATEMENT_IMAGES_MAX + STATEMENT_FILES + 2)

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

size_t
statement_run(const struct statement *statement, size_t first)
{
	const char *name = statement->images[first].name;
	size_t count = 1;

	while (first + count < statement->image_count &&
	       strcmp(statement->images[first + count].name, name) == 0)
		count++;
	return count;
}

void
statement_release(struct statement *statement)
{
	free(statement->images);
	*statement = (struct statement){ 0 };
}
