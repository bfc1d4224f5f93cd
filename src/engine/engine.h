/*
 * The Docker Engine API, as far as we need it.
 *
 * Paths carry no API version, so that the daemon speaks its newest one:
 * Docker 29 dropped old versions, older ones refuse new versions.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/context.h"
#include "engine/endpoint.h"
#include "json/json.h"
#include "net/http.h"
#include "oci/platform.h"
#include "oci/reference.h"

struct engine {
	struct ferry_context *context;
	struct http *http;
	const struct engine_endpoint *endpoint;
	const char *elsewhere;
};

/*
 * Connects to nothing yet.  `context` and `endpoint` are borrowed, and so is
 * `elsewhere`: how to name another daemon, for the message that this one is
 * not there.
 */
int engine_init(struct engine *engine, struct ferry_context *context,
		const struct engine_endpoint *endpoint, const char *elsewhere,
		struct ferry_error *err) MUST_CHECK;
void engine_release(struct engine *engine);

/* What kind of Docker it is. */
struct engine_daemon {
	struct platform platform;
	char version[64]; /* "20.10.24" */
	bool zstd;	  /* it unpacks zstd layers */
	bool podman;	  /* which answers in Docker's stead */
	/* Images are kept in containerd, not in Docker's classic store. */
	bool containerd_store;
	char *root; /* where it keeps its data; NULL: on another machine */
};

/* Asks the daemon who it is. */
int engine_ask(struct engine *engine, struct engine_daemon *out,
	       struct ferry_error *err) MUST_CHECK;
void engine_daemon_release(struct engine_daemon *daemon);

/*
 * What Docker tells of the image `name` (a full reference or an ID), owned
 * by the caller; NULL when it does not have it.  Which image it was about is
 * for the caller to say.
 */
int engine_image(struct engine *engine, const char *name, json_t **out,
		 struct ferry_error *err) MUST_CHECK;

/* All its images, {"images": [{"Id": ...}, ...]}; owned by the caller. */
int engine_images(struct engine *engine, json_t **out, struct ferry_error *err)
	MUST_CHECK;

/* Names an image that is there; the name is taken from another. */
int engine_tag(struct engine *engine, const char *id,
	       const struct reference *reference, struct ferry_error *err)
	MUST_CHECK;

/*
 * Takes the name `name` from an image, which goes if it has no other.  No such
 * image: that is well.
 */
int engine_untag(struct engine *engine, const char *name,
		 struct ferry_error *err) MUST_CHECK;

/* Turns an answer that is no success into the daemon's own words. */
int engine_refused(const struct http_response *response,
		   struct ferry_error *err);

#endif
