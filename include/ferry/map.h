/*
 * A file that asks for images, with the names that they have on the other side.
 * docs/names.md.
 */
#ifndef FERRY_MAP_H
#define FERRY_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "ferry/error.h"
#include "ferry/list.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What it points to is borrowed until ferry_map_free(). */
struct ferry_map_options {
	const char *bundle;
	const char *to; /* as for ferry_load_plan(); nobody is asked there */
	const char *const *rewrite; /* "FROM=TO" */
	size_t rewrite_count;
	/* A Compose file, Kubernetes manifests or a text list; "-": stdin. */
	const char *file;
	struct ferry_list_options list; /* how it is read */
};

enum ferry_map_state {
	FERRY_MAP_MAPPED,  /* `target` is written now */
	FERRY_MAP_SAME,	   /* it has that name already */
	FERRY_MAP_MISSING, /* the bundle does not hold it: left as it is */
};

/* One place in the file, in the file's order. */
struct ferry_map_image {
	size_t line;	    /* from 1 */
	const char *source; /* what it asks for; NULL: nobody can tell */
	const char *target; /* what it asks for now; NULL: as before */
	enum ferry_map_state state;
	const char *note; /* what to know of it, or "" */
};

struct ferry_map_info {
	enum ferry_list_format format;
	/* The file with the new names: not ended by a NUL. */
	const char *text;
	size_t size;
	const struct ferry_map_image *images;
	size_t image_count;
	size_t missing; /* of these */
	const char *const *warnings;
	size_t warning_count;
};

struct ferry_map;

/*
 * All of the file but the names of images stays byte for byte.  Images that
 * the bundle does not hold are no failure here: see `missing`.
 */
int ferry_map_make(const struct ferry_map_options *options,
		   struct ferry_map **out, struct ferry_error *err);

/* Lives as long as `map`. */
const struct ferry_map_info *ferry_map_get_info(const struct ferry_map *map);

/* 0, or FERRY_E_PARTIAL with how many images the bundle does not hold. */
int ferry_map_check(const struct ferry_map *map, struct ferry_error *err);

void ferry_map_free(struct ferry_map *map);

#ifdef __cplusplus
}
#endif
#endif
