/*
 * WWW-Authenticate: RFC 9110 section 11.6.1, and the Bearer parameters of
 * distribution's docs/spec/auth/token.md.
 */
#ifndef REGISTRY_CHALLENGE_H
#define REGISTRY_CHALLENGE_H

#include <stddef.h>

#include "base/error.h"

/* Schemes beyond these are of no use to us anyway. */
#define CHALLENGES_MAX 8

#define CHALLENGE_SCHEME_MAX 32
#define CHALLENGE_REALM_MAX 2048
#define CHALLENGE_SERVICE_MAX 512
#define CHALLENGE_SCOPE_MAX 2048
#define CHALLENGE_ERROR_MAX 64

/* One challenge; a parameter that is not there is "". */
struct challenge {
	char scheme[CHALLENGE_SCHEME_MAX]; /* lower case */
	char realm[CHALLENGE_REALM_MAX];
	char service[CHALLENGE_SERVICE_MAX];
	char scope[CHALLENGE_SCOPE_MAX];
	char error[CHALLENGE_ERROR_MAX];
};

/*
 * Appends the challenges of one header's value to the *count ones in `out`,
 * which has CHALLENGES_MAX places; what finds no place is dropped.  A value
 * that breaks the grammar, or a parameter that is given twice, has control
 * characters in it or exceeds its place, is refused as a whole.
 */
int challenge_parse(struct challenge *out, size_t *count, const char *value,
		    struct ferry_error *err) MUST_CHECK;

/* The first one of `scheme` (lower case), or NULL. */
const struct challenge *challenge_find(const struct challenge *challenges,
				       size_t count, const char *scheme);

#endif
