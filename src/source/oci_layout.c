#include "source/oci_layout.h"

#include <stdio.h>
#include <string.h>

#include "oci/document.h"

#define LAYOUT_FILE "oci-layout"
#define LAYOUT_FILE_MAX 4096
#define LAYOUT_VERSION "1.0.0"
#define INDEX_FILE "index.json"

#define NAME_CONTAINERD "io.containerd.image.name"
#define NAME_OCI "org.opencontainers.image.ref.name"

#define BLOB_PATH_MAX (sizeof("blobs/sha256/") + DIGEST_HEX)

static const char *
blob_path(char out[BLOB_PATH_MAX], const struct digest *digest)
{
	snprintf(out, BLOB_PATH_MAX, "blobs/sha256/%s", digest_hex(digest));
	return out;
}

static int
check_version(struct folder *folder, struct ferry_error *err)
{
	AUTO_BUFFER bytes = BUFFER(LAYOUT_FILE_MAX);
	AUTO_JSON *json = NULL;
	const char *version = NULL;
	int rc = folder_load(folder, LAYOUT_FILE, &bytes, err);

	if (rc == FERRY_E_NOT_FOUND)
		return error_set(err, FERRY_E_FAILED,
				 "no OCI image layout: it has no %s",
				 LAYOUT_FILE);
	if (!rc)
		rc = json_parse(&json, bytes.data, bytes.size, err);
	if (!rc)
		rc = json_get_text(json, "imageLayoutVersion", &version, err);
	if (rc)
		return error_wrap(err, "%s", LAYOUT_FILE);
	if (strcmp(version, LAYOUT_VERSION) != 0)
		return error_set(err, FERRY_E_FAILED,
				 "an OCI image layout of version %.100s; ferry "
				 "knows %s",
				 version, LAYOUT_VERSION);
	return 0;
}

static int
load_index(struct oci_layout *layout, struct ferry_error *err)
{
	AUTO_BUFFER bytes = BUFFER(MANIFEST_MAX);
	int rc = folder_load(layout->folder, INDEX_FILE, &bytes, err);

	if (rc == FERRY_E_NOT_FOUND)
		return error_set(err, FERRY_E_FAILED,
				 "no OCI image layout: it has no %s",
				 INDEX_FILE);
	if (!rc)
		rc = index_parse(&layout->index, bytes.data, bytes.size, NULL,
				 err);
	if (!rc)
		rc = document_json(&layout->json, bytes.data, bytes.size, err);
	return rc ? error_wrap(err, "%s", INDEX_FILE) : 0;
}

static int
add_name(struct oci_layout *layout, const char *text, size_t image, bool *alias,
	 struct ferry_error *err)
{
	int rc;

	if (!text || !*text)
		return 0;
	rc = image_names_add(&layout->names, text, image, *alias, err);
	*alias = true;
	return rc;
}

static int
add_names(struct oci_layout *layout, const json_t *entry, size_t image,
	  const struct digest *digest, struct ferry_error *err)
{
	json_t *annotations = NULL;
	const char *containerd = NULL;
	const char *oci = NULL;
	bool alias = false;
	int rc = json_find_object(entry, "annotations", &annotations, err);

	if (!rc && annotations)
		rc = json_find_text(annotations, NAME_CONTAINERD, &containerd,
				    err);
	if (!rc && annotations)
		rc = json_find_text(annotations, NAME_OCI, &oci, err);
	if (!rc)
		rc = add_name(layout, containerd, image, &alias, err);
	if (!rc)
		rc = add_name(layout, oci, image, &alias, err);
	alias = true;
	return rc ? rc : add_name(layout, digest->text, image, &alias, err);
}

static int
collect_images(struct oci_layout *layout, struct ferry_error *err)
{
	const struct index *index = &layout->index;
	const json_t *entries = json_object_get(layout->json, "manifests");
	int rc = 0;

	layout->entries =
		calloc(index->entry_count + 1, sizeof(*layout->entries));
	if (!layout->entries)
		return error_nomem(err);
	for (size_t i = 0; i < index->entry_count && !rc; i++) {
		size_t image = layout->names.images;

		if (index->entries[i].attestation)
			continue;
		layout->entries[image] = i;
		layout->names.images++;
		rc = add_names(layout, json_array_get(entries, i), image,
			       &index->entries[i].descriptor.digest, err);
	}
	return rc ? error_wrap(err, "%s", INDEX_FILE) : 0;
}

int
oci_layout_init(struct oci_layout *out, struct folder *take_folder,
		struct ferry_error *err)
{
	struct oci_layout layout = { .folder = take_folder };
	int rc = check_version(take_folder, err);

	if (!rc)
		rc = load_index(&layout, err);
	if (!rc)
		rc = collect_images(&layout, err);
	if (rc)
		oci_layout_release(&layout);
	else
		*out = layout;
	return rc;
}

void
oci_layout_release(struct oci_layout *layout)
{
	folder_close(layout->folder);
	json_decref(layout->json);
	index_release(&layout->index);
	free(layout->entries);
	image_names_release(&layout->names);
	*layout = (struct oci_layout){ 0 };
}

