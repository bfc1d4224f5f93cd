#include "oci/release.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
check_content(const struct descriptor *descriptor, const struct buffer *content,
	      struct ferry_error *err)
{
	AUTO(proof_release) struct proof proof = { 0 };
	int rc = proof_init(&proof, NULL, &descriptor->digest, descriptor->size,
			    err);

	if (!rc)
		rc = sink_write(&proof.sink, content->data, content->size, err);
	if (!rc)
		rc = proof_finish(&proof, err);
	return rc;
}

int
image_parse_child(struct image *image, struct ferry_error *err)
{
	const struct buffer *bytes = &image->manifest_bytes;
	struct manifest manifest;
	int rc = check_content(&image->descriptor, bytes, err);

	if (!rc)
		rc = manifest_parse(&manifest, bytes->data, bytes->size, NULL,
				    err);
	if (rc)
		return rc;
	manifest_release(&image->manifest);
	image->manifest = manifest;
	strcpy(image->descriptor.media_type, manifest.media_type);
	return 0;
}

int
image_parse_manifest(struct image *image, struct ferry_error *err)
{
	int rc = image_parse_child(image, err);

	if (!rc)
		rc = manifest_check_image(&image->manifest, err);
	return rc ? error_wrap(err, "manifest %s",
			       image->descriptor.digest.text)
		  : 0;
}

static int
parse_config(struct image_config *out, const struct image *image,
	     struct ferry_error *err)
{
	const struct descriptor *descriptor = &image->manifest.config;
	const struct buffer *bytes = &image->config_bytes;
	int rc = check_content(descriptor, bytes, err);

	if (!rc)
		rc = image_config_parse(out, bytes->data, bytes->size, err);
	return rc ? error_wrap(err, "config %s", descriptor->digest.text) : 0;
}

int
image_parse_config(struct image *image, struct ferry_error *err)
{
	AUTO(image_config_release) struct image_config config = { 0 };
	int rc = parse_config(&config, image, err);

	if (rc)
		return rc;
	if (image->manifest.layer_count != config.diff_id_count)
		return error_set(err, FERRY_E_FAILED,
				 "the manifest has %zu layers, but the config "
				 "has %zu diff_ids",
				 image->manifest.layer_count,
				 config.diff_id_count);
	image->platform = config.platform;
	return 0;
}

const char *
image_title(char out[IMAGE_TITLE], const struct image *image)
{
	char name[REFERENCE_TEXT];
	char platform[PLATFORM_TEXT];

	reference_familiar(name, image_source_name(image));
	if (!image->nested)
		snprintf(out, IMAGE_TITLE, "%s", name);
	else if (image->artifact)
		snprintf(out, IMAGE_TITLE, "%s (%.19s)", name,
			 image->descriptor.digest.text);
	else
		snprintf(out, IMAGE_TITLE, "%s (%s)", name,
			 platform_text(platform, &image->platform));
	return out;
}

void
image_release(struct image *image)
{
	buffer_release(&image->manifest_bytes);
	buffer_release(&image->config_bytes);
	manifest_release(&image->manifest);
	free(image->blobs);
	free(image->origin);
	free(image->renamed);
	*image = (struct image){ 0 };
}

const struct reference *
image_source_name(const struct image *image)
{
	return image->renamed ? &image->renamed->from : &image->reference;
}

const struct digest *
image_name_digest(const struct image *image)
{
	return image->nested ? &image->nested->descriptor.digest
			     : &image->descriptor.digest;
}

int
resolved_take(struct resolved *out, struct image *take_image,
	      struct ferry_error *err)
{
	struct image *images = calloc(1, sizeof(*images));

	if (!images) {
		image_release(take_image);
		return error_nomem(err);
	}
	*images = *take_image;
	*take_image = (struct image){ 0 };
	*out = (struct resolved){ .images = images, .image_count = 1 };
	return 0;
}

