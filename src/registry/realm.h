/*
 * Whether a token server that a challenge names may be asked, and whether it
 * may see credentials.  A registry can name any URL as its realm: internal
 * services, plain HTTP, a thief (CVE-2025-51471, CVE-2026-33540,
 * CVE-2026-48978).
 */
#ifndef REGISTRY_REALM_H
#define REGISTRY_REALM_H

#include <stdbool.h>

#include "base/error.h"

/*
 * Refuses a realm that is no absolute http(s) URL, holds user information,
 * is plain HTTP while the registry at `base` is not, or is an address inside
 * this network that is not the registry's own.
 */
int realm_check(const char *realm, const char *base, struct ferry_error *err)
	MUST_CHECK;

/*
 * Whether credentials for the registry at `base` may go to `realm`, which
 * passed realm_check(): same host, both this machine, one a subdomain of the
 * other, or Docker Hub's pair.  Neighbours under one domain are no relation:
 * it may be that of a provider with many customers.
 */
bool realm_is_trusted(const char *realm, const char *base);

#endif
