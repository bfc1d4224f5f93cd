#include "oci/descriptor.h"

#include <string.h>
#include <strings.h>

#include "oci/spelling.h"

static const struct {
	const char *media_type;
	enum media_kind kind;
} known[] = {
	{ MEDIA_TYPE_OCI_INDEX, MEDIA_INDEX },
	{ MEDIA_TYPE_DOCKER_LIST, MEDIA_INDEX },
	{ MEDIA_TYPE_OCI_MANIFEST, MEDIA_MANIFEST },
	{ MEDIA_TYPE_DOCKER_MANIFEST, MEDIA_MANIFEST },
	{ "application/vnd.docker.distribution.manifest.v1+json",
	  MEDIA_SCHEMA1 },
	{ "application/vnd.docker.distribution.manifest.v1+prettyjws",
	  MEDIA_SCHEMA1 },
	{ "application/vnd.oci.image.config.v1+json", MEDIA_CONFIG },
	{ "application/vnd.docker.container.image.v1+json", MEDIA_CONFIG },
	{ "application/vnd.oci.image.layer.v1.tar", MEDIA_LAYER_TAR },
	{ "application/vnd.oci.image.layer.v1.tar+gzip", MEDIA_LAYER_GZIP },
	{ "application/vnd.oci.image.layer.v1.tar+zstd", MEDIA_LAYER_ZSTD },
	{ "application/vnd.docker.image.rootfs.diff.tar", MEDIA_LAYER_TAR },
	{ "application/vnd.docker.image.rootfs.diff.tar.gzip",
	  MEDIA_LAYER_GZIP },
	{ "application/vnd.docker.image.rootfs.diff.tar.zstd",
	  MEDIA_LAYER_ZSTD },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar",
	  MEDIA_LAYER_FOREIGN },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
	  MEDIA_LAYER_FOREIGN },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
	  MEDIA_LAYER_FOREIGN },
	{ "application/vnd.docker.image.rootfs.foreign.diff.tar",
	  MEDIA_LAYER_FOREIGN },
	{ "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
	  MEDIA_LAYER_FOREIGN },
};

/* Without parameters and the white space before them. */
static size_t
bare_length(const char *media_type)
{
	size_t length = strcspn(media_type, ";");

	while (length && (media_type[length - 1] == ' ' ||
			  media_type[length - 1] == '\t'))
		length--;
	return length;
}

bool
media_type_equal(const char *a, const char *b)
{
	size_t length = bare_length(a);

	return length == bare_length(b) && strncasecmp(a, b, length) == 0;
}

enum media_kind
media_kind(const char *media_type)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (media_type_equal(media_type, known[i].media_type))
			return known[i].kind;
	return MEDIA_OTHER;
}

/* It may end up in a header of HTTP, so nothing but visible characters. */
static bool
is_media_type(const char *text)
{
	size_t length = strlen(text);

	if (length >= MEDIA_TYPE_TEXT || !strchr(text, '/'))
		return false;
	for (size_t i = 0; i < length; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

int
descriptor_parse(struct descriptor *out, const json_t *json,
		 struct ferry_error *err)
{
	static const char *const keys[] = { "mediaType", "digest", "size",
					    NULL };
	struct descriptor descriptor;
	const char *media_type;
	const char *digest;
	int rc = spelling_check(json, keys, err);

	if (!rc)
		rc = json_get_text(json, "digest", &digest, err);
	if (!rc)
		rc = digest_parse(&descriptor.digest, digest, err);
	if (!rc)
		rc = json_get_text(json, "mediaType", &media_type, err);
	if (!rc)
		rc = json_get_size(json, "size", &descriptor.size, err);
	if (rc)
		return rc;
	if (!is_media_type(media_type))
		return error_set(err, FERRY_E_FAILED,
				 "'%.100s' is no media type", media_type);
	if (descriptor.size > DESCRIPTOR_SIZE_MAX)
		return error_set(err, FERRY_E_FAILED,
				 "%s with %llu bytes is larger than any blob",
				 descriptor.digest.text,
				 (unsigned long long)descriptor.size);
	memcpy(descriptor.media_type, media_type, strlen(media_type) + 1);
	*out = descriptor;
	return 0;
}

json_t *
descriptor_json(const struct descriptor *descriptor)
{
	return json_pack("{s:s, s:s, s:I}", "mediaType", descriptor->media_type,
			 "digest", descriptor->digest.text, "size",
			 (json_int_t)descriptor->size);
}
