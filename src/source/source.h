/*
 * A place images are read from.
 *
 * A source never hands out unverified content: fetch() returns 0 only when
 * the bytes that went into the sink had the size and the digest asked for.
 * All slots may be called from several threads, each with its own `worker`.
 */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include "base/context.h"
#include "oci/release.h"

struct source;

struct source_ops {
	/*
	 * Finds `reference` for `wanted` (NULL: whatever the source has) and
	 * fills *out with manifest and config, parsed.  FERRY_E_PLATFORM when
	 * the image lacks the platform, with those that it has.
	 */
	int (*resolve)(struct source *source, unsigned worker,
		       const struct reference *reference,
		       const struct platform *wanted, struct image *out,
		       struct ferry_error *err);

	/*
	 * Pushes the blob's bytes into `to`.  FERRY_E_DIGEST when they are not
	 * what the descriptor says: the caller may try once more, from the
	 * start.
	 */
	int (*fetch)(struct source *source, unsigned worker,
		     const struct release *release, const struct blob *blob,
		     struct sink *to, struct ferry_error *err);

	void (*free)(struct source *source);
};

struct source {
	const struct source_ops *ops;
};

static inline void
source_free(struct source *source)
{
	if (source)
		source->ops->free(source);
}

#endif
