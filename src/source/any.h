/*
 * All places at once: opens each that an origin names, once, and asks it.
 */
#ifndef SOURCE_ANY_H
#define SOURCE_ANY_H

#include "ferry/docker.h"
#include "ferry/registry.h"
#include "source/source.h"

struct source_options {
	const struct ferry_registry_options *registry;
	const struct ferry_docker_options *docker;
	unsigned workers;
};

/*
 * `context` and what `options` points to are borrowed until the source is
 * freed.  A blob is fetched from the source of the image that uses it first.
 */
int source_any_new(struct source **out, struct ferry_context *context,
		   const struct source_options *options,
		   struct ferry_error *err) MUST_CHECK;

/*
 * FERRY_E_USAGE when one of the files that the list reads is `output`, or what
 * that is called while it is written.
 */
int source_any_check_output(const struct list *list, const char *output,
			    struct ferry_error *err) MUST_CHECK;

#endif
