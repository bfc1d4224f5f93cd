/*
 * A bundle as a source.
 */
#ifndef SOURCE_BUNDLE_H
#define SOURCE_BUNDLE_H

#include "bundle/reader.h"
#include "source/source.h"

/* `bundle` is borrowed until the source is freed. */
int source_bundle_new(struct source **out, struct bundle *bundle,
		      struct ferry_error *err) MUST_CHECK;

/* Opens the bundle and owns it. */
int source_bundle_open(struct source **out, const char *path,
		       struct ferry_error *err) MUST_CHECK;

#endif
