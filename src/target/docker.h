/*
 * Docker with either of its image stores, through the Engine API.
 */
#ifndef TARGET_DOCKER_H
#define TARGET_DOCKER_H

#include "engine/endpoint.h"
#include "target/target.h"

/* Takes over the endpoint, on failure too; `context` is borrowed. */
int target_docker_new(struct target **out, struct ferry_context *context,
		      struct engine_endpoint *take_endpoint,
		      struct ferry_error *err) MUST_CHECK;

#endif
