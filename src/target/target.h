/*
 * A place images are put.
 *
 * connect() comes first.  The engine (op/copy.h) calls prepare() once, put()
 * for every blob from several threads, then commit() once.  What makes an
 * image visible happens in commit(), after all it needs has been proved.
 */
#ifndef TARGET_TARGET_H
#define TARGET_TARGET_H

#include "base/context.h"
#include "oci/release.h"
#include "source/source.h"
#include "target/outcome.h"

struct target;

/* Who is there.  What it points to lives as long as the target. */
struct target_facts {
	const char *words; /* "registry 127.0.0.1:5000" */
	/*
	 * What the machine is that will run the images, and how to call it;
	 * NULL: the target does not know.
	 */
	const struct platform *runs;
	const char *machine; /* "the machine that Docker runs on" */
	/*
	 * It carries images for other machines and runs none, so that what this
	 * one is does not matter.  Without `runs`.
	 */
	bool any_machine;
	/* It keeps one platform of each image: its own. */
	bool one_platform;
	/*
	 * With one_platform: of an index, too, as long as there is no doubt
	 * which image it takes from it.
	 */
	bool keeps_index;
	/*
	 * What to know of the digests there, as a sentence without its end;
	 * NULL: images keep theirs.
	 */
	const char *digests;
};

/* What prepare() found out.  Bytes; 0 where nobody can know. */
struct target_estimate {
	/* Of blobs to send, each once, if that is known. */
	bool planned;
	uint64_t send_bytes;
	uint64_t needed_bytes; /* on the target's disk, about */
	uint64_t free_bytes;   /* there */
};

struct target_ops {
	/*
	 * Asks who is there, or fails where nobody is that images can be put
	 * to.  NULL: there is nobody to ask.
	 */
	int (*connect)(struct target *target, struct target_facts *out,
		       struct ferry_error *err);

	/*
	 * Looks at the target and remembers `release` (borrowed until free).
	 * Sends nothing, changes nothing.  An image that the target can never
	 * take becomes OUTCOME_FAILED; one that is known to be there already
	 * may become OUTCOME_PRESENT, which commit() proves.
	 */
	int (*prepare)(struct target *target, const struct release *release,
		       struct outcome *outcomes, struct ferry_error *err);

	/* After prepare().  NULL: nothing is known. */
	void (*estimate)(const struct target *target,
			 struct target_estimate *out);

	/*
	 * What image number `image` is called there, and the digest that it is
	 * known by; both after prepare().  NULL: as in the release, by its
	 * manifest.
	 */
	const struct reference *(*name)(const struct target *target,
					size_t image);
	const struct digest *(*digest)(const struct target *target,
				       size_t image);

	/*
	 * From here on the target may change.  After prepare(), before put();
	 * NULL: there is nothing to do.
	 */
	int (*begin)(struct target *target, struct ferry_error *err);

	/*
	 * Brings blob number `blob` of the release there, fetching it from
	 * `source` if it is not there yet.  NULL: all happens in commit().
	 */
	int (*put)(struct target *target, unsigned worker, size_t blob,
		   struct source *source, struct ferry_error *err);

	/*
	 * After a put() that did not fail: whether it has failed for this image
	 * all the same, and why.  NULL: put() is for all of a blob's images.
	 */
	bool (*refused)(struct target *target, size_t image,
			struct ferry_error *why);

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
	bool own_host; /* a registry: names there begin with its host */
};

static inline void
target_free(struct target *target)
{
	if (target)
		target->ops->free(target);
}

#endif
