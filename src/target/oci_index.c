#include "target/oci_index.h"

#include <string.h>

#include "base/text.h"
#include "oci/catalog.h"
#include "oci/document.h"
#include "oci/spelling.h"

static const char *const name_keys[] = {
	CATALOG_NAME_CONTAINERD,
	CATALOG_NAME_OCI,
};

static int
check_entry(const json_t *entry, struct ferry_error *err)
{
	static const char *const keys[] = { "mediaType", "digest",	"size",
					    "platform",	 "annotations", NULL };
	json_t *annotations = NULL;
	const char *name;
	int rc;

	if (!json_is_object(entry))
		return error_set(err, FERRY_E_FAILED, "it is no object");
	rc = spelling_check(entry, keys, err);
	if (!rc)
		rc = json_get_text(entry, "digest", &name, err);
	if (!rc)
		rc = json_find_object(entry, "annotations", &annotations, err);
	for (size_t i = 0; !rc && annotations && i < ARRAY_SIZE(name_keys); i++)
		rc = json_find_text(annotations, name_keys[i], &name, err);
	return rc;
}

static int
check_entries(const json_t *entries, struct ferry_error *err)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (entries, i, entry)
		if (check_entry(entry, err))
			return error_wrap(err, "entry %zu of the index", i + 1);
	return 0;
}

static int
parse(json_t **out, const void *data, size_t size, struct ferry_error *err)
{
	if (size)
		return document_parse(out, MEDIA_INDEX, data, size, NULL, err);
	*out = json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType",
			 MEDIA_TYPE_OCI_INDEX, "manifests");
	return *out ? 0 : error_nomem(err);
}

int
oci_index_parse(struct oci_index *out, const void *data, size_t size,
		struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	json_t *entries = NULL;
	int rc = parse(&json, data, size, err);

	if (!rc)
		rc = document_list(json, "manifests", &entries, err);
	if (!rc && !entries) {
		entries = json_array();
		if (json_object_set_new(json, "manifests", entries))
			rc = error_nomem(err);
	}
	if (!rc)
		rc = check_entries(entries, err);
	if (rc)
		return rc;
	*out = (struct oci_index){ .json = STEAL(&json), .entries = entries };
	return 0;
}

void
oci_index_release(struct oci_index *index)
{
	json_decref(index->json);
	*index = (struct oci_index){ 0 };
}

/* By either of the annotations that tools look for. */
static bool
has_name(const json_t *entry, const char *name)
{
	const json_t *annotations = json_object_get(entry, "annotations");

	for (size_t i = 0; i < ARRAY_SIZE(name_keys); i++) {
		const char *text = json_string_value(
			json_object_get(annotations, name_keys[i]));

		if (text && strcmp(text, name) == 0)
			return true;
	}
	return false;
}

/* Whether all that `wanted` says, `entry` says as well; it may say more. */
static bool
says_as_much(const json_t *entry, json_t *wanted)
{
	json_t *value;
	const char *key;

	json_object_foreach (wanted, key, value) {
		const json_t *have = json_object_get(entry, key);

		if (json_is_object(value) ? !says_as_much(have, value)
					  : !json_equal(have, value))
			return false;
	}
	return true;
}

/* What has the name: how many entries, and whether they are as `wanted`. */
struct holders {
	size_t count;
	size_t first;
	bool right;
};

static struct holders
find(const struct oci_index *index, const char *name, json_t *wanted)
{
	struct holders found = { 0 };
	const json_t *entry;
	size_t i;

	json_array_foreach (index->entries, i, entry) {
		if (!has_name(entry, name))
			continue;
		if (!found.count++)
			found.first = i;
		found.right = found.count == 1 && says_as_much(entry, wanted);
	}
	return found;
}

bool
oci_index_has(const struct oci_index *index, const struct image *image)
{
	char name[REFERENCE_TEXT];
	AUTO_JSON *wanted = catalog_index_entry(image);

	reference_name(name, &image->reference);
	return wanted && find(index, name, wanted).right;
}

/* The digest of the first that has the name and is not that of `wanted`. */
static void
tell_old(const struct oci_index *index, const char *name, const json_t *wanted,
	 char was[OCI_INDEX_DIGEST])
{
	const json_t *entry;
	size_t i;

	json_array_foreach (index->entries, i, entry) {
		const json_t *digest = json_object_get(entry, "digest");

		if (!has_name(entry, name) ||
		    json_equal(digest, json_object_get(wanted, "digest")))
			continue;
		text_escape(was, OCI_INDEX_DIGEST, json_string_value(digest));
		return;
	}
}

/* "1" beside "docker.io/library/app:1": how `docker save` names an image. */
static bool
is_tag_of(const char *text, const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon && strcmp(text, colon + 1) == 0;
}

/* Takes the name off the entry; true if it has another name then. */
static bool
lose_name(json_t *entry, const char *name)
{
	json_t *annotations = json_object_get(entry, "annotations");
	bool other = false;

	for (size_t i = 0; i < ARRAY_SIZE(name_keys); i++) {
		const char *text = json_string_value(
			json_object_get(annotations, name_keys[i]));

		if (text && strcmp(text, name) == 0)
			json_object_del(annotations, name_keys[i]);
		else if (text && !is_tag_of(text, name))
			other = true;
	}
	return other;
}

/*
 * What had no other name goes.  From the end, so that what is still to be
 * looked at stays in its place.
 */
static int
free_name(struct oci_index *index, const char *name, struct ferry_error *err)
{
	for (size_t i = json_array_size(index->entries); i-- > 0;) {
		json_t *entry = json_array_get(index->entries, i);

		if (has_name(entry, name) && !lose_name(entry, name) &&
		    json_array_remove(index->entries, i))
			return error_nomem(err);
	}
	return 0;
}

int
oci_index_put(struct oci_index *index, const struct image *image,
	      char was[OCI_INDEX_DIGEST], struct ferry_error *err)
{
	char name[REFERENCE_TEXT];
	AUTO_JSON *wanted = catalog_index_entry(image);
	struct holders found;
	size_t place;

	*was = '\0';
	if (!wanted)
		return error_nomem(err);
	reference_name(name, &image->reference);
	found = find(index, name, wanted);
	if (found.right)
		return 0;
	tell_old(index, name, wanted, was);
	if (free_name(index, name, err))
		return err->code;
	place = found.count ? found.first : json_array_size(index->entries);
	if (json_array_insert(index->entries, place, wanted))
		return error_nomem(err);
	index->changed = true;
	return 0;
}

/* Who reads it has a limit, ferry too. */
int
oci_index_write(const struct oci_index *index, struct buffer *out,
		struct ferry_error *err)
{
	size_t count = json_array_size(index->entries);

	if (count > INDEX_ENTRIES_MAX)
		return error_set(err, FERRY_E_FAILED,
				 "it would have %zu entries, but %d is the "
				 "limit; use another folder",
				 count, INDEX_ENTRIES_MAX);
	return json_write(index->json, out, err);
}
