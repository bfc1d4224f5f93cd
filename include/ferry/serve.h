/*
 * Bundles as a registry that images can be pulled from, straight out of the
 * file.
 */
#ifndef FERRY_SERVE_H
#define FERRY_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/context.h"
#include "ferry/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_SERVE_LISTEN "127.0.0.1:5000"
#define FERRY_SERVE_TIMEOUT 120	    /* seconds */
#define FERRY_SERVE_CONNECTIONS 512 /* at once; others wait their turn */

/* What it points to is borrowed until ferry_serve_free(). */
struct ferry_serve_options {
	const char *const *bundles;
	size_t bundle_count;
	/* ADDRESS:PORT or :PORT; NULL: FERRY_SERVE_LISTEN.  Port 0: any. */
	const char *listen;
	const char *certificate; /* PEM file, with its chain; NULL: no TLS */
	const char *key;	 /* PEM file */
	unsigned timeout;	 /* 0: FERRY_SERVE_TIMEOUT */
	unsigned connections;	 /* 0: FERRY_SERVE_CONNECTIONS */
};

struct ferry_serve_image {
	const char *name;	/* to be asked for: "redis:7-alpine" */
	const char *reference;	/* "docker.io/library/redis:7-alpine" */
	const char *platforms;	/* "linux/amd64, linux/arm64" */
	const char *media_type; /* of what the name leads to */
	const char *digest;	/* of that */
	const char *bundle;	/* the file that it is in */
	uint64_t size;		/* bytes of its blobs, each once */
};

struct ferry_serve_info {
	const char *url; /* "http://127.0.0.1:5000/" */
	bool tls;
	bool local; /* only this machine can reach it */
	const struct ferry_serve_image *images;
	size_t image_count;
};

struct ferry_serve;

/*
 * Opens the bundles, proves their documents, and listens; connections wait
 * until ferry_serve_run().  One name for two images is FERRY_E_USAGE.
 */
int ferry_serve_open(struct ferry_context *context,
		     const struct ferry_serve_options *options,
		     struct ferry_serve **out, struct ferry_error *err);

/* Lives as long as `serve`. */
const struct ferry_serve_info *
ferry_serve_get_info(const struct ferry_serve *serve);

/*
 * Answers until ferry_interrupt(), lets what is on its way arrive for a few
 * seconds, and returns 0.  Once only.  SIGPIPE must be ignored.
 */
int ferry_serve_run(struct ferry_serve *serve, struct ferry_error *err);

void ferry_serve_free(struct ferry_serve *serve);

#ifdef __cplusplus
}
#endif
#endif
