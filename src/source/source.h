/*
 * A place images are read from.
 *
 * A source never hands out unverified content: fetch() returns 0 only when
 * the bytes had the size and the digest asked for.  All slots but expand() may
 * be called from several threads, each with its own `worker`.
 */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include "base/context.h"
#include "list/list.h"
#include "oci/release.h"

struct quotas;
struct source;

struct source_ops {
	/*
	 * Adds an item for each image of an origin that names none: all that
	 * it holds.  The items have the platforms of `wanted`, and its name if
	 * there is one image only; a name for more is FERRY_E_USAGE.  NULL:
	 * every origin of this source names an image.
	 */
	int (*expand)(struct source *source, const struct wanted *wanted,
		      struct list *out, struct ferry_error *err);

	/*
	 * Finds the image of `wanted` for `platforms` (empty: as the source
	 * has it) and fills *out, manifests and configs parsed.  Where the
	 * origin is pinned, it is that digest or nothing.  FERRY_E_PLATFORM
	 * when a platform is lacking, with those that there are.
	 */
	int (*resolve)(struct source *source, unsigned worker,
		       const struct wanted *wanted,
		       const struct platforms *platforms, struct resolved *out,
		       struct ferry_error *err);

	/*
	 * Pushes the blob's bytes from proof->seen on into `proof`, and
	 * finishes that.  FERRY_E_DIGEST when they are not what the descriptor
	 * says: the caller may try once more, from the start.
	 */
	int (*fetch)(struct source *source, unsigned worker,
		     const struct release *release, const struct blob *blob,
		     struct proof *proof, struct ferry_error *err);

	/*
	 * Adds what the registries have said of how often they may be asked.
	 * NULL: there are none.
	 */
	int (*add_quotas)(struct source *source, struct quotas *quotas,
			  struct ferry_error *err);

	/*
	 * Of what can be read once only: proves what nobody has fetched, up to
	 * its end, or says again what broke it.  May be called again.  To be
	 * called before anything becomes visible.  NULL: there is nothing.
	 */
	int (*finish)(struct source *source, struct ferry_error *err);

	void (*free)(struct source *source);
};

struct source {
	const struct source_ops *ops;
	/*
	 * Each blob can be fetched once only, in the order of the release's
	 * blobs, by one thread at a time: a pipe.  Who needs bytes twice keeps
	 * them.
	 */
	bool once;
	bool broken; /* nothing more will come; finish() says why */
};

static inline void
source_free(struct source *source)
{
	if (source)
		source->ops->free(source);
}

static inline MUST_CHECK int
source_finish(struct source *source, struct ferry_error *err)
{
	return source->ops->finish ? source->ops->finish(source, err) : 0;
}

/* The whole of a blob, into `to`. */
int source_fetch(struct source *source, unsigned worker,
		 const struct release *release, const struct blob *blob,
		 struct sink *to, struct ferry_error *err) MUST_CHECK;

#endif
