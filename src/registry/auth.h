/*
 * What goes into the Authorization header of one registry's requests.
 *
 * Shared by all workers.  Nothing is sent before the registry has asked for
 * it with a challenge, and nothing leaves here but for that registry and its
 * token server: the caller adds the header to requests of that origin only.
 */
#ifndef REGISTRY_AUTH_H
#define REGISTRY_AUTH_H

#include "ferry/registry.h"
#include "net/http.h"
#include "registry/refusal.h"

struct auth;

/* What a request is about; the same scope is asked for once. */
struct auth_scope {
	const char *repository; /* NULL: the registry as such */
	bool push;		/* and pull, which goes without saying */
	const char *from;	/* a second repository to pull from, or NULL */
};

/* All is borrowed.  Reads no file yet: nobody may ask who we are. */
int auth_new(struct auth **out, struct ferry_context *context,
	     const struct ferry_registry_options *options, const char *host,
	     struct ferry_error *err) MUST_CHECK;
void auth_free(struct auth *auth);

/* Where the registry is: "https://quay.io".  Due before all that follows. */
void auth_set_base(struct auth *auth, const char *base);

/*
 * The header's value for `scope`, to be freed with credentials_forget(); NULL:
 * the registry wants none, or we have none.  May ask the token server.
 */
int auth_get(struct auth *auth, struct http *http,
	     const struct auth_scope *scope, char **out,
	     struct ferry_error *err) MUST_CHECK;

/* Remembers what a 401 asks for. */
int auth_learn(struct auth *auth, const struct http_response *response,
	       struct ferry_error *err) MUST_CHECK;

/*
 * After a 401 to a request that carried `refused` (or NULL): a better value,
 * or NULL if there is none.
 */
int auth_renew(struct auth *auth, struct http *http,
	       const struct auth_scope *scope, const char *refused,
	       const struct http_response *response, char **out,
	       struct ferry_error *err) MUST_CHECK;

/* How we come to the registry with this scope. */
enum refusal_role auth_role(struct auth *auth, const struct auth_scope *scope);

#endif
