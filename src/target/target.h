/*
 * A place images are put.
 *
 * The engine (op/copy.h) calls prepare() once, put() for every blob from
 * several threads, then commit() once.  What makes an image visible happens
 * in commit(), after all it needs has been proved.
 */
#ifndef TARGET_TARGET_H
#define TARGET_TARGET_H

#include "base/context.h"
#include "oci/release.h"
#include "source/source.h"
#include "target/outcome.h"

struct target;

struct target_ops {
	/*
	 * Looks at the target and remembers `release` (borrowed until free).
	 * Sends nothing, changes nothing.  An image that the target can never
	 * take becomes OUTCOME_FAILED; one that is known to be there already
	 * may become OUTCOME_PRESENT, which commit() proves.
	 */
	int (*prepare)(struct target *target, const struct release *release,
		       struct outcome *outcomes, struct ferry_error *err);

	/*
	 * Brings blob number `blob` of the release there, fetching it from
	 * `source` if it is not there yet.  NULL: all happens in commit().
	 */
	int (*put)(struct target *target, unsigned worker, size_t blob,
		   struct source *source, struct ferry_error *err);

	/*
	 * Makes every image visible whose outcome is not OUTCOME_FAILED, and
	 * sets its outcome, or fails as a whole.
	 */
	int (*commit)(struct target *target, struct source *source,
		      struct outcome *outcomes, struct ferry_error *err);

	/*
	 * Without a successful commit(): nothing stays behind but what the
	 * same run could go on with.
	 */
	void (*free)(struct target *target);
};

struct target {
	const struct target_ops *ops;
	bool in_order; /* put() wants the blobs in their order */
};

static inline void
target_free(struct target *target)
{
	if (target)
		target->ops->free(target);
}

#endif
