/*
 * The Docker Engine API over its unix socket, as far as we need it.
 *
 * Paths carry no API version, so that the daemon speaks its newest one:
 * Docker 29 dropped old versions, older ones refuse new versions.
 */
#ifndef TARGET_DOCKER_API_H
#define TARGET_DOCKER_API_H

#include "base/context.h"
#include "json/json.h"
#include "net/http.h"
#include "oci/platform.h"
#include "oci/reference.h"

#define DOCKER_URL "http://docker"

struct docker_api {
	struct ferry_context *context;
	struct http *http;
	char *socket;
};

/* Connects to nothing yet. */
int docker_api_init(struct docker_api *api, struct ferry_context *context,
		    const char *socket, struct ferry_error *err) MUST_CHECK;
void docker_api_release(struct docker_api *api);

/* What kind of Docker it is. */
struct docker_daemon {
	struct platform platform;
	char version[64]; /* "20.10.24" */
	bool zstd;	  /* it unpacks zstd layers */
	char *root;	  /* where it keeps its data, on its own machine */
};

/*
 * Asks the daemon who it is, and refuses what would not take an archive as
 * we send it: podman, and Docker with its containerd image store.
 */
int docker_api_daemon(struct docker_api *api, struct docker_daemon *out,
		      struct ferry_error *err) MUST_CHECK;
void docker_daemon_release(struct docker_daemon *daemon);

/*
 * What Docker tells of the image `name` (a full reference or an ID), owned
 * by the caller; NULL when it does not have it.  Which image it was about is
 * for the caller to say.
 */
int docker_api_image(struct docker_api *api, const char *name, json_t **out,
		     struct ferry_error *err) MUST_CHECK;

/* All its images, {"images": [{"Id": ...}, ...]}; owned by the caller. */
int docker_api_images(struct docker_api *api, json_t **out,
		      struct ferry_error *err) MUST_CHECK;

/* Names an image that is there; the name is taken from another. */
int docker_api_tag(struct docker_api *api, const char *id,
		   const struct reference *reference, struct ferry_error *err)
	MUST_CHECK;

/* Turns an answer that is no success into Docker's own words. */
int docker_api_refused(const struct http_response *response,
		       struct ferry_error *err);

#endif
