/*
 * Descriptors and media types: OCI image-spec, descriptor.md and
 * media-types.md; Docker's image manifest v2 schema 2.
 */
#ifndef OCI_DESCRIPTOR_H
#define OCI_DESCRIPTOR_H

#include "codec/digest.h"
#include "json/json.h"

#define MEDIA_TYPE_TEXT 128

#define MEDIA_TYPE_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_TYPE_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_TYPE_DOCKER_LIST                                                 \
	"application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_TYPE_DOCKER_MANIFEST                                             \
	"application/vnd.docker.distribution.manifest.v2+json"

/* What a media type means to us; unknown ones are carried all the same. */
enum media_kind {
	MEDIA_OTHER,
	MEDIA_INDEX,	/* OCI index, Docker manifest list */
	MEDIA_MANIFEST, /* OCI, Docker schema 2 */
	MEDIA_SCHEMA1,	/* Docker schema 1, signed or not: refused by name */
	MEDIA_CONFIG,	/* OCI, Docker */
	MEDIA_LAYER_TAR,
	MEDIA_LAYER_GZIP,
	MEDIA_LAYER_ZSTD,
	MEDIA_LAYER_FOREIGN, /* nondistributable: not in the registry */
};

/* Parameters behind ';' are ignored, as is case. */
enum media_kind media_kind(const char *media_type);
bool media_type_equal(const char *a, const char *b);

struct descriptor {
	char media_type[MEDIA_TYPE_TEXT];
	struct digest digest;
	uint64_t size; /* bytes; at most DESCRIPTOR_SIZE_MAX */
};

/* 2^50: far above any layer, far below where sums could overflow. */
#define DESCRIPTOR_SIZE_MAX (UINT64_C(1) << 50)

int descriptor_parse(struct descriptor *out, const json_t *json,
		     struct ferry_error *err) MUST_CHECK;

/* A new reference: {"mediaType", "digest", "size"}, or NULL: no memory. */
json_t *descriptor_json(const struct descriptor *descriptor);

#endif
