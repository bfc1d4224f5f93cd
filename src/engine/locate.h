/*
 * Which Docker daemon is meant: what Docker's own program would talk to.
 */
#ifndef ENGINE_LOCATE_H
#define ENGINE_LOCATE_H

#include "engine/endpoint.h"
#include "ferry/docker.h"

/* Of config.json, and of a context's meta.json, which has some hundred. */
#define ENGINE_CONFIG_MAX ((size_t)1 << 20)
#define ENGINE_CONTEXT_MAX ((size_t)64 << 10)

/*
 * `options->host`, or else the context that is named, or else the one in
 * config.json, or else the socket where Docker listens by default.  Reads
 * files and connects to nothing.  An error says where the name came from.
 */
int engine_locate(struct engine_endpoint *out,
		  const struct ferry_docker_options *options,
		  struct ferry_error *err) MUST_CHECK;

#endif
