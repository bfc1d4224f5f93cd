/*
 * How registries are reached, for every operation that talks to one.
 */
#ifndef FERRY_REGISTRY_H
#define FERRY_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What it points to is borrowed by the operation it is handed to. */
struct ferry_registry_options {
	/* HOST[:PORT]s spoken to without TLS; loopback always may be. */
	const char *const *plain_http;
	size_t plain_http_count;
	/*
	 * "HOST=URL": images of HOST are asked for at URL, which may have a
	 * path to go before their names, and at HOST only where that fails.
	 * Several for one HOST are asked in this order; nothing is pushed
	 * there.  URL is https; http as plain_http allows it.
	 */
	const char *const *mirrors;
	size_t mirror_count;
	/*
	 * Docker's config.json or containers' auth.json: the first that has
	 * credentials for a registry counts; none: anonymous.
	 */
	const char *const *authfiles;
	size_t authfile_count;
	/* PEM files; NULL: the system's authorities, no client certificate. */
	const char *ca;
	const char *cert;
	const char *key;
	/*
	 * The system's authorities, without `ca`: a PEM file, and a folder as
	 * openssl-rehash(1) makes it; NULL: where the system has them.
	 */
	const char *system_ca;
	const char *system_ca_folder;
	/* How often a broken transfer is tried again before giving up. */
	unsigned retries;
	/* Seconds to wait for a connection, and for a byte; 0: 15 and 60. */
	unsigned connect_timeout;
	unsigned stall_timeout;
	/* Seconds with nothing at all from a host that end it; 0: 900. */
	unsigned give_up_after;
	/*
	 * Blobs larger than this are pushed in chunks of it, each kept in
	 * memory meanwhile; 0: every blob at once.
	 */
	uint64_t chunk_size;
	/*
	 * The folder that remembers uploads in chunks, for a later run to go
	 * on with: FOLDER/uploads, mode 0700.  NULL: nothing is remembered.
	 */
	const char *state;
};

/* How often a registry (or a mirror) said last that it may be asked. */
struct ferry_quota {
	char host[272];
	uint64_t limit;		 /* so many pulls .. */
	uint64_t window_seconds; /* .. in such a time; 0: it does not say */
	uint64_t remaining;	 /* of which so many are left */
	char source[128];	 /* whom it counts, in its words, or "" */
};

#define FERRY_RETRIES_DEFAULT 5
#define FERRY_CONNECT_TIMEOUT_DEFAULT 15
#define FERRY_STALL_TIMEOUT_DEFAULT 60
#define FERRY_GIVE_UP_AFTER_DEFAULT 900
#define FERRY_CHUNK_LEAST ((uint64_t)64 << 10)
#define FERRY_CHUNK_MOST ((uint64_t)1 << 30)
#define FERRY_JOBS_DEFAULT 8
#define FERRY_JOBS_MAX 64

#ifdef __cplusplus
}
#endif
#endif
