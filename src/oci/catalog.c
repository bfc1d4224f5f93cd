#include "oci/catalog.h"

#include <stdlib.h>
#include <string.h>

static json_t *
platform_json(const struct platform *platform)
{
	AUTO_JSON *json = json_pack("{s:s, s:s}", "architecture",
				    platform->architecture, "os", platform->os);

	if (platform->variant[0] &&
	    json_object_set_new(json, "variant",
				json_string(platform->variant)))
		return NULL;
	return STEAL(&json);
}

/*
 * One descriptor a name, of the index where there is one, which has no
 * platform.  Both annotations, since tools read one or other.
 */
json_t *
catalog_index_entry(const struct image *image)
{
	const struct nested_index *nested = image->nested;
	char name[REFERENCE_TEXT];
	AUTO_JSON *json = descriptor_json(nested ? &nested->descriptor
						 : &image->descriptor);

	reference_name(name, &image->reference);
	if ((!nested && json_object_set_new(json, "platform",
					    platform_json(&image->platform))) ||
	    json_object_set_new(json, "annotations",
				json_pack("{s:s, s:s}", CATALOG_NAME_CONTAINERD,
					  name, CATALOG_NAME_OCI, name)))
		return NULL;
	return STEAL(&json);
}

/* Whether `image` is the one that its name stands for, and wanted. */
static bool
stands_for_name(const struct release *release, const bool *chosen, size_t image)
{
	return !release->images[image].secondary && (!chosen || chosen[image]);
}

static int
add_to_index(json_t *list, const struct image *image, bool nameless,
	     struct ferry_error *err)
{
	json_t *entry = catalog_index_entry(image);

	if (json_array_append_new(list, entry))
		return error_nomem(err);
	if (nameless)
		json_object_del(entry, "annotations");
	return 0;
}

int
catalog_index(struct buffer *out, const struct release *release,
	      const bool *chosen, const bool *nameless, struct ferry_error *err)
{
	json_t *list = json_array();
	AUTO_JSON *json =
		json_pack("{s:i, s:s, s:o}", "schemaVersion", 2, "mediaType",
			  MEDIA_TYPE_OCI_INDEX, "manifests", list);
	int rc = 0;

	for (size_t i = 0; i < release->image_count && !rc; i++)
		if (stands_for_name(release, chosen, i))
			rc = add_to_index(list, &release->images[i],
					  nameless && nameless[i], err);
	return rc ? rc : json_write(json, out, err);
}

static json_t *
blob_path_json(const struct descriptor *descriptor)
{
	return json_sprintf("blobs/sha256/%s", digest_hex(&descriptor->digest));
}

json_t *
catalog_archive_entry(const struct image *image)
{
	json_t *layers = json_array();
	AUTO_JSON *json = json_pack("{s:o, s:[], s:o}", "Config",
				    blob_path_json(&image->manifest.config),
				    "RepoTags", "Layers", layers);

	for (size_t i = 0; i < image->manifest.layer_count; i++)
		if (json_array_append_new(
			    layers, blob_path_json(&image->manifest.layers[i])))
			return NULL;
	return STEAL(&json);
}

static int
by_manifest(const void *a, const void *b, void *data)
{
	const struct image *images = data;
	size_t one = *(const size_t *)a;
	size_t other = *(const size_t *)b;
	int order = strcmp(images[one].descriptor.digest.text,
			   images[other].descriptor.digest.text);

	return order ? order : (one > other) - (one < other);
}

/*
 * For each image that a name stands for, the first such one with the same
 * manifest: itself, or one before.
 */
static int
find_firsts(size_t **out, const struct release *release, const bool *chosen,
	    struct ferry_error *err)
{
	const struct image *images = release->images;
	AUTO_FREE size_t *sorted =
		calloc(release->image_count, sizeof(*sorted));
	size_t *first = calloc(release->image_count, sizeof(*first));
	size_t count = 0;

	*out = first;
	if (!sorted || !first)
		return error_nomem(err);
	for (size_t i = 0; i < release->image_count; i++)
		if (stands_for_name(release, chosen, i))
			sorted[count++] = i;
	qsort_r(sorted, count, sizeof(*sorted), by_manifest, release->images);
	for (size_t i = 0; i < count; i++) {
		bool same =
			i &&
			digest_equal(&images[sorted[i]].descriptor.digest,
				     &images[sorted[i - 1]].descriptor.digest);

		first[sorted[i]] = same ? first[sorted[i - 1]] : sorted[i];
	}
	return 0;
}

int
catalog_archive_name(json_t *entry, const struct image *image,
		     struct ferry_error *err)
{
	char name[REFERENCE_TEXT];

	if (image->reference.tag[0] &&
	    json_array_append_new(
		    json_object_get(entry, "RepoTags"),
		    json_string(reference_name(name, &image->reference))))
		return error_nomem(err);
	return 0;
}

/* Docker's form: one entry an image, with all its names; one image a name. */
int
catalog_archive(struct buffer *out, const struct release *release,
		const bool *chosen, struct ferry_error *err)
{
	AUTO_FREE json_t **entries =
		calloc(release->image_count, sizeof(json_t *));
	AUTO_FREE size_t *first = NULL;
	AUTO_JSON *list = json_array();
	int rc = find_firsts(&first, release, chosen, err);

	if (!entries || !list)
		return error_nomem(err);
	for (size_t i = 0; i < release->image_count && !rc; i++) {
		const struct image *image = &release->images[i];

		if (!stands_for_name(release, chosen, i))
			continue;
		if (first[i] == i) {
			entries[i] = catalog_archive_entry(image);
			if (json_array_append_new(list, entries[i]))
				return error_nomem(err);
		}
		rc = catalog_archive_name(entries[first[i]], image, err);
	}
	return rc ? rc : json_write(list, out, err);
}
