/*
 * What stands behind "docker-daemon:".  Internal to docker_daemon.c.
 */
#ifndef SOURCE_DOCKER_SELECTOR_H
#define SOURCE_DOCKER_SELECTOR_H

#include "oci/reference.h"

struct docker_selector {
	/* As the daemon is asked for it: safe in the path of a URL. */
	char text[REFERENCE_TEXT];
	bool id; /* an image ID in full; else a name, which is: */
	struct reference name;
	/* Hex digits only: without an image of that name it is a short ID. */
	bool short_id;
};

/* FERRY_E_USAGE when it is neither, or a reference with a digest. */
int docker_selector_parse(struct docker_selector *out, const char *text,
			  struct ferry_error *err) MUST_CHECK;

#endif
