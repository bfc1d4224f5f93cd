/*
 * The images of a Docker daemon as a source: docker-daemon:REFERENCE and
 * docker-daemon:IMAGE-ID.
 *
 * The daemon exports an image as `docker save` would, and nothing of that is
 * written to a disk here: one export is read for the plan, where its members
 * are and what its documents say, another for the layers.
 */
#ifndef SOURCE_DOCKER_DAEMON_H
#define SOURCE_DOCKER_DAEMON_H

#include "ferry/docker.h"
#include "source/source.h"

/*
 * Finds out which daemon is meant, but does not speak to it yet.  `context` is
 * borrowed until the source is freed.
 */
int source_docker_daemon_new(struct source **out, struct ferry_context *context,
			     const struct ferry_docker_options *options,
			     struct ferry_error *err) MUST_CHECK;

#endif
