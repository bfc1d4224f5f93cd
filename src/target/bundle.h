/*
 * A bundle as a target.
 */
#ifndef TARGET_BUNDLE_H
#define TARGET_BUNDLE_H

#include "bundle/writer.h"
#include "target/target.h"

/* What `options` points to is borrowed until the target is freed. */
int target_bundle_new(struct target **out,
		      const struct bundle_writer_options *options,
		      struct ferry_error *err) MUST_CHECK;

/* The size of the file, after the commit. */
uint64_t target_bundle_bytes(const struct target *target);

/* Adds to the message of a failure what stays where. */
void target_bundle_tell(const struct target *target, struct ferry_error *err);

#endif
