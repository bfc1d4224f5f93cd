#include "source/saved.h"

#include <search.h>
#include <stdio.h>
#include <string.h>

#include "source/saved_image.h"

#define MANIFEST "manifest.json"
#define BLOBS "blobs/sha256/"
#define SHORT_ID 12 /* digits, as Docker shows them */

static int
load_manifest(struct saved *saved, struct ferry_error *err)
{
	AUTO_BUFFER bytes = BUFFER(SAVED_MANIFEST_MAX);
	const struct tarball_member *member =
		tarball_find(saved->tarball, MANIFEST);
	int rc;

	if (!member || member->kind != TARBALL_FILE)
		return error_set(
			err, FERRY_E_FAILED,
			"no archive of docker save: it has no " MANIFEST "%s",
			tarball_find(saved->tarball, "oci-layout")
				? "; of an OCI layout say oci-archive:"
				: "");
	if (member->size > SAVED_MANIFEST_MAX)
		return error_set(
			err, FERRY_E_FAILED,
			MANIFEST " has %llu bytes, but %zu is the limit",
			(unsigned long long)member->size, SAVED_MANIFEST_MAX);
	rc = tarball_load(saved->tarball, member, &bytes, err);
	if (!rc)
		rc = saved_manifest_parse(&saved->manifest, bytes.data,
					  bytes.size, err);
	return rc ? error_wrap(err, MANIFEST) : 0;
}

/* Whether the name of a config is that of an image ID; its digits. */
static bool
find_id(char out[DIGEST_HEX + 1], const char *config)
{
	const char *slash = strrchr(config, '/');
	const char *base = slash ? slash + 1 : config;

	if (strncmp(base, DIGEST_PREFIX, strlen(DIGEST_PREFIX)) == 0)
		base += strlen(DIGEST_PREFIX);
	if (strlen(base) < DIGEST_HEX || !digest_is_hex(base))
		return false;
	snprintf(out, DIGEST_HEX + 1, "%s", base);
	return true;
}

/* An image can also be selected by its ID, in full or as Docker shows it. */
static int
add_ids(struct saved *saved, struct ferry_error *err)
{
	struct image_names *names = &saved->manifest.names;
	char id[sizeof(DIGEST_PREFIX) + DIGEST_HEX];
	char hex[DIGEST_HEX + 1];
	int rc = 0;

	for (size_t i = 0; i < saved->manifest.count && !rc; i++) {
		if (!find_id(hex, saved->manifest.entries[i].config))
			continue;
		snprintf(id, sizeof(id), DIGEST_PREFIX "%s", hex);
		rc = image_names_add(names, id, i, true, err);
		if (!rc)
			rc = image_names_add(names, hex, i, true, err);
		hex[SHORT_ID] = '\0';
		if (!rc)
			rc = image_names_add(names, hex, i, true, err);
	}
	return rc;
}

static int
open_layout(struct saved *saved, struct ferry_error *err)
{
	struct folder *folder = NULL;
	int rc;

	if (!tarball_find(saved->tarball, "oci-layout") ||
	    !tarball_find(saved->tarball, "index.json"))
		return 0;
	rc = folder_of_tarball(&folder, saved->tarball, false, err);
	return rc ? rc : oci_layout_init(&saved->layout, folder, err);
}

int
saved_init(struct saved *out, struct tarball *take_tarball,
	   struct ferry_error *err)
{
	int rc;

	*out = (struct saved){ .tarball = take_tarball };
	pthread_mutex_init(&out->lock, NULL);
	rc = load_manifest(out, err);
	if (!rc)
		rc = add_ids(out, err);
	if (!rc)
		rc = open_layout(out, err);
	if (rc)
		saved_release(out);
	return rc;
}

