/*
 * One request to a registry: authenticated, redirected, tried again.
 * Everything registry/ asks goes through here.  Internal to registry/.
 *
 * Credentials go to the registry's own origin only: scheme, host and port,
 * at every hop (CVE-2022-23538, CVE-2026-50151, GHSA-vh4v-2xq2-g5cg).
 */
#ifndef REGISTRY_CALL_H
#define REGISTRY_CALL_H

#include "net/url.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "registry/retry.h"

/* Blobs usually lie one hop away. */
#define CALL_HOPS_MAX 5

struct call {
	const char *method;
	const char *path; /* "/v2/..."; NULL: `url` */
	const char *url;  /* absolute: where an upload was sent to */
	struct auth_scope scope;
	const char *accept; /* headers; NULL: without */
	const char *content_type;
	const char *range;
	const char *content_range;
	const void *body;
	size_t body_size;
	struct registry_content *content; /* instead of `body` */
	uint64_t content_size;
	struct sink *sink; /* as in struct http_request, and so is this: */
	size_t body_max;

	/* After call_try(): */
	uint64_t sent;		  /* bytes of `content` that went out */
	bool away;		  /* the answer came from another origin, .. */
	char peer[URL_PEER_TEXT]; /* .. from this host */
	/* New credentials are there; a body from `content` was not sent again:
	 * begin again. */
	bool renewed;
};

/* The scope of a request about `repository`. */
struct auth_scope call_scope(const struct registry *registry,
			     const char *repository);

/* One answer, of whatever status, after redirects and authentication. */
int call_try(struct registry *registry, unsigned worker, struct call *call,
	     struct http_response *response, struct ferry_error *err)
	MUST_CHECK;

/* The same, again and again while that makes sense. */
int call_run(struct registry *registry, unsigned worker, struct call *call,
	     struct http_response *response, struct ferry_error *err)
	MUST_CHECK;

/* One attempt without authentication: for the probe. */
int call_plain(struct registry *registry, unsigned worker, struct call *call,
	       struct http_response *response, struct ferry_error *err)
	MUST_CHECK;

/* Turns an answer nobody hoped for into an error. */
int call_refused(struct registry *registry, const struct call *call,
		 const struct http_response *response, struct ferry_error *err);

/* HOST/REPOSITORY. */
#define CALL_NAME (REFERENCE_HOST_MAX + REFERENCE_REPOSITORY_MAX)

/* For loops of a caller's own; `name` holds what the notices say. */
void call_begin(struct retry *retry, struct registry *registry,
		const struct call *call, char name[CALL_NAME]);

/*
 * *out is `location`, as an answer of `url` gave it, or an error: no Location
 * at all, not http(s), or out of TLS.
 */
int call_resolve(char **out, const struct registry *registry, const char *url,
		 const char *location, struct ferry_error *err) MUST_CHECK;

/*
 * What a registry says it has stored must be what it was sent: 2.8.2 stores
 * sha512 as sha256.  *told (may be NULL) is whether it says anything.
 */
int call_stored(const struct http_response *response,
		const struct digest *digest, bool *told,
		struct ferry_error *err) MUST_CHECK;

#endif
