/*
 * A release under the names that rules give its images on the other side.
 */
#ifndef OP_RENAME_H
#define OP_RENAME_H

#include "oci/release.h"
#include "op/warnings.h"
#include "target/rewrite.h"

/*
 * Each image that a rule (borrowed, as long as the release) matches gets its
 * new name, and remembers the old one; the order of the images stays.
 * `registry`: names there begin with its own host.  A rule that matches nothing
 * is a warning; two images under one name, and a rule that makes no name of
 * one, are FERRY_E_USAGE.
 */
int rename_release(struct release *release, const struct rewrite *rewrite,
		   bool registry, struct warnings *warnings,
		   struct ferry_error *err) MUST_CHECK;

/*
 * A warning of each rule that was not used, with what may have been meant;
 * name(data, i) is what image i is called in the source, NULL behind the last.
 */
int rewrite_warn_unused(const struct rewrite *rewrite, const bool used[],
			const struct reference *(*name)(const void *data,
							size_t image),
			const void *data, struct warnings *warnings,
			struct ferry_error *err) MUST_CHECK;

#endif
