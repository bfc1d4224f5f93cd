#include "target/docker_archive.h"

#include <stdio.h>
#include <string.h>

#include "codec/tar.h"
#include "target/docker_image.h"

#define MANIFEST "manifest.json"
#define MANIFEST_LIMIT ((size_t)64 << 20)
/*
 * Layers of real images unpack to 2 to 3 times their size with gzip, and
 * hardly more with zstd: this estimate is on the safe side.
 */
#define UNPACKED_FACTOR 3

#define BLOB_PATH_MAX (sizeof("blobs/sha256/") + DIGEST_HEX)

static const char *
blob_path(char out[BLOB_PATH_MAX], const struct digest *digest)
{
	snprintf(out, BLOB_PATH_MAX, "blobs/sha256/%s", digest_hex(digest));
	return out;
}

/* The blobs of an image are known to the release by number only. */
static void
want(struct docker_archive *archive, const struct image *image,
     const struct digest *digest)
{
	const struct blob *blobs = archive->release->blobs;

	for (size_t i = 0; i < image->blob_count; i++)
		if (digest_equal(&blobs[image->blobs[i]].descriptor.digest,
				 digest))
			archive->wanted[image->blobs[i]] = true;
}

static void
want_image(struct docker_archive *archive, const struct image *image,
	   size_t have)
{
	want(archive, image, docker_image_id(image));
	for (size_t i = have; i < image->manifest.layer_count; i++)
		want(archive, image, &image->manifest.layers[i].digest);
}

static int
add_text(json_t *list, const char *text, struct ferry_error *err)
{
	return json_array_append_new(list, json_string(text)) ? error_nomem(err)
							      : 0;
}

static int
add_layers(json_t *entry, const struct image *image, struct ferry_error *err)
{
	json_t *list = json_object_get(entry, "Layers");
	char path[BLOB_PATH_MAX];
	int rc = 0;

	for (size_t i = 0; !rc && i < image->manifest.layer_count; i++)
		rc = add_text(
			list,
			blob_path(path, &image->manifest.layers[i].digest),
			err);
	return rc;
}

/* Docker takes names with a tag only; without one there is none. */
static int
add_name(json_t *entry, const struct image *image, struct ferry_error *err)
{
	char name[REFERENCE_TEXT];

	if (!image->reference.tag[0])
		return 0;
	return add_text(json_object_get(entry, "RepoTags"),
			docker_image_name(name, image), err);
}

/* *out belongs to `entries`. */
static int
add_entry(json_t *entries, const struct image *image, json_t **out,
	  struct ferry_error *err)
{
	char path[BLOB_PATH_MAX];
	json_t *entry = json_pack("{s:s, s:[], s:[]}", "Config",
				  blob_path(path, docker_image_id(image)),
				  "RepoTags", "Layers");

	if (!entry || json_array_append_new(entries, entry))
		return error_nomem(err);
	*out = entry;
	return add_layers(entry, image, err);
}

/*
 * The entry of an image before with the same ID, or NULL.  All pairs are
 * looked at, which takes some 50 ms for a thousand images.
 */
static json_t *
find_entry(const json_t *entries, const struct image *image)
{
	char path[BLOB_PATH_MAX];
	json_t *entry;
	size_t i;

	blob_path(path, docker_image_id(image));
	json_array_foreach (entries, i, entry)
		if (strcmp(json_string_value(json_object_get(entry, "Config")),
			   path) == 0)
			return entry;
	return NULL;
}

static int
add_image(struct docker_archive *archive, json_t *entries,
	  const struct image *image, size_t have, struct ferry_error *err)
{
	json_t *entry = find_entry(entries, image);
	int rc = 0;

	if (!entry) {
		rc = add_entry(entries, image, &entry, err);
		want_image(archive, image, have);
	}
	return rc ? rc : add_name(entry, image, err);
}

static uint64_t
member_size(uint64_t size)
{
	return tar_member_head_size(size) + size + tar_padding(size);
}

