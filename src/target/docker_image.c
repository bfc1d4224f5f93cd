#include "target/docker_image.h"

#include <stdio.h>
#include <string.h>

const struct digest *
docker_image_id(enum docker_store store, const struct image *image)
{
	if (store == DOCKER_CLASSIC)
		return &image->manifest.config.digest;
	return image->nested ? &image->nested->descriptor.digest
			     : &image->descriptor.digest;
}

const char *
docker_image_name(char out[REFERENCE_TEXT], enum docker_store store,
		  const struct image *image)
{
	if (image->reference.tag[0])
		return reference_name(out, &image->reference);
	snprintf(out, REFERENCE_TEXT, "%s",
		 docker_image_id(store, image)->text);
	return out;
}

static int
check_platform(const json_t *described, const struct platform *wanted,
	       struct ferry_error *err)
{
	const char *os, *architecture, *variant;
	char shown[PLATFORM_TEXT];
	struct platform have;
	int rc = json_get_text(described, "Os", &os, err);

	if (!rc)
		rc = json_get_text(described, "Architecture", &architecture,
				   err);
	/* Left away when it is empty, and by Docker before 19.03. */
	if (!rc)
		rc = json_find_text(described, "Variant", &variant, err);
	if (!rc)
		rc = platform_set(&have, os, architecture, variant, err);
	if (rc)
		return rc;
	if (strcmp(have.os, wanted->os) != 0 ||
	    strcmp(have.architecture, wanted->architecture) != 0 ||
	    (variant && strcmp(have.variant, wanted->variant) != 0))
		return error_set(err, FERRY_E_FAILED, "Docker shows it as %s",
				 platform_text(shown, &have));
	return 0;
}

int
docker_image_check(const json_t *described, enum docker_store store,
		   const struct image *image, struct ferry_error *err)
{
	const char *wanted = docker_image_id(store, image)->text;
	const char *id;
	int rc = json_get_text(described, "Id", &id, err);

	if (rc)
		return rc;
	if (strcmp(id, wanted) != 0)
		return error_set(err, FERRY_E_FAILED,
				 "Docker has image %s under this name, not %s",
				 id, wanted);
	/* Of an index, Docker shows the child that it would run. */
	if (store == DOCKER_CONTAINERD && image->nested)
		return 0;
	return check_platform(described, &image->platform, err);
}

size_t
docker_image_common(const json_t *described, const struct image_config *config)
{
	const json_t *root = json_object_get(described, "RootFS");
	const json_t *layers = json_object_get(root, "Layers");
	size_t count = 0;

	while (count < config->diff_id_count) {
		const char *have =
			json_string_value(json_array_get(layers, count));

		if (!have || strcmp(have, config->diff_ids[count].text) != 0)
			break;
		count++;
	}
	return count;
}
