#include "bundle/front.h"

#include <string.h>

#include "base/text.h"
#include "codec/tar.h"

#define OCI_LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"

static const struct {
	const char *name;
	char typeflag;
	size_t largest;
} members[FRONT_MEMBERS] = {
	[FRONT_LAYOUT] = { "oci-layout", TAR_FILE, 4096 },
	[FRONT_INDEX] = { "index.json", TAR_FILE, FRONT_MAX },
	[FRONT_MANIFEST] = { "manifest.json", TAR_FILE, FRONT_MAX },
	[FRONT_STATEMENT] = { "bundle.json", TAR_FILE, FRONT_MAX },
	[FRONT_SIGNATURES] = { "bundle.json.sig", TAR_FILE, SIGNATURES_ROOM },
	[FRONT_BLOBS] = { "blobs/", TAR_FOLDER, 0 },
	[FRONT_SHA256] = { "blobs/sha256/", TAR_FOLDER, 0 },
};

static int
add_member(struct buffer *out, enum front_member member, const void *data,
	   size_t size, struct ferry_error *err)
{
	static const uint8_t zeros[TAR_BLOCK];
	uint8_t header[TAR_BLOCK];
	int rc;

	tar_header(header, members[member].name, size,
		   members[member].typeflag);
	rc = buffer_append(out, header, sizeof(header), err);
	if (!rc)
		rc = buffer_append(out, data, size, err);
	if (!rc)
		rc = buffer_append(out, zeros, tar_padding(size), err);
	return rc;
}

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

/* One descriptor a name; both annotations, since tools read one or other. */
static json_t *
index_entry_json(const struct image *image)
{
	char name[REFERENCE_TEXT];
	AUTO_JSON *json = descriptor_json(&image->descriptor);

	reference_name(name, &image->reference);
	if (json_object_set_new(json, "platform",
				platform_json(&image->platform)) ||
	    json_object_set_new(
		    json, "annotations",
		    json_pack("{s:s, s:s}", "io.containerd.image.name", name,
			      "org.opencontainers.image.ref.name", name)))
		return NULL;
	return STEAL(&json);
}

static int
write_index(struct buffer *out, const struct release *release,
	    struct ferry_error *err)
{
	json_t *list = json_array();
	AUTO_JSON *json =
		json_pack("{s:i, s:s, s:o}", "schemaVersion", 2, "mediaType",
			  MEDIA_TYPE_OCI_INDEX, "manifests", list);

	for (size_t i = 0; i < release->image_count; i++)
		if (json_array_append_new(
			    list, index_entry_json(&release->images[i])))
			return error_nomem(err);
	return json_write(json, out, err);
}

static json_t *
blob_path_json(const struct descriptor *descriptor)
{
	return json_sprintf("blobs/sha256/%s", digest_hex(&descriptor->digest));
}

static json_t *
archive_entry_json(const struct image *image)
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

/* For each image the first one with the same manifest: itself, or before. */
static int
find_firsts(size_t **out, const struct release *release,
	    struct ferry_error *err)
{
	const struct image *images = release->images;
	size_t count = release->image_count;
	AUTO_FREE size_t *sorted = calloc(count, sizeof(*sorted));
	size_t *first = calloc(count, sizeof(*first));

	*out = first;
	if (!sorted || !first)
		return error_nomem(err);
	for (size_t i = 0; i < count; i++)
		sorted[i] = i;
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

static int
add_tag(json_t *entry, const struct image *image, struct ferry_error *err)
{
	char name[REFERENCE_TEXT];

	if (image->reference.tag[0] &&
	    json_array_append_new(
		    json_object_get(entry, "RepoTags"),
		    json_string(reference_name(name, &image->reference))))
		return error_nomem(err);
	return 0;
}

/* Docker's form: one entry an image, with all its names. */
static int
write_archive_manifest(struct buffer *out, const struct release *release,
		       struct ferry_error *err)
{
	AUTO_FREE json_t **entries =
		calloc(release->image_count, sizeof(json_t *));
	AUTO_FREE size_t *first = NULL;
	AUTO_JSON *list = json_array();
	int rc = find_firsts(&first, release, err);

