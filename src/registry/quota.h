/*
 * What a registry says of how often it may be asked: Docker Hub counts the
 * manifests that are asked for, and tells in each answer how many are left.
 */
#ifndef REGISTRY_QUOTA_H
#define REGISTRY_QUOTA_H

#include <stdbool.h>

#include "ferry/registry.h"
#include "net/http.h"

/* Fills all but the host.  False, and *out as it was, if nothing is said. */
bool quota_read(struct ferry_quota *out, const struct http_response *response);

/* What several registries have said last. */
struct quotas {
	struct ferry_quota *items;
	size_t count;
};

int quotas_add(struct quotas *quotas, const struct ferry_quota *quota,
	       struct ferry_error *err) MUST_CHECK;
void quotas_release(struct quotas *quotas);

#endif
