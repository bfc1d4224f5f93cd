/*
 * Documents for the tests of oci/, written with ' for ".  Comes behind
 * cmocka.h.
 */
#ifndef TESTS_OCI_SAMPLES_H
#define TESTS_OCI_SAMPLES_H

#include <stddef.h>
#include <string.h>

#include "base/error.h"

#define OCI "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."
#define TIMES4(x) x x x x
#define HEX(two) TIMES4(TIMES4(two two))
#define DIGEST(two) "sha256:" HEX(two)

#define DESCRIPTOR(type, two, size, more)                                      \
	"{'mediaType':'" type "','digest':'" DIGEST(two) "','size':" size more \
							 "}"
#define CONFIG DESCRIPTOR(OCI "config.v1+json", "c0", "7", "")
#define LAYER DESCRIPTOR(OCI "layer.v1.tar+gzip", "a1", "9", "")
#define MANIFEST "{'schemaVersion':2,'config':" CONFIG ",'layers':[" LAYER "]}"
#define MANIFEST_OF(layers)                                                    \
	"{'schemaVersion':2,'config':" CONFIG ",'layers':" layers "}"
#define MANIFEST_TYPED(type)                                                   \
	"{'schemaVersion':2,'mediaType':'" type "','config':" CONFIG           \
	",'layers':[]}"
#define INDEX_OF(entries) "{'schemaVersion':2,'manifests':[" entries "]}"
#define INDEX_TYPED(type)                                                      \
	"{'schemaVersion':2,'mediaType':'" type "','manifests':[]}"

/* The text with " for ', until the next call. */
static inline const char *
json(const char *text)
{
	static char out[16384];

	assert_true(strlen(text) < sizeof(out));
	strcpy(out, text);
	for (char *p = out; *p; p++)
		if (*p == '\'')
			*p = '"';
	return out;
}

/*
 * A call for `text` returned `rc`: it should have failed with `why` in its
 * message, or, where that is NULL, not at all.
 */
static inline void
check(int rc, const struct ferry_error *err, const char *why, const char *text)
{
	if (!why && rc)
		fail_msg("%s\nof %s", err->message, text);
	if (why && rc != FERRY_E_FAILED)
		fail_msg("accepted: %s", text);
	if (why && !strstr(err->message, why))
		fail_msg("%s\ninstead of: %s", err->message, why);
}

#endif