void
resolved_release(struct resolved *resolved)
{
	for (size_t i = 0; i < resolved->image_count; i++)
		image_release(&resolved->images[i]);
	free(resolved->images);
	buffer_release(&resolved->index.bytes);
	*resolved = (struct resolved){ 0 };
}

static int
by_name(const void *a, const void *b)
{
	char a_name[REFERENCE_TEXT];
	char b_name[REFERENCE_TEXT];

	reference_name(a_name,
		       &((const struct resolved *)a)->images->reference);
	reference_name(b_name,
		       &((const struct resolved *)b)->images->reference);
	return strcmp(a_name, b_name);
}

static int
sort_names(struct resolved *resolved, size_t count, struct ferry_error *err)
{
	char name[REFERENCE_TEXT];

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < resolved[i].image_count; k++)
			reference_unpin(&resolved[i].images[k].reference);
	if (count)
		qsort(resolved, count, sizeof(*resolved), by_name);
	for (size_t i = 1; i < count; i++)
		if (by_name(&resolved[i - 1], &resolved[i]) == 0)
			return error_set(
				err, FERRY_E_FAILED, "two images are called %s",
				reference_name(name,
					       &resolved[i].images->reference));
	return 0;
}

/*
 * The blobs being collected, and a balanced tree over them: an attacker
 * chooses the digests of layers, so that a hash table over them could be made
 * slow.
 */
struct collection {
	struct release *release;
	void *tree;	 /* of struct blob, as tsearch(3) keeps it */
	size_t *seen_in; /* per blob, one more than the last image seen in */
};

static int
by_digest(const void *a, const void *b)
{
	return strcmp(((const struct blob *)a)->descriptor.digest.text,
		      ((const struct blob *)b)->descriptor.digest.text);
}

static void
keep(void *node)
{
	(void)node; /* the blobs belong to the release */
}

static void
collection_release(struct collection *collection)
{
	tdestroy(collection->tree, keep);
	free(collection->seen_in);
}

/* Room for the most there can be; what is not used is never touched. */
static int
collection_init(struct collection *collection, struct release *release,
		struct ferry_error *err)
{
	size_t most = 1 + release->index_count;

	for (size_t i = 0; i < release->image_count; i++)
		most += 2 + release->images[i].manifest.layer_count;
	release->blobs = calloc(most, sizeof(*release->blobs));
	collection->seen_in = calloc(most, sizeof(*collection->seen_in));
	collection->release = release;
	if (!release->blobs || !collection->seen_in)
		return error_nomem(err);
	return 0;
}

static int
refuse_sizes(const struct release *release, const struct blob *a,
	     const struct blob *b, struct ferry_error *err)
{
	char a_name[REFERENCE_TEXT];
	char b_name[REFERENCE_TEXT];

	return error_set(
		err, FERRY_E_FAILED, "%s has %llu bytes in %s, but %llu in %s",
		a->descriptor.digest.text,
		(unsigned long long)a->descriptor.size,
		reference_familiar(a_name,
				   &release->images[a->image].reference),
		(unsigned long long)b->descriptor.size,
		reference_familiar(b_name,
				   &release->images[b->image].reference));
}

static int
add(struct collection *collection, const struct blob *blob,
    struct ferry_error *err)
{
	struct release *release = collection->release;
	struct blob *fresh = &release->blobs[release->blob_count];
	struct blob **found;

	*fresh = *blob;
	found = tsearch(fresh, &collection->tree, by_digest);
	if (!found)
		return error_nomem(err);
	if ((*found)->descriptor.size != blob->descriptor.size)
		return refuse_sizes(release, *found, blob, err);
	if (*found != fresh)
		return 0;
	if (__builtin_add_overflow(release->blob_bytes, blob->descriptor.size,
				   &release->blob_bytes))
		return error_set(err, FERRY_E_FAILED,
				 "blobs of more than 2^64 bytes in all");
	release->blob_count++;
	return 0;
}

