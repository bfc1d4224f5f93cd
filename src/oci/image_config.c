#include <stdlib.h>
#include <string.h>

#include "oci/manifest.h"
#include "oci/spelling.h"

/* What artifacts lack: charts, policies and signatures have other configs. */
static int
check_is_image(const json_t *json, struct ferry_error *err)
{
	static const char *const needed[] = { "rootfs", "architecture" };

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!json_object_get(json, needed[i]))
			return error_set(err, FERRY_E_FAILED,
					 "no container image: its config has "
					 "no \"%s\"",
					 needed[i]);
	return 0;
}

static int
parse_platform(struct image_config *out, const json_t *json,
	       struct ferry_error *err)
{
	static const char *const keys[] = { "os", "architecture", "variant",
					    "rootfs", NULL };
	const char *os = NULL;
	const char *architecture = NULL;
	const char *variant = NULL;
	int rc = spelling_check(json, keys, err);

	if (!rc)
		rc = json_get_text(json, "os", &os, err);
	if (!rc)
		rc = json_get_text(json, "architecture", &architecture, err);
	if (!rc)
		rc = json_find_text(json, "variant", &variant, err);
	if (!rc)
		rc = platform_set(&out->platform, os, architecture, variant,
				  err);
	return rc;
}

static int
parse_diff_id(struct digest *out, const json_t *json, struct ferry_error *err)
{
	const char *text = json_string_value(json);

	if (!text)
		return error_set(err, FERRY_E_FAILED,
				 "a diff_id that is no string");
	return digest_parse(out, text, err) ? error_wrap(err, "diff_id") : 0;
}

static int
parse_diff_ids(struct image_config *out, const json_t *rootfs,
	       struct ferry_error *err)
{
	json_t *diff_ids = json_object_get(rootfs, "diff_ids");
	json_t *diff_id;
	size_t count;
	size_t i;
	int rc = 0;

	/* Docker leaves an empty list out. */
	if (diff_ids)
		rc = document_list(rootfs, "diff_ids", &diff_ids, err);
	if (rc)
		return rc;
	count = json_array_size(diff_ids);
	if (count > LAYERS_MAX)
		return error_set(err, FERRY_E_FAILED,
				 "%zu diff_ids, but %d is the limit", count,
				 LAYERS_MAX);
	out->diff_ids = calloc(count + 1, sizeof(*out->diff_ids));
	if (!out->diff_ids)
		return error_nomem(err);
	json_array_foreach (diff_ids, i, diff_id) {
		rc = parse_diff_id(&out->diff_ids[i], diff_id, err);
		if (rc)
			return rc;
	}
	out->diff_id_count = count;
	return 0;
}

/* config.md: an unknown type must be refused. */
static int
parse_rootfs(struct image_config *out, const json_t *json,
	     struct ferry_error *err)
{
	static const char *const keys[] = { "type", "diff_ids", NULL };
	json_t *rootfs;
	const char *type = NULL;
	int rc = json_get_object(json, "rootfs", &rootfs, err);

	if (!rc)
		rc = spelling_check(rootfs, keys, err);
	if (!rc)
		rc = json_get_text(rootfs, "type", &type, err);
	if (rc)
		return rc;
	if (strcmp(type, "layers") != 0)
		return error_set(err, FERRY_E_FAILED,
				 "rootfs of type '%.100s' instead of 'layers'",
				 type);
	return parse_diff_ids(out, rootfs, err);
}

int
image_config_parse(struct image_config *out, const void *data, size_t size,
		   struct ferry_error *err)
{
	AUTO(image_config_release) struct image_config config = { 0 };
	AUTO_JSON *json = NULL;
	int rc = document_json(&json, data, size, err);

	if (!rc)
		rc = check_is_image(json, err);
	if (!rc)
		rc = parse_platform(&config, json, err);
	if (!rc)
		rc = parse_rootfs(&config, json, err);
	if (rc)
		return rc;
	*out = config;
	config = (struct image_config){ 0 };
	return 0;
}

void
image_config_release(struct image_config *config)
{
	free(config->diff_ids);
	*config = (struct image_config){ 0 };
}
