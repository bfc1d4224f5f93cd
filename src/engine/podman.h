/*
 * Podman, by its service's API (libpod) or, where no service is, by its own
 * program: the same questions, and the same answers.
 */
#ifndef ENGINE_PODMAN_H
#define ENGINE_PODMAN_H

#include "base/context.h"
#include "base/sink.h"
#include "engine/endpoint.h"
#include "ferry/podman.h"
#include "json/json.h"
#include "oci/platform.h"
#include "oci/reference.h"

/* What is loaded into it; its `write` fails with FERRY_E codes as any. */
struct podman_content {
	uint64_t size; /* exactly so many bytes */
	int (*write)(struct podman_content *content, struct sink *to,
		     struct ferry_error *err);
};

struct podman {
	const struct podman_ops *ops;
	struct ferry_context *context;
	char *words; /* "podman at /run/podman/podman.sock" */
	bool gone;   /* nobody is there any more, or ever was */
};

struct podman_ops {
	int (*info)(struct podman *podman, json_t **out,
		    struct ferry_error *err);
	int (*image)(struct podman *podman, const char *name, json_t **out,
		     struct ferry_error *err);
	int (*tag)(struct podman *podman, const char *id,
		   const struct reference *reference, struct ferry_error *err);
	int (*load)(struct podman *podman, struct podman_content *content,
		    struct ferry_error *err);
	void (*close)(struct podman *podman);
};

/* Connects to nothing yet.  `context` is borrowed. */
int podman_open_service(struct podman **out, struct ferry_context *context,
			struct engine_endpoint *take_endpoint,
			struct ferry_error *err) MUST_CHECK;

/* FERRY_E_NOT_FOUND comes with the first question if there is no program. */
int podman_open_program(struct podman **out, struct ferry_context *context,
			struct ferry_error *err) MUST_CHECK;

static inline void
podman_close(struct podman *podman)
{
	if (podman)
		podman->ops->close(podman);
}

/* Who it is.  Owns what it points to; zeroed is empty. */
struct podman_info {
	struct platform platform;
	char version[64]; /* "4.3.1" */
	bool rootless;
	/* On its own machine: where it keeps images, and copies meanwhile. */
	char *root;
	char *temporary; /* NULL: it does not say */
};

/*
 * The podman at `address`, a socket, or where that is NULL the one that
 * `options` lead to; and who that is.  `context` is borrowed until the close.
 */
int podman_find(struct podman **out, struct podman_info *info,
		struct ferry_context *context,
		const struct ferry_podman_options *options, const char *address,
		struct ferry_error *err) MUST_CHECK;

int podman_ask(struct podman *podman, struct podman_info *out,
	       struct ferry_error *err) MUST_CHECK;
void podman_info_release(struct podman_info *info);

/* What `podman info` tells as JSON. */
int podman_info_parse(struct podman_info *out, const json_t *json,
		      struct ferry_error *err) MUST_CHECK;

/*
 * What it tells of the image `name` (a full reference or an ID), owned by the
 * caller; NULL when it does not have it.
 */
static inline MUST_CHECK int
podman_image(struct podman *podman, const char *name, json_t **out,
	     struct ferry_error *err)
{
	return podman->ops->image(podman, name, out, err);
}

/* Names an image that is there; the name is taken from another. */
static inline MUST_CHECK int
podman_tag(struct podman *podman, const char *id,
	   const struct reference *reference, struct ferry_error *err)
{
	return podman->ops->tag(podman, id, reference, err);
}

/*
 * Loads an archive.  An error of `content` is passed on, and podman has not
 * got the whole then; podman's own is its own words.
 */
static inline MUST_CHECK int
podman_load(struct podman *podman, struct podman_content *content,
	    struct ferry_error *err)
{
	return podman->ops->load(podman, content, err);
}

/*
 * FERRY_E_FAILED with what podman said.  Of an archive it tries all formats
 * that it knows, and tells for each why it is none: the one that counts is
 * quoted.
 */
int podman_refused(const char *text, struct ferry_error *err);

#endif
