/*
 * manifest.json of an archive that `docker save` writes: which members make
 * which image.
 */
#ifndef SOURCE_SAVED_MANIFEST_H
#define SOURCE_SAVED_MANIFEST_H

#include "source/image_names.h"

#define SAVED_MANIFEST_MAX ((size_t)32 << 20)

/* The names of members, to be looked for in the archive and nowhere else. */
struct saved_entry {
	char *config;
	char **layers; /* lowest first */
	size_t layer_count;
};

struct saved_manifest {
	struct saved_entry *entries;
	size_t count;
	struct image_names names; /* an image is an entry */
};

int saved_manifest_parse(struct saved_manifest *out, const void *data,
			 size_t size, struct ferry_error *err) MUST_CHECK;
void saved_manifest_release(struct saved_manifest *manifest);

#endif
