/*
 * An image's name and platform as people read them, kept for the public API.
 */
#ifndef OP_CAPTION_H
#define OP_CAPTION_H

#include "oci/platform.h"
#include "oci/reference.h"

struct caption {
	char name[REFERENCE_TEXT]; /* familiar: "redis:7-alpine" */
	char platform[PLATFORM_TEXT];
};

static inline void
caption_set(struct caption *caption, const struct reference *reference,
	    const struct platform *platform)
{
	reference_familiar(caption->name, reference);
	if (platform)
		platform_text(caption->platform, platform);
}

#endif
