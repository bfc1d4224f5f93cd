#include "oci/manifest.h"

#include <stdlib.h>
#include <string.h>

#define MEDIA_TYPE_EMPTY "application/vnd.oci.empty.v1+json"

static int
parse_config(struct manifest *out, const json_t *json, struct ferry_error *err)
{
	json_t *config;
	int rc = json_get_object(json, "config", &config, err);

	if (rc)
		return rc;
	if (descriptor_parse(&out->config, config, err))
		return error_wrap(err, "config");
	return 0;
}

int
manifest_check_image(const struct manifest *manifest, struct ferry_error *err)
{
	if (media_type_equal(manifest->config.media_type, MEDIA_TYPE_EMPTY))
		return error_set(err, FERRY_E_FAILED,
				 "no container image: its config is %s",
				 MEDIA_TYPE_EMPTY);
	return 0;
}

static int
parse_layer(struct descriptor *out, const json_t *json, size_t number,
	    struct ferry_error *err)
{
	if (descriptor_parse(out, json, err))
		return error_wrap(err, "layer %zu", number);
	if (media_kind(out->media_type) == MEDIA_LAYER_FOREIGN)
		return error_set(err, FERRY_E_FAILED,
				 "layer %s is %s: its maker forbids to carry "
				 "it, and registries do not have it",
				 out->digest.text, out->media_type);
	return 0;
}

static int
parse_layers(struct manifest *out, const json_t *json, struct ferry_error *err)
{
	json_t *layers;
	json_t *layer;
	size_t i;
	int rc = document_list(json, "layers", &layers, err);
	size_t count;

	if (rc)
		return rc;
	count = json_array_size(layers);
	if (count > LAYERS_MAX)
		return error_set(err, FERRY_E_FAILED,
				 "%zu layers, but %d is the limit", count,
				 LAYERS_MAX);
	out->layers = calloc(count + 1, sizeof(*out->layers));
	if (!out->layers)
		return error_nomem(err);
	json_array_foreach (layers, i, layer) {
		rc = parse_layer(&out->layers[i], layer, i + 1, err);
		if (rc)
			return rc;
	}
	out->layer_count = count;
	return 0;
}

int
manifest_parse(struct manifest *out, const void *data, size_t size,
	       const char *media_type, struct ferry_error *err)
{
	AUTO(manifest_release) struct manifest manifest = { 0 };
	AUTO_JSON *json = NULL;
	int rc = document_parse(&json, MEDIA_MANIFEST, data, size, media_type,
				err);

	if (!rc)
		rc = document_type(manifest.media_type, json,
				   MEDIA_TYPE_OCI_MANIFEST, err);
	if (!rc)
		rc = parse_config(&manifest, json, err);
	if (!rc)
		rc = parse_layers(&manifest, json, err);
	if (rc)
		return rc;
	*out = manifest;
	manifest = (struct manifest){ 0 };
	return 0;
}

void
manifest_release(struct manifest *manifest)
{
	free(manifest->layers);
	*manifest = (struct manifest){ 0 };
}
