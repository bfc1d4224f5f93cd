/*
 * Other places for the images of a registry.  Internal to registry/.
 *
 * A mirror is a registry of its own: its credentials, tokens and connections
 * are those of its host.  What it says is believed no more than what any
 * registry says; what it lacks, or gets wrong, is asked for elsewhere.
 */
#ifndef REGISTRY_MIRROR_H
#define REGISTRY_MIRROR_H

#include "net/url.h"
#include "registry/client.h"

/* The most of a path that goes before the names of images. */
#define MIRROR_PREFIX_MAX 256

/* One "HOST=URL", taken apart. */
struct mirror_rule {
	char host[sizeof(((struct url_origin *)0)->host) + 8];
	char origin[URL_PEER_TEXT + 16]; /* "https://mirror.local" */
	char peer[URL_PEER_TEXT];	 /* "mirror.local" */
	char prefix[MIRROR_PREFIX_MAX];	 /* "" or with a '/' at its end */
};

/* FERRY_E_USAGE unless it is one, and its URL may be spoken to. */
int mirror_parse(struct mirror_rule *out, const char *text,
		 const struct ferry_registry_options *options,
		 struct ferry_error *err) MUST_CHECK;

/* *out stays NULL if `host` has no mirror among the options. */
int mirrors_new(struct mirrors **out, struct ferry_context *context,
		const struct ferry_registry_options *options, const char *host,
		unsigned workers, struct ferry_error *err) MUST_CHECK;
void mirrors_free(struct mirrors *mirrors);
int mirrors_add_quotas(struct mirrors *mirrors, struct quotas *quotas,
		       struct ferry_error *err) MUST_CHECK;

#endif
