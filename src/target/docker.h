/*
 * Docker's classic image store, through the Engine API.
 */
#ifndef TARGET_DOCKER_H
#define TARGET_DOCKER_H

#include "engine/endpoint.h"
#include "target/target.h"

/*
 * Takes over the endpoint, on failure too; `context` is borrowed.  prepare()
 * comes after target_docker_connect().
 */
int target_docker_new(struct target **out, struct ferry_context *context,
		      struct engine_endpoint *take_endpoint,
		      struct ferry_error *err) MUST_CHECK;

/*
 * Asks the daemon, or fails where it is none that we can load into, and tells
 * what it runs on.
 */
int target_docker_connect(struct target *target, const struct platform **out,
			  struct ferry_error *err) MUST_CHECK;

/*
 * About how many bytes Docker needs for its copy of the stream and for the
 * unpacked layers; known once prepare() has succeeded.  *free_bytes is 0 when
 * Docker's folder cannot be seen from here.
 */
void target_docker_space(const struct target *target, uint64_t *needed,
			 uint64_t *free_bytes);

#endif