/* Before the first of its children. */
static int
add_index(struct collection *collection, size_t number, struct ferry_error *err)
{
	const struct nested_index *index =
		collection->release->images[number].nested;
	struct blob blob = { .image = number, .manifest = true };

	if (!index || index->first_image != number)
		return 0;
	blob.descriptor = index->descriptor;
	blob.content = &index->bytes;
	return add(collection, &blob, err);
}

static int
add_documents(struct collection *collection, size_t number,
	      struct ferry_error *err)
{
	const struct image *image = &collection->release->images[number];
	const struct buffer *bytes = &image->config_bytes;
	struct blob manifest = { .descriptor = image->descriptor,
				 .content = &image->manifest_bytes,
				 .image = number,
				 .manifest = true };
	struct blob config = { .descriptor = image->manifest.config,
			       .content = bytes->size ? bytes : NULL,
			       .image = number };
	int rc = add_index(collection, number, err);

	if (!rc)
		rc = add(collection, &manifest, err);
	return rc ? rc : add(collection, &config, err);
}

static int
add_layers(struct collection *collection, size_t number, bool plain,
	   struct ferry_error *err)
{
	const struct manifest *manifest =
		&collection->release->images[number].manifest;
	int rc = 0;

	for (size_t i = 0; i < manifest->layer_count && !rc; i++) {
		struct blob blob = { .descriptor = manifest->layers[i],
				     .image = number,
				     .plain = plain };

		if ((media_kind(blob.descriptor.media_type) ==
		     MEDIA_LAYER_TAR) == plain)
			rc = add(collection, &blob, err);
	}
	return rc;
}

/* In the order that release.h promises. */
static int
add_all(struct collection *collection, struct ferry_error *err)
{
	size_t count = collection->release->image_count;
	int rc = 0;

	for (size_t i = 0; i < count && !rc; i++)
		rc = add_documents(collection, i, err);
	for (size_t i = 0; i < count && !rc; i++)
		rc = add_layers(collection, i, false, err);
	for (size_t i = 0; i < count && !rc; i++)
		rc = add_layers(collection, i, true, err);
	return rc;
}

static void
use(struct collection *collection, size_t number,
    const struct descriptor *descriptor)
{
	struct release *release = collection->release;
	struct image *image = &release->images[number];
	struct blob key = { .descriptor = *descriptor };
	struct blob **found = tfind(&key, &collection->tree, by_digest);
	struct blob *blob = *found;
	size_t at = (size_t)(blob - release->blobs);

	if (collection->seen_in[at] == number + 1)
		return;
	collection->seen_in[at] = number + 1;
	if (blob->uses++ == 0)
		blob->image = number;
	image->blobs[image->blob_count++] = at;
	image->size += blob->descriptor.size;
}

static int
use_all(struct collection *collection, size_t number, struct ferry_error *err)
{
	struct image *image = &collection->release->images[number];
	const struct manifest *manifest = &image->manifest;

	free(image->blobs);
	image->blob_count = 0;
	image->size = 0;
	image->shared = 0;
	image->blobs = calloc(3 + manifest->layer_count, sizeof(*image->blobs));
	if (!image->blobs)
		return error_nomem(err);
	use(collection, number, &image->descriptor);
	if (image->nested)
		use(collection, number, &image->nested->descriptor);
	use(collection, number, &manifest->config);
	for (size_t i = 0; i < manifest->layer_count; i++)
		use(collection, number, &manifest->layers[i]);
	return 0;
}