void
saved_release(struct saved *saved)
{
	if (!saved->tarball)
		return;
	oci_layout_release(&saved->layout);
	saved_manifest_release(&saved->manifest);
	tarball_close(saved->tarball);
	tdestroy(saved->blobs, free);
	pthread_mutex_destroy(&saved->lock);
	*saved = (struct saved){ 0 };
}

static const struct saved_entry *
entry_of(const struct saved *saved, const struct image_match *match)
{
	return &saved->manifest.entries[match->images[0]];
}

/* Docker would take the last of them, Podman the first. */
static int
check_single(const struct saved *saved, const struct image_match *match,
	     struct ferry_error *err)
{
	const char *config = entry_of(saved, match)->config;

	for (size_t i = 1; i < match->count; i++)
		if (strcmp(saved->manifest.entries[match->images[i]].config,
			   config) != 0)
			return error_set(err, FERRY_E_FAILED,
					 "it holds %zu images of that name; "
					 "say one by its ID",
					 match->count);
	return 0;
}

static int
by_digest(const void *a, const void *b)
{
	const struct saved_blob *one = a;
	const struct saved_blob *two = b;

	return strcmp(one->digest.text, two->digest.text);
}

static int
remember(struct saved *saved, const struct saved_blob *blob,
	 struct ferry_error *err)
{
	AUTO_FREE struct saved_blob *copy = malloc(sizeof(*copy));
	struct saved_blob **found;

	if (!copy)
		return error_nomem(err);
	*copy = *blob;
	found = tsearch(copy, &saved->blobs, by_digest);
	if (!found)
		return error_nomem(err);
	if (*found == copy)
		copy = NULL;
	return 0;
}

static int
remember_layers(struct saved *saved, const struct saved_image *image,
		struct ferry_error *err)
{
	int rc = 0;

	pthread_mutex_lock(&saved->lock);
	for (size_t i = 0; i < image->layer_count && !rc; i++)
		rc = remember(saved, &image->layers[i], err);
	pthread_mutex_unlock(&saved->lock);
	return rc;
}

/* Where the config of a made manifest is: in memory already. */
struct made_place {
	struct resolve_place place;
	const struct saved_image *image;
};

static int
get_config(struct resolve_place *base, const struct descriptor *descriptor,
	   struct proof *proof, struct ferry_error *err)
{
	const struct buffer *config =
		&((struct made_place *)base)->image->config;
	int rc = sink_write(&proof->sink, config->data, config->size, err);

	(void)descriptor;
	return rc ? rc : proof_finish(proof, err);
}

static int
resolve_made(struct saved *saved, const struct saved_entry *entry,
	     const struct platforms *platforms, struct resolved *out,
	     struct ferry_error *err)
{
	AUTO(saved_image_release) struct saved_image made = { 0 };
	AUTO_RESOLVE_DOCUMENT root = { 0 };
	struct made_place place = { .place = { .get_blob = get_config },
				    .image = &made };
	int rc = saved_image_load_config(&made, saved->tarball, entry, err);

	if (!rc)
		rc = saved_image_make(&made, saved->tarball, entry, err);
	if (!rc)
		rc = remember_layers(saved, &made, err);
	if (!rc)
		rc = digest_of(&root.digest, made.manifest.data,
			       made.manifest.size, err);
	if (rc)
		return rc;
	root.bytes = made.manifest;
	made.manifest = (struct buffer){ 0 };
	return resolve_images(&place.place, &root, platforms, out, err);
}

/*
 * Both sides of the archive must mean the same by a name, or two programs that
 * read it load two things.  What is of another platform is no contradiction.
 */
