#include "oci/document.h"

#include <string.h>

#include "base/text.h"
#include "oci/spelling.h"

#define SCHEMA1                                                                \
	"a Docker schema 1 manifest, which names neither platform nor "        \
	"layers in a way that can be proved; the image must be pushed again "  \
	"by a current tool"

static int
refuse_schema1(struct ferry_error *err)
{
	return error_set(err, FERRY_E_FAILED, SCHEMA1);
}

/* What servers say of a file when they know nothing about it. */
static bool
says_nothing(const char *media_type)
{
	return !media_type || !*media_type ||
	       media_type_equal(media_type, "application/json") ||
	       media_type_equal(media_type, "application/octet-stream");
}

/* *out is MEDIA_OTHER where the type leaves it open. */
static int
kind_by_type(enum media_kind *out, const char *media_type,
	     struct ferry_error *err)
{
	enum media_kind kind;

	*out = MEDIA_OTHER;
	if (says_nothing(media_type))
		return 0;
	kind = media_kind(media_type);
	if (kind == MEDIA_SCHEMA1)
		return refuse_schema1(err);
	if (kind == MEDIA_INDEX || kind == MEDIA_MANIFEST) {
		*out = kind;
		return 0;
	}
	if (text_starts(media_type, "text/"))
		return error_set(err, FERRY_E_FAILED,
				 "not a registry's answer: it is %.100s",
				 media_type);
	return error_set(err, FERRY_E_FAILED,
			 "neither an image nor an index: it is %.100s",
			 media_type);
}

/*
 * A document that is both would be one image to us and another one to a
 * runtime (CVE-2021-41190), so the content decides, or nobody does.
 */
static int
kind_by_content(enum media_kind *out, const json_t *json,
		struct ferry_error *err)
{
	bool is_index = json_object_get(json, "manifests");
	bool is_manifest = json_object_get(json, "layers") ||
			   json_object_get(json, "config");
	uint64_t version;
	int rc;

	if (json_object_get(json, "fsLayers"))
		return refuse_schema1(err);
	rc = json_get_size(json, "schemaVersion", &version, err);
	if (rc)
		return rc;
	if (version == 1)
		return refuse_schema1(err);
	if (version != 2)
		return error_set(err, FERRY_E_FAILED,
				 "\"schemaVersion\" is %llu instead of 2",
				 (unsigned long long)version);
	if (is_index && is_manifest)
		return error_set(err, FERRY_E_FAILED,
				 "an index as well as an image, which nobody "
				 "makes in good faith");
	if (!is_index && !is_manifest)
		return error_set(err, FERRY_E_FAILED,
				 "neither an image nor an index");
	*out = is_index ? MEDIA_INDEX : MEDIA_MANIFEST;
	return 0;
}

static const char *
kind_name(enum media_kind kind)
{
	return kind == MEDIA_INDEX ? "an index" : "an image manifest";
}

static int
check_agreement(enum media_kind kind, enum media_kind called,
		const char *media_type, struct ferry_error *err)
{
	if (called == MEDIA_OTHER || called == kind)
		return 0;
	return error_set(err, FERRY_E_FAILED, "called %.100s, but it is %s",
			 media_type, kind_name(kind));
}

/*
 * LAYERS_MAX descriptors with annotations, or as many diff_ids and history:
 * 32 values for each of them, and 8 objects.  Twice as much takes 64 MiB.
 */
#define DOCUMENT_VALUES 131072
#define DOCUMENT_OBJECTS 32768

int
document_json(json_t **out, const void *data, size_t size,
	      struct ferry_error *err)
{
	if (size > MANIFEST_MAX)
		return error_set(err, FERRY_E_FAILED,
				 "%zu bytes, but %zu is the limit", size,
				 MANIFEST_MAX);
	if (json_check_counts(data, size, DOCUMENT_VALUES, DOCUMENT_OBJECTS,
			      err))
		return err->code;
	return json_parse(out, data, size, err);
}

static int
identify(json_t **out, enum media_kind *kind, const void *data, size_t size,
	 const char *media_type, struct ferry_error *err)
{
	static const char *const keys[] = { "schemaVersion", "mediaType",
					    "manifests",     "config",
					    "layers",	     NULL };
	AUTO_JSON *json = NULL;
	enum media_kind by_transport;
	enum media_kind by_body;
	const char *body_type;
	int rc = kind_by_type(&by_transport, media_type, err);

	if (!rc)
		rc = document_json(&json, data, size, err);
	if (!rc)
		rc = spelling_check(json, keys, err);
	if (!rc)
		rc = json_find_text(json, "mediaType", &body_type, err);
	if (!rc)
		rc = kind_by_type(&by_body, body_type, err);
	if (!rc)
		rc = kind_by_content(kind, json, err);
	if (!rc)
		rc = check_agreement(*kind, by_transport, media_type, err);
	if (!rc)
		rc = check_agreement(*kind, by_body, body_type, err);
	if (rc)
		return rc;
	if (by_transport != MEDIA_OTHER && by_body != MEDIA_OTHER &&
	    !media_type_equal(media_type, body_type))
		return error_set(err, FERRY_E_FAILED,
				 "called %.100s, but it calls itself %.100s",
				 media_type, body_type);
	*out = STEAL(&json);
	return 0;
}

int
document_kind(enum media_kind *out, const void *data, size_t size,
	      const char *media_type, struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	enum media_kind kind;
	int rc = identify(&json, &kind, data, size, media_type, err);

	if (!rc)
		*out = kind;
	return rc;
}

int
document_parse(json_t **out, enum media_kind wanted, const void *data,
	       size_t size, const char *media_type, struct ferry_error *err)
{
	AUTO_JSON *json = NULL;
	enum media_kind kind;
	int rc = identify(&json, &kind, data, size, media_type, err);

	if (rc)
		return rc;
	if (kind != wanted)
		return error_set(err, FERRY_E_FAILED, "%s instead of %s",
				 kind_name(kind), kind_name(wanted));
	*out = STEAL(&json);
	return 0;
}

int
document_type(char out[MEDIA_TYPE_TEXT], const json_t *json,
	      const char *fallback, struct ferry_error *err)
{
	const char *type;
	int rc = json_find_text(json, "mediaType", &type, err);

	if (rc)
		return rc;
	if (!type)
		type = fallback;
	if (strlen(type) >= MEDIA_TYPE_TEXT)
		return error_set(err, FERRY_E_FAILED,
				 "a media type of %zu bytes", strlen(type));
	strcpy(out, type);
	return 0;
}

int
document_list(const json_t *json, const char *key, json_t **out,
	      struct ferry_error *err)
{
	if (json_is_null(json_object_get(json, key))) {
		*out = NULL;
		return 0;
	}
	return json_get_array(json, key, out, err);
}
