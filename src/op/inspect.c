#include "op/inspect.h"

#include "list/list.h"

static json_t *
layers_json(const struct image *image)
{
	AUTO_JSON *list = json_array();

	for (size_t i = 0; i < image->manifest.layer_count; i++)
		if (json_array_append_new(
			    list, descriptor_json(&image->manifest.layers[i])))
			return NULL;
	return STEAL(&list);
}

/*
 * How the image is started, as its config says: Env, Entrypoint, Cmd...  Some
 * say null; whatever else it is, the image is carried all the same.
 */
static int
runtime_json(json_t **out, const struct image *image, struct ferry_error *err)
{
	AUTO_JSON *config = NULL;
	json_t *runtime;
	int rc;

	if (image->artifact) {
		*out = NULL;
		return 0;
	}
	rc = json_parse(&config, image->config_bytes.data,
			image->config_bytes.size, err);
	if (rc)
		return rc;
	runtime = json_object_get(config, "config");
	*out = json_is_object(runtime) ? json_incref(runtime) : json_object();
	return 0;
}

static const char *
text_or_null(const struct digest *digest)
{
	return digest_is_set(digest) ? digest->text : NULL;
}

/* `stated` is what bundle.json says of it, which has been proved. */
static int
image_json(json_t **out, const struct statement_image *stated,
	   const struct image *image, struct ferry_error *err)
{
	char name[REFERENCE_TEXT];
	char platform[PLATFORM_TEXT];
	AUTO_JSON *runtime = NULL;
	int rc = runtime_json(&runtime, image, err);

	if (rc)
		return rc;
	platform_text(platform, &image->platform);
	*out = json_pack(
		"{s:s, s:s, s:s?, s:s?, s:s?, s:I, s:I, s:o, s:o, s:o, s:O?}",
		"name", reference_familiar(name, &image->reference),
		"reference", stated->name, "platform",
		image->artifact ? NULL : platform, "index_digest",
		text_or_null(&stated->index), "within",
		text_or_null(&stated->within), "size", (json_int_t)stated->size,
		"shared", (json_int_t)stated->shared, "manifest",
		descriptor_json(&image->descriptor), "config",
		descriptor_json(&image->manifest.config), "layers",
		layers_json(image), "runtime", runtime);
	return *out ? 0 : error_nomem(err);
}

/* Adds all that one name stands for. */
static int
add_images(json_t *list, const struct statement_image *stated,
	   const struct resolved *resolved, struct ferry_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < resolved->image_count && !rc; i++) {
		json_t *image;

		rc = image_json(&image, &stated[i], &resolved->images[i], err);
		if (!rc && json_array_append_new(list, image))
			rc = error_nomem(err);
	}
	return rc;
}

static int
read_name(struct bundle *bundle, size_t first, struct resolved *out,
	  struct ferry_error *err)
{
	int rc = bundle_read_name(bundle, first, out, err);

	return rc ? error_wrap(err, "%s: %s", bundle->path,
			       bundle->statement.images[first].name)
		  : 0;
}

static int
index_json(json_t **out, const struct statement_image *stated,
	   const struct resolved *resolved, struct ferry_error *err)
{
	char name[REFERENCE_TEXT];
	json_t *list = json_array();
	AUTO_JSON *json = json_pack(
		"{s:s, s:s, s:s?, s:o, s:o}", "name",
		reference_familiar(name, &resolved->images->reference),
		"reference", stated->name, "index_digest",
		text_or_null(&stated->index), "within",
		descriptor_json(&resolved->index.descriptor), "images", list);
	int rc = json ? add_images(list, stated, resolved, err)
		      : error_nomem(err);

	if (!rc)
		*out = STEAL(&json);
	return rc;
}

int
inspect_name(json_t **out, struct bundle *bundle, const char *name,
	     struct ferry_error *err)
{
	AUTO(resolved_release) struct resolved resolved = { 0 };
	const struct statement_image *stated;
	struct reference reference;
	size_t first;
	int rc = list_parse_reference(&reference, name, err);

	if (!rc)
		rc = bundle_find_image(bundle, &reference, &first, err);
	if (!rc)
		rc = read_name(bundle, first, &resolved, err);
	if (rc)
		return rc;
	stated = &bundle->statement.images[first];
	return resolved.index.bytes.size
		       ? index_json(out, stated, &resolved, err)
		       : image_json(out, stated, resolved.images, err);
}

static int
add_name(json_t *list, struct bundle *bundle, size_t first,
	 struct ferry_error *err)
{
	AUTO(resolved_release) struct resolved resolved = { 0 };
	int rc = read_name(bundle, first, &resolved, err);

	return rc ? rc
		  : add_images(list, &bundle->statement.images[first],
			       &resolved, err);
}

static json_int_t
sum_blobs(const struct blob_table *table)
{
	json_int_t sum = 0;

	for (size_t i = 0; i < table->count; i++)
		sum += (json_int_t)table->blobs[i].size;
	return sum;
}

int
inspect_all(json_t **out, struct bundle *bundle, struct ferry_error *err)
{
	const struct statement *statement = &bundle->statement;
	json_t *list = json_array();
	AUTO_JSON *json =
		json_pack("{s:s, s:I, s:I, s:I, s:o}", "type", STATEMENT_TYPE,
			  "file_bytes", (json_int_t)bundle->file_bytes, "blobs",
			  (json_int_t)bundle->table.count, "blob_bytes",
			  sum_blobs(&bundle->table), "images", list);
	int rc = json ? 0 : error_nomem(err);

	for (size_t i = 0; i < statement->image_count && !rc;
	     i += statement_run(statement, i))
		rc = add_name(list, bundle, i, err);
	if (!rc)
		*out = STEAL(&json);
	return rc;
}
