/*
 * The state behind a struct registry.  Internal to registry/.
 */
#ifndef REGISTRY_CLIENT_H
#define REGISTRY_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "registry/auth.h"
#include "registry/limit.h"
#include "registry/manifest_cache.h"
#include "registry/registry.h"
#include "registry/retry.h"

struct mirrors;

struct registry {
	struct ferry_context *context;
	struct ferry_registry_options options;
	char *host;
	enum registry_access access;
	struct http_settings settings;
	struct http **https; /* by worker; made when first used */
	unsigned workers;
	struct auth *auth;
	struct retry_host peer; /* how it goes with it */
	struct limit limit;	/* how many uploads it bears */
	atomic_bool forgetful;	/* it was told that none is remembered */
	const char *url; /* of a mirror: its origin, borrowed; else NULL */
	struct mirrors *mirrors; /* NULL: none */
	struct manifest_cache manifests;

	pthread_mutex_t counting; /* over these: */
	bool has_quota;
	struct ferry_quota quota;

	/* The probe is made once, by whoever comes first. */
	pthread_mutex_t probing;
	atomic_bool probed;
	int probe_rc;
	struct ferry_error probe_err;
	char *base; /* "https://quay.io"; constant once probed */
};

/*
 * A registry that is asked as it is, without mirrors.  With `url`, an origin
 * that is borrowed, it is there and nowhere else.
 */
int client_new(struct registry **out, struct ferry_context *context,
	       const struct ferry_registry_options *options, const char *host,
	       const char *url, enum registry_access access, unsigned workers,
	       struct ferry_error *err) MUST_CHECK;

/* Whether the options let `host` (HOST[:PORT]) be spoken to without TLS. */
bool client_allows_plain(const struct ferry_registry_options *options,
			 const char *host);

/* As registry_get_manifest() and registry_get_blob(), but not at a mirror. */
int client_get_manifest(struct registry *registry, unsigned worker,
			const char *repository, const char *reference,
			struct registry_manifest *out, struct ferry_error *err)
	MUST_CHECK;
int client_get_blob(struct registry *registry, unsigned worker,
		    const char *repository, const struct descriptor *descriptor,
		    struct proof *proof, struct ferry_error *err) MUST_CHECK;

/* Takes note of what an answer says of how often it may be asked. */
void client_note_quota(struct registry *registry,
		       const struct http_response *response);

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
