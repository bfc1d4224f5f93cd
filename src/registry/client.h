/*
 * The state behind a struct registry.  Internal to registry/.
 */
#ifndef REGISTRY_CLIENT_H
#define REGISTRY_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "registry/auth.h"
#include "registry/registry.h"

struct registry {
	struct ferry_context *context;
	struct ferry_registry_options options;
	char *host;
	enum registry_access access;
	struct http_settings settings;
	struct http **https; /* by worker; made when first used */
	unsigned workers;
	struct auth *auth;
	atomic_uint answers; /* so often has it answered */

	/* The probe is made once, by whoever comes first. */
	pthread_mutex_t probing;
	atomic_bool probed;
	int probe_rc;
	struct ferry_error probe_err;
	char *base; /* "https://quay.io"; constant once probed */
};

/* The worker's connections. */
int client_http(struct registry *registry, unsigned worker, struct http **out,
		struct ferry_error *err) MUST_CHECK;

/*
 * Sees to registry->base, and to what the registry demands of those who come
 * to it.  Whether it failed is remembered: an unreachable registry costs its
 * time only once.
 */
int client_ready(struct registry *registry, unsigned worker,
		 struct ferry_error *err) MUST_CHECK;

#endif
