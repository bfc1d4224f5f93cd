/*
 * docker-credential-helpers: the secret lies in a program's keeping.
 */
#ifndef REGISTRY_HELPER_H
#define REGISTRY_HELPER_H

#include "base/context.h"
#include "registry/credentials.h"

#define HELPER_MILLISECONDS 30000
#define HELPER_OUTPUT_MAX ((size_t)65536)

/*
 * Asks docker-credential-NAME for `host`; *out stays empty if it has nothing.
 * A helper that is configured but missing or broken is an error: anything
 * else might hand the wrong credentials to someone (CVE-2021-41092).
 */
int helper_get(struct credentials *out, struct ferry_context *context,
	       const char *name, const char *host, struct ferry_error *err)
	MUST_CHECK;

/* What a helper answered, given its exit status. */
int helper_parse(struct credentials *out, struct buffer *answer, int status,
		 struct ferry_error *err) MUST_CHECK;

#endif
