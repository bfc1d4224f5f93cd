/*
 * A registry as a target.
 *
 * put() brings the blobs into every repository that needs them, commit() all
 * manifests by their digests, and only then the tags: no tag moves before all
 * of the release is there that could be sent.
 */
#ifndef TARGET_REGISTRY_H
#define TARGET_REGISTRY_H

#include "ferry/load.h"
#include "target/target.h"

/*
 * `to` is HOST[:PORT][/PREFIX] (target/names.h); `context` and what
 * `options` points to are borrowed until the target is freed.
 */
int target_registry_new(struct target **out, struct ferry_context *context,
			const char *to,
			const struct ferry_load_options *options,
			struct ferry_error *err) MUST_CHECK;

#endif
