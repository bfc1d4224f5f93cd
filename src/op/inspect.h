/*
 * All that is known of what a bundle holds, as JSON.
 */
#ifndef OP_INSPECT_H
#define OP_INSPECT_H

#include "bundle/reader.h"

/* Of one name, as people write it: an image, or an index with its images. */
int inspect_name(json_t **out, struct bundle *bundle, const char *name,
		 struct ferry_error *err) MUST_CHECK;

int inspect_all(json_t **out, struct bundle *bundle, struct ferry_error *err)
	MUST_CHECK;

#endif
