#include "source/saved_manifest.h"

#include "base/text.h"
#include "oci/manifest.h"
#include "oci/spelling.h"

#define ENTRIES_MAX 100000
#define VALUES_MAX 1000000 /* of names, members and brackets */

static int
get_text(const json_t *value, const char *what, const char **out,
	 struct ferry_error *err)
{
	*out = json_string_value(value);
	return *out && **out ? 0
			     : error_set(err, FERRY_E_FAILED,
					 "%s is no text, or empty", what);
}

static int
parse_layers(struct saved_entry *out, const json_t *json,
	     struct ferry_error *err)
{
	json_t *layers = NULL;
	const char *text;
	size_t count;
	int rc = document_list(json, "Layers", &layers, err);

	if (rc)
		return rc;
	count = json_array_size(layers);
	if (count > LAYERS_MAX)
		return error_set(err, FERRY_E_FAILED,
				 "%zu layers, but %d is the limit", count,
				 LAYERS_MAX);
	out->layers = calloc(count + 1, sizeof(*out->layers));
	if (!out->layers)
		return error_nomem(err);
	for (; out->layer_count < count && !rc; out->layer_count += !rc) {
		rc = get_text(json_array_get(layers, out->layer_count),
			      "a layer", &text, err);
		if (!rc)
			rc = text_copy(&out->layers[out->layer_count], text,
				       err);
	}
	return rc;
}

static int
parse_tags(struct image_names *names, const json_t *json, size_t number,
	   struct ferry_error *err)
{
	json_t *tags = NULL;
	const char *text;
	int rc = document_list(json, "RepoTags", &tags, err);

	for (size_t i = 0; i < json_array_size(tags) && !rc; i++) {
		rc = get_text(json_array_get(tags, i), "a name", &text, err);
		if (!rc)
			rc = image_names_add(names, text, number, false, err);
	}
	return rc;
}

static int
parse_entry(struct saved_manifest *out, const json_t *json,
	    struct ferry_error *err)
{
	static const char *const keys[] = { "Config", "RepoTags", "Layers",
					    NULL };
	struct saved_entry *entry = &out->entries[out->count++];
	const char *config = NULL;
	int rc = json_is_object(json)
			 ? spelling_check(json, keys, err)
			 : error_set(err, FERRY_E_FAILED, "no JSON object");

	if (!rc)
		rc = json_get_text(json, "Config", &config, err);
	if (!rc)
		rc = text_copy(&entry->config, config, err);
	if (!rc)
		rc = parse_layers(entry, json, err);
	return rc ? rc : parse_tags(&out->names, json, out->count - 1, err);
}

static int
parse_entries(struct saved_manifest *out, const json_t *json,
	      struct ferry_error *err)
{
	size_t count = json_array_size(json);
	int rc = 0;

	if (count > ENTRIES_MAX)
		return error_set(err, FERRY_E_FAILED, "more than %d images",
				 ENTRIES_MAX);
	out->entries = calloc(count + 1, sizeof(*out->entries));
	if (!out->entries)
		return error_nomem(err);
	for (size_t i = 0; i < count && !rc; i++)
		if (parse_entry(out, json_array_get(json, i), err))
			rc = error_wrap(err, "image %zu", i + 1);
	out->names.images = count;
	return rc;
}

int
saved_manifest_parse(struct saved_manifest *out, const void *data, size_t size,
		     struct ferry_error *err)
{
	AUTO(saved_manifest_release) struct saved_manifest parsed = { 0 };
	AUTO_JSON *json = NULL;
	int rc = json_check_counts(data, size, VALUES_MAX, VALUES_MAX, err);

	if (!rc)
		rc = json_parse_array(&json, data, size, err);
	if (!rc)
		rc = parse_entries(&parsed, json, err);
	if (rc)
		return rc;
	*out = parsed;
	parsed = (struct saved_manifest){ 0 };
	return 0;
}

void
saved_manifest_release(struct saved_manifest *manifest)
{
	for (size_t i = 0; i < manifest->count; i++) {
		struct saved_entry *entry = &manifest->entries[i];

		for (size_t k = 0; k < entry->layer_count; k++)
			free(entry->layers[k]);
		free(entry->layers);
		free(entry->config);
	}
	free(manifest->entries);
	image_names_release(&manifest->names);
	*manifest = (struct saved_manifest){ 0 };
}
