/*
 * Any target: opens whatever `--to` names.
 */
#ifndef TARGET_ANY_H
#define TARGET_ANY_H

#include "ferry/load.h"
#include "target/target.h"

/*
 * The target that options->to names (target/destination.h), nothing asked of
 * it yet.  `context` and what `options` points to are borrowed until the
 * target is freed.
 */
int target_open(struct target **out, struct ferry_context *context,
		const struct ferry_load_options *options,
		struct ferry_error *err) MUST_CHECK;

#endif
