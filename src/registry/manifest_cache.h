/*
 * Manifests that have been asked for: registries that count how often they
 * are need not be asked again for what a digest names.  For pulling only: who
 * pushes wants to know what is there now.
 */
#ifndef REGISTRY_MANIFEST_CACHE_H
#define REGISTRY_MANIFEST_CACHE_H

#include <pthread.h>

#include "registry/registry.h"

/* Beyond this, nothing more is kept; larger ones are rare, and not kept. */
#define MANIFEST_CACHE_MAX ((size_t)32 << 20)
#define MANIFEST_CACHE_ONE ((size_t)1 << 20)

struct manifest_cache {
	pthread_mutex_t lock;
	void *tree; /* as tsearch(3) keeps it */
	size_t bytes;
};

void manifest_cache_init(struct manifest_cache *cache);
void manifest_cache_release(struct manifest_cache *cache);

/* *found tells whether it is there; then *out is a copy. */
int manifest_cache_find(struct manifest_cache *cache, const char *repository,
			const char *digest, struct registry_manifest *out,
			bool *found, struct ferry_error *err) MUST_CHECK;

/* Keeps a copy, if there is room. */
void manifest_cache_add(struct manifest_cache *cache, const char *repository,
			const struct registry_manifest *manifest);

#endif
