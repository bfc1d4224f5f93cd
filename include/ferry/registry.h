/*
 * How registries are reached, for every operation that talks to one.
 */
#ifndef FERRY_REGISTRY_H
#define FERRY_REGISTRY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What it points to is borrowed by the operation it is handed to. */
struct ferry_registry_options {
	/* HOST[:PORT]s spoken to without TLS; loopback always may be. */
	const char *const *plain_http;
	size_t plain_http_count;
	/* Docker's config.json or containers' auth.json; NULL: anonymous. */
	const char *authfile;
	/* PEM files; NULL: the system's authorities, no client certificate. */
	const char *ca;
	const char *cert;
	const char *key;
	/* How often a broken transfer is tried again before giving up. */
	unsigned retries;
	/* Seconds to wait for a connection, and for a byte; 0: 15 and 60. */
	unsigned connect_timeout;
	unsigned stall_timeout;
};

#define FERRY_RETRIES_DEFAULT 5
#define FERRY_CONNECT_TIMEOUT_DEFAULT 15
#define FERRY_STALL_TIMEOUT_DEFAULT 60
#define FERRY_JOBS_DEFAULT 8
#define FERRY_JOBS_MAX 64

#ifdef __cplusplus
}
#endif
#endif
