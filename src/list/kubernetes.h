/*
 * What in Kubernetes manifests is an image.  Internal to list/.
 */
#ifndef LIST_KUBERNETES_H
#define LIST_KUBERNETES_H

#include "json/json.h"
#include "list/formats.h"

/* Is handed every text that names an image; an error ends the walk. */
typedef int kubernetes_take(void *cookie, json_t *image,
			    struct ferry_error *err);

/* Errors name the object and where in it. */
int kubernetes_walk(json_t *documents, kubernetes_take *take, void *cookie,
		    struct ferry_error *err) MUST_CHECK;

int kubernetes_parse_image(struct reference *out, const json_t *image,
			   struct ferry_error *err) MUST_CHECK;

#endif
