/*
 * The copy engine: moves a release from a source to a target.
 *
 * Whatever the direction, each blob moves once, several at a time; what is
 * needed by several images and fails, fails all of them; nothing becomes
 * visible before all it needs is there (target/target.h).
 */
#ifndef OP_COPY_H
#define OP_COPY_H

#include "base/context.h"
#include "source/source.h"
#include "target/target.h"

struct copy {
	struct ferry_context *context;
	const struct release *release;
	struct source *source;
	struct target *target;
	struct outcome *outcomes; /* one an image; prepare() has been called */
	unsigned jobs;
	/* Go on with the other images when a blob fails. */
	bool keep_going;
	/* Bytes that are not as named are damaged: nobody else has them. */
	bool only_copy;
	/* Told of each image whose blobs are all there; NULL: nobody. */
	void (*arrived)(struct ferry_context *context, const char *name);

	uint64_t moved; /* bytes that the target took; set by run */
};

/*
 * 0 when every image is in place; FERRY_E_PARTIAL when some are; else the
 * error that stopped it, or the first of the failed.
 */
int copy_run(struct copy *copy, struct ferry_error *err) MUST_CHECK;

#endif
