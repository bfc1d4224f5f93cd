/*
 * A bundle as a target.
 */
#ifndef TARGET_BUNDLE_H
#define TARGET_BUNDLE_H

#include "target/target.h"

/* `path` is borrowed until the target is freed; `force` replaces a file. */
int target_bundle_new(struct target **out, const char *path, bool force,
		      struct ferry_error *err) MUST_CHECK;

/* The size of the file, after the commit. */
uint64_t target_bundle_bytes(const struct target *target);

#endif
