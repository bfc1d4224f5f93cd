/*
 * A document from a registry.  No document may be two things at once, whatever
 * the registry calls it.
 */
#include <stdint.h>
#include <stdlib.h>

#include "oci/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
try_manifest(const uint8_t *data, size_t size)
{
	AUTO(manifest_release) struct manifest manifest = { 0 };
	struct ferry_error err;

	return manifest_parse(&manifest, data, size, NULL, &err) == 0;
}

static bool
try_index(const uint8_t *data, size_t size)
{
	static const struct platform wanted = { .os = "linux",
						.architecture = "amd64",
						.variant = "v3" };
	AUTO(index_release) struct index index = { 0 };
	AUTO_FREE char *platforms = NULL;
	const struct index_entry *entry;
	struct ferry_error err;

	if (index_parse(&index, data, size, NULL, &err))
		return false;
	entry = index_choose(&index, &wanted);
	if (entry && entry->attestation)
		abort();
	if (index_platforms(&index, &platforms, &err))
		abort();
	return true;
}

static void
try_config(const uint8_t *data, size_t size)
{
	AUTO(image_config_release) struct image_config config = { 0 };
	struct ferry_error err;

	if (image_config_parse(&config, data, size, &err) == 0 &&
	    !platform_match(&config.platform, &config.platform))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { NULL, MEDIA_TYPE_OCI_INDEX,
					     MEDIA_TYPE_OCI_MANIFEST,
					     MEDIA_TYPE_DOCKER_LIST,
					     MEDIA_TYPE_DOCKER_MANIFEST };
	bool is_manifest = try_manifest(data, size);
	bool is_index = try_index(data, size);

	try_config(data, size);
	if (is_manifest && is_index)
		abort();
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		enum media_kind kind;
		struct ferry_error err;

		if (document_kind(&kind, data, size, types[i], &err))
			continue;
		if ((kind == MEDIA_INDEX && is_manifest) ||
		    (kind == MEDIA_MANIFEST && is_index))
			abort();
	}
	return 0;
}
