/*
 * From a reference to the one image it stands for on a platform.
 */
#ifndef SOURCE_RESOLVE_H
#define SOURCE_RESOLVE_H

#include "oci/release.h"
#include "registry/registry.h"

/*
 * Reads manifest and config of `reference`.  A tag is asked for once; from
 * there on only digests are.  Neither tag nor index are believed: an image
 * whose config says another platform than `wanted` is FERRY_E_PLATFORM.
 */
int resolve_image(struct registry *registry, unsigned worker,
		  const struct reference *reference,
		  const struct platform *wanted, struct image *out,
		  struct ferry_error *err) MUST_CHECK;

#endif
