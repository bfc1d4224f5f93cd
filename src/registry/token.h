/*
 * Bearer tokens: distribution's docs/spec/auth/token.md and oauth.md.
 */
#ifndef REGISTRY_TOKEN_H
#define REGISTRY_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "net/http.h"
#include "registry/credentials.h"
#include "registry/refusal.h"
#include "registry/retry.h"

#define TOKEN_MAX 32768 /* bytes; most servers take no longer a header */

/* Lifetimes that servers claim are brought into this range; milliseconds. */
#define TOKEN_LIFE_MIN 60000
#define TOKEN_LIFE_MAX 3600000

struct token_request {
	struct ferry_context *context;
	struct http *http;
	unsigned retries;
	struct retry_host *server; /* how it goes with the token server */
	const char *host;	   /* the registry's */
	const char *realm;	   /* has passed realm_check() */
	const char *service;	   /* "": none */
	const char *scope; /* "": none; several are set apart by spaces */
	const struct credentials *credentials;
	enum refusal_role stranger; /* what we are without credentials */
};

/* *out is the token, which the caller wipes and frees; good for *life. */
int token_fetch(const struct token_request *request, char **out, uint64_t *life,
		struct ferry_error *err) MUST_CHECK;

/* The answer of a token server. */
int token_parse(char **out, uint64_t *life, const void *data, size_t size,
		struct ferry_error *err) MUST_CHECK;

#endif
