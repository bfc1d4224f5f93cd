/*
 * Registries as a source: every reference says which one.
 */
#ifndef SOURCE_REGISTRY_H
#define SOURCE_REGISTRY_H

#include "ferry/registry.h"
#include "source/source.h"

/*
 * `context` and what `options` points to are borrowed until the source is
 * freed.
 */
int source_registry_new(struct source **out, struct ferry_context *context,
			const struct ferry_registry_options *options,
			unsigned workers, struct ferry_error *err) MUST_CHECK;

#endif