/* Turns image -> blobs into blob -> images, by counting. */
static int
collect_users(struct release *release, struct ferry_error *err)
{
	AUTO_FREE size_t *filled =
		calloc(release->blob_count + 1, sizeof(*filled));
	size_t total = 0;

	for (size_t b = 0; b < release->blob_count; b++)
		total += release->blobs[b].uses;
	release->users = calloc(total + 1, sizeof(*release->users));
	if (!filled || !release->users)
		return error_nomem(err);
	total = 0;
	for (size_t b = 0; b < release->blob_count; b++) {
		filled[b] = total;
		release->blobs[b].users = release->users + total;
		total += release->blobs[b].uses;
	}
	for (size_t i = 0; i < release->image_count; i++)
		for (size_t k = 0; k < release->images[i].blob_count; k++)
			release->users[filled[release->images[i].blobs[k]]++] =
				i;
	return 0;
}

static void
count_shared(struct release *release)
{
	for (size_t i = 0; i < release->image_count; i++) {
		struct image *image = &release->images[i];

		for (size_t k = 0; k < image->blob_count; k++) {
			const struct blob *blob =
				&release->blobs[image->blobs[k]];

			if (blob->uses > 1)
				image->shared += blob->descriptor.size;
		}
	}
}

static int
collect_blobs(struct release *release, struct ferry_error *err)
{
	AUTO(collection_release) struct collection collection = { 0 };
	int rc = collection_init(&collection, release, err);

	if (!rc)
		rc = add_all(&collection, err);
	for (size_t i = 0; i < release->image_count && !rc; i++)
		rc = use_all(&collection, i, err);
	if (!rc)
		rc = collect_users(release, err);
	if (!rc)
		count_shared(release);
	return rc;
}

static int
make_room(struct release *release, const struct resolved *resolved,
	  size_t count, struct ferry_error *err)
{
	size_t images = 0;
	size_t indexes = 0;

	for (size_t i = 0; i < count; i++) {
		images += resolved[i].image_count;
		indexes += resolved[i].index.bytes.size > 0;
	}
	release->images = calloc(images + 1, sizeof(*release->images));
	release->indexes = calloc(indexes + 1, sizeof(*release->indexes));
	return release->images && release->indexes ? 0 : error_nomem(err);
}

static void
take_index(struct release *release, struct resolved *resolved)
{
	struct nested_index *index = &release->indexes[release->index_count++];

	*index = resolved->index;
	resolved->index = (struct nested_index){ 0 };
	index->first_image = release->image_count;
	index->image_count = resolved->image_count;
	for (size_t i = 0; i < resolved->image_count; i++)
		resolved->images[i].nested = index;
}

static void
take_images(struct release *release, struct resolved *resolved)
{
	for (size_t i = 0; i < resolved->image_count; i++) {
		release->images[release->image_count++] = resolved->images[i];
		resolved->images[i] = (struct image){ 0 };
	}
}

/* All images in one array, all indexes in another. */
static int
take_all(struct release *release, struct resolved *resolved, size_t count,
	 struct ferry_error *err)
{
	int rc = make_room(release, resolved, count, err);

	for (size_t i = 0; i < count && !rc; i++) {
		if (resolved[i].index.bytes.size)
			take_index(release, &resolved[i]);
		take_images(release, &resolved[i]);
	}
	return rc;
}

int
release_init(struct release *out, struct resolved *take_resolved, size_t count,
	     struct ferry_error *err)
{
	AUTO(release_release) struct release release = { 0 };
	int rc = sort_names(take_resolved, count, err);

	if (!rc)
		rc = take_all(&release, take_resolved, count, err);
	for (size_t i = 0; i < count; i++)
		resolved_release(&take_resolved[i]);
	if (!rc)
		rc = collect_blobs(&release, err);
	if (rc)
		return rc;
	*out = release;
	release = (struct release){ 0 };
	return 0;
}

void
release_release(struct release *release)
{
	for (size_t i = 0; i < release->image_count; i++)
		image_release(&release->images[i]);
	for (size_t i = 0; i < release->index_count; i++)
		buffer_release(&release->indexes[i].bytes);
	free(release->images);
	free(release->indexes);
	free(release->blobs);
	free(release->users);
	*release = (struct release){ 0 };
}
