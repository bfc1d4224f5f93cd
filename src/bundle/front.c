#include "bundle/front.h"

#include <string.h>

#include "base/text.h"
#include "codec/tar.h"

#define OCI_LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"

const char *const front_member_names[FRONT_MEMBERS] = {
	[FRONT_LAYOUT] = "oci-layout",
	[FRONT_INDEX] = "index.json",
	[FRONT_MANIFEST] = "manifest.json",
	[FRONT_BLOB_TABLE] = "bundle.blobs",
	[FRONT_STATEMENT] = "bundle.json",
	[FRONT_SIGNATURES] = "bundle.json.sig",
	[FRONT_BLOBS] = "blobs/",
	[FRONT_SHA256] = "blobs/sha256/",
};

static const size_t largest[FRONT_MEMBERS] = {
	[FRONT_LAYOUT] = 4096,	       [FRONT_INDEX] = FRONT_MAX,
	[FRONT_MANIFEST] = FRONT_MAX,  [FRONT_BLOB_TABLE] = FRONT_MAX,
	[FRONT_STATEMENT] = FRONT_MAX, [FRONT_SIGNATURES] = SIGNATURES_ROOM,
};

static char
typeflag(enum front_member member)
{
	return member >= FRONT_BLOBS ? TAR_FOLDER : TAR_FILE;
}

static int
add_member(struct buffer *out, enum front_member member, const void *data,
	   size_t size, struct ferry_error *err)
{
	static const uint8_t zeros[TAR_BLOCK];
	uint8_t header[TAR_BLOCK];
	int rc;

	tar_header(header, front_member_names[member], size, typeflag(member));
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

/*
 * One descriptor a name, of the index where there is one, which has no
 * platform.  Both annotations, since tools read one or other.
 */
static json_t *
index_entry_json(const struct image *image)
{
	const struct nested_index *nested = image->nested;
	char name[REFERENCE_TEXT];
	AUTO_JSON *json = descriptor_json(nested ? &nested->descriptor
						 : &image->descriptor);

	reference_name(name, &image->reference);
	if ((!nested && json_object_set_new(json, "platform",
					    platform_json(&image->platform))) ||
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
		if (!release->images[i].secondary &&
		    json_array_append_new(
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

/*
 * For each image that a name stands for, the first such one with the same
 * manifest: itself, or one before.
 */
static int
find_firsts(size_t **out, const struct release *release,
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
		if (!images[i].secondary)
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

/* Docker's form: one entry an image, with all its names; one image a name. */
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

		if (image->secondary)
			continue;
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
add_signatures(struct buffer *out, const struct front_part *signatures,
	       struct ferry_error *err)
{
	uint8_t room[SIGNATURES_ROOM];

	memset(room, '\n', sizeof(room));
	if (signatures)
		memcpy(room, signatures->data, signatures->size);
	return add_member(out, FRONT_SIGNATURES, room, sizeof(room), err);
}

/* Adds a member that the statement covers. */
static int
add_covered(struct buffer *out, enum front_member member,
	    const struct buffer *content, struct statement_file *stated,
	    struct ferry_error *err)
{
	int rc = digest_of(&stated->digest, content->data, content->size, err);

	stated->size = content->size;
	return rc ? rc
		  : add_member(out, member, content->data, content->size, err);
}

static int
add_index(struct buffer *out, const struct release *release,
	  struct statement_file *stated, struct ferry_error *err)
{
	AUTO_BUFFER text = BUFFER(FRONT_MAX);
	int rc = write_index(&text, release, err);

	return rc ? rc : add_covered(out, FRONT_INDEX, &text, stated, err);
}

static int
add_archive_manifest(struct buffer *out, const struct release *release,
		     struct statement_file *stated, struct ferry_error *err)
{
	AUTO_BUFFER text = BUFFER(FRONT_MAX);
	int rc = write_archive_manifest(&text, release, err);

	return rc ? rc : add_covered(out, FRONT_MANIFEST, &text, stated, err);
}

static int
add_blob_table(struct buffer *out, const struct release *release,
	       const struct layout *layout, const struct digest *frames,
	       struct statement_file *stated, struct ferry_error *err)
{
	AUTO_BUFFER text = BUFFER(FRONT_MAX);
	int rc = blob_table_write(&text, release, layout, frames, err);

	return rc ? rc : add_covered(out, FRONT_BLOB_TABLE, &text, stated, err);
}

static int
add_statement(struct buffer *out, const struct release *release,
	      const struct statement_file *files, struct ferry_error *err)
{
	AUTO_BUFFER text = BUFFER(FRONT_MAX);
	int rc = statement_write(&text, release, files, err);

	return rc ? rc
		  : add_member(out, FRONT_STATEMENT, text.data, text.size, err);
}

int
front_write(struct buffer *out, const struct release *release,
	    const struct layout *layout, const struct digest *frames,
	    const struct front_part *signatures, struct ferry_error *err)
{
	struct statement_file files[STATEMENT_FILES];
	int rc = add_member(out, FRONT_LAYOUT, OCI_LAYOUT, strlen(OCI_LAYOUT),
			    err);

	if (!rc)
		rc = add_index(out, release, &files[STATEMENT_INDEX], err);
	if (!rc)
		rc = add_archive_manifest(out, release,
					  &files[STATEMENT_MANIFEST], err);
	if (!rc)
		rc = add_blob_table(out, release, layout, frames,
				    &files[STATEMENT_BLOBS], err);
	if (!rc)
		rc = add_statement(out, release, files, err);
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
				 front_member_names[member]);
	rc = tar_parse_head(&head, data + *at, err);
	if (rc)
		return rc;
	if (strcmp(head.name, front_member_names[member]) != 0 ||
	    head.typeflag != typeflag(member))
		return error_set(err, FERRY_E_DAMAGED, "'%s' where %s must be",
				 head.name, front_member_names[member]);
	if (head.size > largest[member])
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
