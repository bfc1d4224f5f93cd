/*
 * A source that is one file or folder, read through something that finds images
 * in it: what all of these have in common.  Internal to source/.
 */
#ifndef SOURCE_STORED_H
#define SOURCE_STORED_H

#include "source/image_names.h"
#include "source/source.h"

struct stored;

struct stored_ops {
	/* The names of all images in it; borrowed. */
	const struct image_names *(*names)(const struct stored *stored);
	/* The image that is wanted, and its name apart. */
	int (*resolve)(struct stored *stored, const struct wanted *wanted,
		       const struct platforms *platforms, struct resolved *out,
		       struct reference *name, struct ferry_error *err);
	/* As source_ops.fetch, of images resolved before. */
	int (*get_blob)(struct stored *stored, const struct digest *digest,
			struct proof *proof, struct ferry_error *err);
	/* Releases all but what stored_free() frees; takes a zeroed one. */
	void (*release)(struct stored *stored);
};

/* Stands first in the struct of each such source. */
struct stored {
	struct source source;
	const struct stored_ops *ops;
	char *name; /* as messages call it */
};

/* `size` bytes, zeroed, that begin with a struct stored. */
int stored_new(struct stored **out, size_t size, const struct stored_ops *ops,
	       const char *name, struct ferry_error *err) MUST_CHECK;
void stored_free(struct stored *stored);

#endif
