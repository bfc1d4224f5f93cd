#include <stdlib.h>
#include <string.h>

#include "oci/manifest.h"
#include "oci/spelling.h"

/* BuildKit's attestations: an annotation, and a platform that nobody has. */
#define ATTESTATION_KEY "vnd.docker.reference.type"
#define ATTESTATION_VALUE "attestation-manifest"

static int
parse_platform(struct index_entry *out, const json_t *json,
	       struct ferry_error *err)
{
	static const char *const keys[] = { "os", "architecture", "variant",
					    NULL };
	json_t *platform;
	const char *os = NULL;
	const char *architecture = NULL;
	const char *variant = NULL;
	int rc = json_find_object(json, "platform", &platform, err);

	if (rc || !platform)
		return rc;
	rc = spelling_check(platform, keys, err);
	if (!rc)
		rc = json_find_text(platform, "os", &os, err);
	if (!rc)
		rc = json_find_text(platform, "architecture", &architecture,
				    err);
	if (!rc)
		rc = json_find_text(platform, "variant", &variant, err);
	/* Go's zero value is as good as none. */
	if (rc || !os || !*os || !architecture || !*architecture)
		return rc;
	out->has_platform = platform_set(&out->platform, os, architecture,
					 variant, err) == 0;
	out->odd_platform = !out->has_platform;
	return 0;
}

static int
parse_attestation(struct index_entry *out, const json_t *json,
		  struct ferry_error *err)
{
	json_t *annotations;
	const char *type = NULL;
	int rc = json_find_object(json, "annotations", &annotations, err);

	if (!rc && annotations)
		rc = json_find_text(annotations, ATTESTATION_KEY, &type, err);
	if (rc)
		return rc;
	out->attestation = (type && strcmp(type, ATTESTATION_VALUE) == 0) ||
			   (strcmp(out->platform.os, "unknown") == 0 &&
			    strcmp(out->platform.architecture, "unknown") == 0);
	return 0;
}

static int
parse_entry(struct index_entry *out, const json_t *json, size_t number,
	    struct ferry_error *err)
{
	int rc = descriptor_parse(&out->descriptor, json, err);

	if (!rc)
		rc = parse_platform(out, json, err);
	if (!rc)
		rc = parse_attestation(out, json, err);
	return rc ? error_wrap(err, "entry %zu of the index", number) : 0;
}

static int
parse_entries(struct index *out, const json_t *json, struct ferry_error *err)
{
	json_t *entries;
	json_t *entry;
	size_t i;
	size_t count;
	int rc = document_list(json, "manifests", &entries, err);

	if (rc)
		return rc;
	count = json_array_size(entries);
	if (count > INDEX_ENTRIES_MAX)
		return error_set(err, FERRY_E_FAILED,
				 "an index of %zu entries, but %d is the limit",
				 count, INDEX_ENTRIES_MAX);
	out->entries = calloc(count + 1, sizeof(*out->entries));
	if (!out->entries)
		return error_nomem(err);
	json_array_foreach (entries, i, entry) {
		rc = parse_entry(&out->entries[i], entry, i + 1, err);
		if (rc)
			return rc;
	}
	out->entry_count = count;
	return 0;
}

int
index_parse(struct index *out, const void *data, size_t size,
	    const char *media_type, struct ferry_error *err)
{
	AUTO(index_release) struct index parsed = { 0 };
	AUTO_JSON *json = NULL;
	int rc =
		document_parse(&json, MEDIA_INDEX, data, size, media_type, err);

	if (!rc)
		rc = document_type(parsed.media_type, json,
				   MEDIA_TYPE_OCI_INDEX, err);
	if (!rc)
		rc = parse_entries(&parsed, json, err);
	if (rc)
		return rc;
	*out = parsed;
	parsed = (struct index){ 0 };
	return 0;
}

void
index_release(struct index *index)
{
	free(index->entries);
	*index = (struct index){ 0 };
}

/* Indexes may hold anything: attestations, other indexes, artifacts. */
static bool
is_image(const struct index_entry *entry)
{
	return !entry->attestation && !entry->odd_platform &&
	       media_kind(entry->descriptor.media_type) == MEDIA_MANIFEST;
}

/* The only image in it, if there is but one and nothing says what it is. */
static const struct index_entry *
sole_unnamed_image(const struct index *index)
{
	const struct index_entry *sole = NULL;

	for (size_t i = 0; i < index->entry_count; i++) {
		const struct index_entry *entry = &index->entries[i];

		if (!is_image(entry))
			continue;
		if (sole || entry->has_platform)
			return NULL;
		sole = entry;
	}
	return sole;
}

const struct index_entry *
index_choose(const struct index *index, const struct platform *wanted)
{
	const struct index_entry *best = NULL;
	unsigned best_match = 0;

	for (size_t i = 0; i < index->entry_count; i++) {
		const struct index_entry *entry = &index->entries[i];
		unsigned match = 0;

		if (is_image(entry) && entry->has_platform)
			match = platform_match(wanted, &entry->platform);
		if (match > best_match) {
			best = entry;
			best_match = match;
		}
	}
	return best ? best : sole_unnamed_image(index);
}

/* Whether an entry before number `at` offers the same platform. */
static bool
seen_before(const struct index *index, size_t at)
{
	const struct platform *platform = &index->entries[at].platform;

	for (size_t i = 0; i < at; i++)
		if (is_image(&index->entries[i]) &&
		    memcmp(&index->entries[i].platform, platform,
			   sizeof(*platform)) == 0)
			return true;
	return false;
}

int
index_platforms(const struct index *index, char **out, struct ferry_error *err)
{
	AUTO_BUFFER list = BUFFER(INDEX_ENTRIES_MAX * (PLATFORM_TEXT + 2));
	char text[PLATFORM_TEXT];
	const char *result;
	int rc = 0;

	for (size_t i = 0; i < index->entry_count && !rc; i++) {
		const struct index_entry *entry = &index->entries[i];

		if (!is_image(entry) || seen_before(index, i))
			continue;
		rc = buffer_format(
			&list, err, "%s%s", list.size ? ", " : "",
			entry->has_platform
				? platform_text(text, &entry->platform)
				: "an unnamed platform");
	}
	if (!rc && !list.size)
		rc = buffer_format(&list, err, "no image");
	if (!rc)
		rc = buffer_text(&list, &result, err);
	if (rc)
		return rc;
	*out = (char *)STEAL(&list.data);
	return 0;
}
