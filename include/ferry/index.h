/*
 * Indexes that a bundle carries: several images under one name.
 */
#ifndef FERRY_INDEX_H
#define FERRY_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ferry_index {
	const char *name; /* as Docker shows it: "redis:7-alpine" */
	const char *digest;
	const char *platforms; /* of its images: "linux/amd64, linux/arm64" */
	size_t image_count;    /* these */
	size_t artifact_count; /* what it lists beside them: attestations.. */
	/* Not the source's own, which these images were chosen from. */
	bool made;
};

#ifdef __cplusplus
}
#endif
#endif
