/*
 * list, inspect and verify: looking into a bundle.
 */
#include "ferry/bundle.h"

#include "base/text.h"
#include "bundle/verify.h"
#include "list/list.h"
#include "op/caption.h"

#define INSPECT_MAX ((size_t)256 << 20)

struct ferry_bundle {
	struct bundle *bundle;
	struct ferry_bundle_image *images;
	struct caption *captions; /* one an image */
	struct ferry_bundle_info info;
};

static int
describe_image(struct ferry_bundle_image *out, struct caption *caption,
	       const struct statement_image *stated, struct ferry_error *err)
{
	struct reference reference;
	int rc = reference_parse(&reference, stated->name, err);

	if (rc)
		return rc; /* not after statement_parse() */
	caption_set(caption, &reference, &stated->platform);
	*out = (struct ferry_bundle_image){
		.name = caption->name,
		.reference = stated->name,
		.platform = caption->platform,
		.digest = stated->manifest.text,
		.index_digest = digest_is_set(&stated->index)
					? stated->index.text
					: NULL,
		.size = stated->size,
		.shared = stated->shared,
	};
	return 0;
}

static int
describe(struct ferry_bundle *bundle, struct ferry_error *err)
{
	const struct statement *statement = &bundle->bundle->statement;
	const struct blob_table *table = &bundle->bundle->table;
	struct ferry_bundle_info *info = &bundle->info;
	int rc = 0;

	bundle->images = calloc(statement->image_count, sizeof(*info->images));
	bundle->captions =
		calloc(statement->image_count, sizeof(*bundle->captions));
	if (!bundle->images || !bundle->captions)
		return error_nomem(err);
	for (size_t i = 0; i < statement->image_count && !rc; i++)
		rc = describe_image(&bundle->images[i], &bundle->captions[i],
				    &statement->images[i], err);
	info->images = bundle->images;
	info->image_count = statement->image_count;
	info->blob_count = table->count;
	for (size_t i = 0; i < table->count; i++)
		info->blob_bytes += table->blobs[i].size;
	info->file_bytes = bundle->bundle->file_bytes;
	return rc;
}

int
ferry_bundle_open(const char *path, struct ferry_bundle **out,
		  struct ferry_error *err)
{
	struct ferry_bundle *bundle = calloc(1, sizeof(*bundle));
	int rc;

	if (!bundle)
		return error_nomem(err);
	rc = bundle_open(&bundle->bundle, path, err);
	if (!rc)
		rc = describe(bundle, err);
	if (rc)
		ferry_bundle_close(bundle);
	else
		*out = bundle;
	return rc;
}

const struct ferry_bundle_info *
ferry_bundle_get_info(const struct ferry_bundle *bundle)
{
	return &bundle->info;
}

void
ferry_bundle_close(struct ferry_bundle *bundle)
{
	if (!bundle)
		return;
	bundle_close(bundle->bundle);
	free(bundle->images);
	free(bundle->captions);
	free(bundle);
}

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
	int rc = json_parse(&config, image->config_bytes.data,
			    image->config_bytes.size, err);

	if (rc)
		return rc;
	runtime = json_object_get(config, "config");
	*out = json_is_object(runtime) ? json_incref(runtime) : json_object();
	return 0;
}

static int
image_json(json_t **out, const struct ferry_bundle *bundle, size_t number,
	   struct ferry_error *err)
{
	const struct ferry_bundle_image *shown = &bundle->images[number];
	AUTO(image_release) struct image image = { 0 };
	AUTO_JSON *runtime = NULL;
	int rc = bundle_read_image(bundle->bundle, number, &image, err);

	if (!rc)
		rc = runtime_json(&runtime, &image, err);
	if (rc)
		return error_wrap(err, "%s: %s", bundle->bundle->path,
				  shown->reference);
	*out = json_pack("{s:s, s:s, s:s, s:s?, s:I, s:I, s:o, s:o, s:o, s:O}",
			 "name", shown->name, "reference", shown->reference,
			 "platform", shown->platform, "index",
			 shown->index_digest, "size", (json_int_t)shown->size,
			 "shared", (json_int_t)shown->shared, "manifest",
			 descriptor_json(&image.descriptor), "config",
			 descriptor_json(&image.manifest.config), "layers",
			 layers_json(&image), "runtime", runtime);
	return *out ? 0 : error_nomem(err);
}

static int
images_json(json_t **out, const struct ferry_bundle *bundle,
	    struct ferry_error *err)
{
	const struct ferry_bundle_info *info = &bundle->info;
	json_t *list = json_array();
	AUTO_JSON *json =
		json_pack("{s:s, s:I, s:I, s:I, s:o}", "type", STATEMENT_TYPE,
			  "file_bytes", (json_int_t)info->file_bytes, "blobs",
			  (json_int_t)info->blob_count, "blob_bytes",
			  (json_int_t)info->blob_bytes, "images", list);
	int rc = json ? 0 : error_nomem(err);

	for (size_t i = 0; i < info->image_count && !rc; i++) {
		json_t *image;

		rc = image_json(&image, bundle, i, err);
		if (!rc && json_array_append_new(list, image))
			rc = error_nomem(err);
	}
	if (!rc)
		*out = STEAL(&json);
	return rc;
}

static int
find_image(size_t *out, const struct ferry_bundle *bundle, const char *text,
	   struct ferry_error *err)
{
	struct reference reference;
	int rc = list_parse_reference(&reference, text, err);

	return rc ? rc
		  : bundle_find_image(bundle->bundle, &reference, out, err);
}

int
ferry_bundle_inspect(struct ferry_bundle *bundle, const char *image, char **out,
		     struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	AUTO_BUFFER buffer = BUFFER(INSPECT_MAX);
	const char *text;
	size_t number;
	int rc;

	if (image) {
		rc = find_image(&number, bundle, image, err);
		if (!rc)
			rc = image_json(&json, bundle, number, err);
	} else {
		rc = images_json(&json, bundle, err);
	}
	if (!rc)
		rc = json_write_pretty(json, &buffer, err);
	if (!rc)
		rc = buffer_text(&buffer, &text, err);
	return rc ? rc : text_copy(out, text, err);
}

int
ferry_bundle_verify(struct ferry_context *context, struct ferry_bundle *bundle,
		    unsigned jobs, struct ferry_verification **out,
		    struct ferry_error *err)
{
	const struct ferry_damage *first;
	int rc;

	*out = NULL;
	rc = bundle_verify(bundle->bundle, context, jobs, out, err);
	if (rc || !(*out)->damage_count)
		return rc;
	first = &(*out)->damages[0];
	return error_set(err, FERRY_E_DAMAGED, "%s: damaged: %s%s%s",
			 bundle->bundle->path, first->image ? first->image : "",
			 first->image ? ": " : "", first->what);
}
