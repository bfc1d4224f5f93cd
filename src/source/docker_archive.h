/*
 * Archives of `docker save` as a source: docker-archive:, and what the Docker
 * daemon hands out.
 */
#ifndef SOURCE_DOCKER_ARCHIVE_H
#define SOURCE_DOCKER_ARCHIVE_H

#include "source/saved.h"

/* `context` is borrowed until the source is freed. */
int source_docker_archive_open(struct source **out, const char *path,
			       struct ferry_context *context,
			       struct ferry_error *err) MUST_CHECK;

/*
 * An archive that is open already, called `name` in messages; it is taken
 * over, on failure too.
 */
int source_docker_archive_new(struct source **out, struct tarball *take_tarball,
			      const char *name, struct ferry_error *err)
	MUST_CHECK;

#endif
