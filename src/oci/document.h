/*
 * What manifests and indexes have in common: telling which of the two a
 * document is, when transport, "mediaType" and content each have a say.
 */
#ifndef OCI_DOCUMENT_H
#define OCI_DOCUMENT_H

#include "json/json.h"
#include "oci/descriptor.h"

/* distribution-spec asks for at least 4 MiB; twice that is still sane. */
#define MANIFEST_MAX ((size_t)8 << 20)

/*
 * What a registry served: MEDIA_INDEX, MEDIA_MANIFEST, or refused by name.
 * `media_type` is what the transport or the descriptor called it, or NULL.
 */
int document_kind(enum media_kind *out, const void *data, size_t size,
		  const char *media_type, struct ferry_error *err) MUST_CHECK;

/*
 * The document as JSON, provided that it is of the kind wanted.  For the
 * parsers of this module.
 */
int document_parse(json_t **out, enum media_kind wanted, const void *data,
		   size_t size, const char *media_type, struct ferry_error *err)
	MUST_CHECK;

/* What the document calls itself, or `fallback` where it does not say. */
int document_type(char out[MEDIA_TYPE_TEXT], const json_t *json,
		  const char *fallback, struct ferry_error *err) MUST_CHECK;

/* Any JSON object of at most MANIFEST_MAX bytes. */
int document_json(json_t **out, const void *data, size_t size,
		  struct ferry_error *err) MUST_CHECK;

/* Like json_get_array(); but Go writes an empty list as null: NULL. */
int document_list(const json_t *json, const char *key, json_t **out,
		  struct ferry_error *err) MUST_CHECK;

#endif