static int
check_agreement(struct saved *saved, const struct saved_entry *entry,
		const struct resolved *resolved, struct ferry_error *err)
{
	AUTO(saved_image_release) struct saved_image other = { 0 };
	AUTO(image_config_release) struct image_config config = { 0 };
	int rc = saved_image_load_config(&other, saved->tarball, entry, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < resolved->image_count; i++)
		if (digest_equal(&other.config_digest,
				 &resolved->images[i].manifest.config.digest))
			return 0;
	rc = image_config_parse(&config, other.config.data, other.config.size,
				err);
	if (rc)
		return error_wrap(err, "config %s", other.config_digest.text);
	for (size_t i = 0; i < resolved->image_count; i++)
		if (memcmp(&config.platform, &resolved->images[i].platform,
			   sizeof(config.platform)) == 0)
			return error_set(err, FERRY_E_FAILED,
					 "its index.json and its " MANIFEST
					 " say two images of one name");
	return 0;
}

/* FERRY_E_NOT_FOUND: not there, or there is no such side. */
static int
resolve_layout(struct saved *saved, const struct saved_entry *entry,
	       const char *name, const struct platforms *platforms,
	       struct resolved *out, struct ferry_error *err)
{
	AUTO(image_match_release) struct image_match match = { 0 };
	AUTO(resolved_release) struct resolved resolved = { 0 };
	int rc;

	if (!saved->layout.folder || !name)
		return FERRY_E_NOT_FOUND;
	rc = image_names_choose(&saved->layout.names, name, &match, err);
	if (rc)
		return rc;
	rc = oci_layout_resolve(&saved->layout, &match, platforms, &resolved,
				err);
	if (!rc)
		rc = check_agreement(saved, entry, &resolved, err);
	if (rc)
		return rc == FERRY_E_NOT_FOUND
			       ? error_set(err, FERRY_E_FAILED,
					   "part of it is missing")
			       : rc;
	*out = resolved;
	resolved = (struct resolved){ 0 };
	return 0;
}

int
saved_resolve(struct saved *saved, const struct wanted *wanted,
	      const struct platforms *platforms, struct resolved *out,
	      struct reference *name, struct ferry_error *err)
{
	AUTO(image_match_release) struct image_match match = { 0 };
	int rc = image_names_choose(&saved->manifest.names,
				    wanted->origin.selector, &match, err);

	if (!rc)
		rc = check_single(saved, &match, err);
	if (!rc)
		rc = image_names_reference(&match, wanted, name, err);
	if (rc)
		return rc;
	rc = resolve_layout(saved, entry_of(saved, &match), match.full,
			    platforms, out, err);
	return rc == FERRY_E_NOT_FOUND
		       ? resolve_made(saved, entry_of(saved, &match), platforms,
				      out, err)
		       : rc;
}

static const struct tarball_member *
find_blob(struct saved *saved, const struct digest *digest)
{
	struct saved_blob key = { .digest = *digest };
	struct saved_blob **found;
	const struct tarball_member *member;

	pthread_mutex_lock(&saved->lock);
	found = tfind(&key, &saved->blobs, by_digest);
	member = found ? (*found)->member : NULL;
	pthread_mutex_unlock(&saved->lock);
	return member;
}

const struct tarball_member *
saved_find_blob(struct saved *saved, const struct digest *digest)
{
	const struct tarball_member *member = find_blob(saved, digest);
	char name[sizeof(BLOBS) + DIGEST_HEX];

	if (member || !saved->layout.folder)
		return member;
	snprintf(name, sizeof(name), BLOBS "%s", digest_hex(digest));
	member = tarball_find(saved->tarball, name);
	return member && member->kind == TARBALL_FILE ? member : NULL;
}

int
saved_get_blob(struct saved *saved, const struct digest *digest,
	       struct proof *proof, struct ferry_error *err)
{
	const struct tarball_member *member = find_blob(saved, digest);
	int rc;

	if (!member && saved->layout.folder)
		return oci_layout_get_blob(&saved->layout, digest, proof, err);
	if (!member)
		return error_set(err, FERRY_E_NOT_FOUND, "%s is not in it",
				 digest->text);
	rc = tarball_read(saved->tarball, member, proof->seen, &proof->sink,
			  err);
	return rc ? rc : proof_finish(proof, err);
}
