/*
 * URLs, as far as a client must understand them to keep credentials at home:
 * RFC 3986 resolution and RFC 6454 origins, over libcurl's parser.
 */
#ifndef NET_URL_H
#define NET_URL_H

#include <stdbool.h>

#include "base/error.h"

/* An origin is scheme, host and port, lower case, the port always there. */
struct url_origin {
	char scheme[8];
	char host[256];
	unsigned port;
};

/*
 * Resolves `reference` (absolute or relative) against `base`; the result is
 * http or https, without user information and fragment; anything else fails.
 * *out is freed by the caller.
 */
int url_resolve(char **out, const char *base, const char *reference,
		struct ferry_error *err) MUST_CHECK;
int url_origin(struct url_origin *out, const char *url, struct ferry_error *err)
	MUST_CHECK;
bool url_same_origin(const char *a, const char *b);

/* The host as people name it: with a port only where that is not usual. */
#define URL_PEER_TEXT (sizeof(((struct url_origin *)0)->host) + 8)
int url_peer(char out[URL_PEER_TEXT], const char *url, struct ferry_error *err)
	MUST_CHECK;

/* Whether `host` (no port) is localhost or a loopback address. */
bool url_host_is_loopback(const char *host);
/* An address literal of a private, link-local, loopback or unspecified net. */
bool url_host_is_private(const char *host);
/* An address literal of a link-local net. */
bool url_host_is_link_local(const char *host);

/* `text` with all but unreserved characters percent-encoded. */
int url_escape(char **out, const char *text, struct ferry_error *err)
	MUST_CHECK;

#endif