	if (!entries || !list)
		return error_nomem(err);
	for (size_t i = 0; i < release->image_count && !rc; i++) {
		const struct image *image = &release->images[i];

		if (first[i] == i) {
			entries[i] = archive_entry_json(image);
			if (json_array_append_new(list, entries[i]))
				return error_nomem(err);
		}
		rc = add_tag(entries[first[i]], image, err);
	}
	return rc ? rc : json_write(list, out, err);
}

static int
describe(struct statement_file *out, const struct buffer *content,
	 struct ferry_error *err)
{
	out->size = content->size;
	return digest_of(&out->digest, content->data, content->size, err);
}

/* The room for bundle.json: its length with every offset at its bound. */
static int
write_statement(struct buffer *out, const struct release *release,
		const struct layout *layout, const struct digest *frames,
		const struct statement_file *index,
		const struct statement_file *manifest, struct ferry_error *err)
{
	AUTO(layout_release) struct layout bound = { 0 };
	AUTO_BUFFER draft = BUFFER(FRONT_MAX);
	int rc;

	if (layout->first_plain == layout->blob_count)
		return statement_write(out, release, layout, NULL, index,
				       manifest, 0, err);
	rc = layout_init(&bound, release, err);
	if (!rc)
		rc = statement_write(&draft, release, &bound, NULL, index,
				     manifest, 0, err);
	if (!rc)
		rc = statement_write(out, release, layout, frames, index,
				     manifest, draft.size, err);
	return rc;
}

static int
add_signatures(struct buffer *out, const struct front_part *signatures,
	       struct ferry_error *err)
{
	uint8_t room[SIGNATURES_ROOM];

	memset(room, '\n', sizeof(room));
	if (signatures)
		memcpy(room, signatures->data, signatures->size);
	return add_member(out, FRONT_SIGNATURES, room, sizeof(room), err);
}

int
front_write(struct buffer *out, const struct release *release,
	    const struct layout *layout, const struct digest *frames,
	    const struct front_part *signatures, struct ferry_error *err)
{
	AUTO_BUFFER index = BUFFER(FRONT_MAX);
	AUTO_BUFFER manifest = BUFFER(FRONT_MAX);
	AUTO_BUFFER statement = BUFFER(FRONT_MAX);
	struct statement_file index_file;
	struct statement_file manifest_file;
	int rc = write_index(&index, release, err);

	if (!rc)
		rc = write_archive_manifest(&manifest, release, err);
	if (!rc)
		rc = describe(&index_file, &index, err);
	if (!rc)
		rc = describe(&manifest_file, &manifest, err);
	if (!rc)
		rc = write_statement(&statement, release, layout, frames,
				     &index_file, &manifest_file, err);
	if (!rc)
		rc = add_member(out, FRONT_LAYOUT, OCI_LAYOUT,
				strlen(OCI_LAYOUT), err);
	if (!rc)
		rc = add_member(out, FRONT_INDEX, index.data, index.size, err);
	if (!rc)
		rc = add_member(out, FRONT_MANIFEST, manifest.data,
				manifest.size, err);
	if (!rc)
		rc = add_member(out, FRONT_STATEMENT, statement.data,
				statement.size, err);
	if (!rc)
		rc = add_signatures(out, signatures, err);
	if (!rc)
		rc = add_member(out, FRONT_BLOBS, "", 0, err);
	if (!rc)
		rc = add_member(out, FRONT_SHA256, "", 0, err);
	return rc;
}

static int
parse_member(struct front_part *out, size_t *at, enum front_member member,
	     const uint8_t *data, size_t size, bool *more,
	     struct ferry_error *err)
{
	struct tar_member head;
	int rc;

	*more = size - *at < TAR_BLOCK;
	if (*more)
		return 0;
	if (tar_head_size(data + *at) != TAR_BLOCK)
		return error_set(err, FERRY_E_DAMAGED, "no %s where it must be",
				 members[member].name);
	rc = tar_parse_head(&head, data + *at, err);
	if (rc)
		return rc;
	if (strcmp(head.name, members[member].name) != 0 ||
	    head.typeflag != members[member].typeflag)
		return error_set(err, FERRY_E_DAMAGED, "'%s' where %s must be",
				 head.name, members[member].name);
	if (head.size > members[member].largest)
		return error_set(err, FERRY_E_DAMAGED, "%s of %llu bytes",
				 head.name, (unsigned long long)head.size);
	*more = size - *at - TAR_BLOCK < head.size + tar_padding(head.size);
	out->data = data + *at + TAR_BLOCK;
	out->size = head.size;
	*at += TAR_BLOCK + head.size + tar_padding(head.size);
	return 0;
}

int
front_parse(struct front_part parts[FRONT_MEMBERS], size_t *length,
	    const uint8_t *data, size_t size, struct ferry_error *err)
{
	size_t at = 0;
	bool more = false;

	for (enum front_member member = 0; member < FRONT_MEMBERS; member++) {
		int rc = parse_member(&parts[member], &at, member, data, size,
				      &more, err);

		if (rc)
			return rc;
		if (more)
			break;
	}
	*length = more ? 0 : at;
	return 0;
}