static uint64_t
unpacked_size(const struct blob *blob)
{
	if (blob->content || blob->plain)
		return blob->descriptor.size;
	return blob->descriptor.size * UNPACKED_FACTOR;
}

/* DESCRIPTOR_SIZE_MAX keeps these sums far from an overflow. */
static void
add_sizes(struct docker_archive *archive)
{
	const struct release *release = archive->release;

	for (size_t i = 0; i < release->blob_count; i++) {
		if (!archive->wanted[i])
			continue;
		archive->size += member_size(release->blobs[i].descriptor.size);
		archive->unpacked += unpacked_size(&release->blobs[i]);
	}
	archive->size += member_size(archive->manifest.size) + TAR_END;
}

static int
plan(struct docker_archive *archive, const bool *send, const size_t *have,
     struct ferry_error *err)
{
	AUTO_JSON *entries = json_array();
	const struct release *release = archive->release;
	int rc = 0;

	if (!entries)
		return error_nomem(err);
	for (size_t i = 0; !rc && i < release->image_count; i++)
		if (send[i])
			rc = add_image(archive, entries, &release->images[i],
				       have[i], err);
	if (rc || json_array_size(entries) == 0)
		return rc;
	rc = json_write(entries, &archive->manifest, err);
	if (!rc)
		add_sizes(archive);
	return rc;
}

int
docker_archive_init(struct docker_archive *out, const struct release *release,
		    const bool *send, const size_t *have,
		    struct ferry_error *err)
{
	AUTO(docker_archive_release)
	struct docker_archive archive = { .release = release,
					  .manifest = BUFFER(MANIFEST_LIMIT) };
	int rc;

	archive.wanted = calloc(release->blob_count + 1, sizeof(bool));
	if (!archive.wanted)
		return error_nomem(err);
	rc = plan(&archive, send, have, err);
	if (rc)
		return rc;
	*out = archive;
	archive = (struct docker_archive){ 0 };
	return 0;
}

void
docker_archive_release(struct docker_archive *archive)
{
	free(archive->wanted);
	buffer_release(&archive->manifest);
	*archive = (struct docker_archive){ 0 };
}

static int
write_head(struct sink *to, const char *name, uint64_t size,
	   struct ferry_error *err)
{
	uint8_t head[TAR_HEAD_MAX];
	size_t length = tar_member_head(head, name, size);

	return sink_write(to, head, length, err);
}

static int
write_zeros(struct sink *to, size_t size, struct ferry_error *err)
{
	static const uint8_t zeros[TAR_END];

	return size ? sink_write(to, zeros, size, err) : 0;
}

static int
write_blob(const struct docker_archive *archive, struct source *source,
	   const struct blob *blob, struct sink *to, struct ferry_error *err)
{
	char path[BLOB_PATH_MAX];
	uint64_t size = blob->descriptor.size;
	int rc = write_head(to, blob_path(path, &blob->descriptor.digest), size,
			    err);

	if (rc)
		return rc;
	rc = source_fetch(source, 0, archive->release, blob, to, err);
	if (rc == FERRY_E_DAMAGED)
		return error_wrap(err, "blob %s", blob->descriptor.digest.text);
	if (!rc)
		rc = write_zeros(to, tar_padding(size), err);
	return rc;
}

static int
write_end(const struct buffer *manifest, struct sink *to,
	  struct ferry_error *err)
{
	int rc = write_head(to, MANIFEST, manifest->size, err);

	if (!rc)
		rc = sink_write(to, manifest->data, manifest->size, err);
	if (!rc)
		rc = write_zeros(to, tar_padding(manifest->size), err);
	if (!rc)
		rc = write_zeros(to, TAR_END, err);
	return rc;
}

int
docker_archive_write(const struct docker_archive *archive,
		     struct source *source, struct sink *to,
		     struct ferry_error *err)
{
	const struct release *release = archive->release;
	int rc = 0;

	for (size_t i = 0; !rc && i < release->blob_count; i++)
		if (archive->wanted[i])
			rc = write_blob(archive, source, &release->blobs[i], to,
					err);
	return rc ? rc : write_end(&archive->manifest, to, err);
}