int
oci_layout_get_blob(struct oci_layout *layout, const struct digest *digest,
		    struct proof *proof, struct ferry_error *err)
{
	char path[BLOB_PATH_MAX];
	int rc = layout->folder->read(layout->folder, blob_path(path, digest),
				      proof->seen, &proof->sink, err);

	return rc ? rc : proof_finish(proof, err);
}

struct layout_place {
	struct resolve_place place;
	struct oci_layout *layout;
};

static int
get(struct resolve_place *base, const struct digest *digest,
    struct resolve_document *out, struct ferry_error *err)
{
	struct oci_layout *layout = ((struct layout_place *)base)->layout;
	AUTO_RESOLVE_DOCUMENT found = { .bytes = BUFFER(MANIFEST_MAX) };
	char path[BLOB_PATH_MAX];
	int rc = folder_load(layout->folder, blob_path(path, digest),
			     &found.bytes, err);

	if (!rc)
		rc = digest_of(&found.digest, found.bytes.data,
			       found.bytes.size, err);
	if (rc)
		return rc;
	if (!digest_equal(&found.digest, digest))
		return error_set(err, FERRY_E_DIGEST, "its content is %s",
				 found.digest.text);
	*out = found;
	found = (struct resolve_document){ 0 };
	return 0;
}

static int
get_blob(struct resolve_place *base, const struct descriptor *descriptor,
	 struct proof *proof, struct ferry_error *err)
{
	return oci_layout_get_blob(((struct layout_place *)base)->layout,
				   &descriptor->digest, proof, err)
		       ? error_wrap(err, "config %s", descriptor->digest.text)
		       : 0;
}

static const struct index_entry *
entry_of(const struct oci_layout *layout, size_t image)
{
	return &layout->index.entries[layout->entries[image]];
}

/* Several names for one manifest are one image. */
static bool
is_one_image(const struct oci_layout *layout, const struct image_match *match)
{
	const struct digest *first =
		&entry_of(layout, match->images[0])->descriptor.digest;

	for (size_t i = 1; i < match->count; i++)
		if (!digest_equal(first, &entry_of(layout, match->images[i])
						  ->descriptor.digest))
			return false;
	return true;
}

static int
find_root(struct layout_place *place, const struct image_match *match,
	  struct resolve_document *out, struct ferry_error *err)
{
	const struct descriptor *descriptor =
		&entry_of(place->layout, match->images[0])->descriptor;
	int rc = get(&place->place, &descriptor->digest, out, err);

	if (!rc && out->bytes.size != descriptor->size)
		rc = error_set(err, FERRY_E_DIGEST,
			       "it has %zu bytes, its index says %llu",
			       out->bytes.size,
			       (unsigned long long)descriptor->size);
	if (rc)
		return error_wrap(err, "manifest %s", descriptor->digest.text);
	strcpy(out->media_type, descriptor->media_type);
	return 0;
}

/* Those of one name, as an index of their own: the platform is to decide. */
static int
write_index(const struct oci_layout *layout, const struct image_match *match,
	    struct buffer *out, struct ferry_error *err)
{
	const json_t *all = json_object_get(layout->json, "manifests");
	AUTO_JSON *json =
		json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType",
			  MEDIA_TYPE_OCI_INDEX, "manifests");
	json_t *entries = json_object_get(json, "manifests");

	for (size_t i = 0; i < match->count && entries; i++)
		if (json_array_append(
			    entries,
			    json_array_get(all,
					   layout->entries[match->images[i]])))
			entries = NULL;
	return entries ? json_write(json, out, err) : error_nomem(err);
}

static int
make_root(const struct oci_layout *layout, const struct image_match *match,
	  struct resolve_document *out, struct ferry_error *err)
{
	AUTO_BUFFER bytes = BUFFER(MANIFEST_MAX);
	int rc = write_index(layout, match, &bytes, err);

	if (!rc)
		rc = digest_of(&out->digest, bytes.data, bytes.size, err);
	if (rc)
		return rc;
	out->bytes = bytes;
	bytes = (struct buffer){ 0 };
	return 0;
}

/* Nobody else knows the index that was made, unless it is carried. */
static void
forget_root(struct resolved *resolved)
{
	const struct digest *carried = &resolved->index.descriptor.digest;

	for (size_t i = 0; i < resolved->image_count; i++) {
		struct digest *index = &resolved->images[i].index_digest;

		if (!digest_equal(index, carried))
			*index = (struct digest){ 0 };
	}
}

int
oci_layout_resolve(struct oci_layout *layout, const struct image_match *match,
		   const struct platforms *platforms, struct resolved *out,
		   struct ferry_error *err)
{
	struct layout_place place = {
		.place = { .get = get, .get_blob = get_blob }, .layout = layout
	};
	AUTO_RESOLVE_DOCUMENT root = { 0 };
	AUTO(resolved_release) struct resolved resolved = { 0 };
	bool one = is_one_image(layout, match);
	int rc = one ? find_root(&place, match, &root, err)
		     : make_root(layout, match, &root, err);

	if (!rc)
		rc = resolve_images(&place.place, &root, platforms, &resolved,
				    err);
	if (rc)
		return rc;
	if (!one)
		forget_root(&resolved);
	*out = resolved;
	resolved = (struct resolved){ 0 };
	return 0;
}
