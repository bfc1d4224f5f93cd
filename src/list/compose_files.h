/*
 * The files of a Compose project, each read once.  Internal to compose*.c.
 */
#ifndef LIST_COMPOSE_FILES_H
#define LIST_COMPOSE_FILES_H

#include "json/json.h"

#define COMPOSE_FILES_MAX 256	   /* read */
#define COMPOSE_INCLUDES_MAX 256   /* followed, over the whole project */
#define COMPOSE_DEPTH_MAX 32	   /* of includes, of services on services */
#define COMPOSE_DOCUMENTS_MAX 1024 /* in all files */

struct compose_files {
	json_t *documents; /* clean path -> an array of them */
	size_t count;	   /* of documents */
	size_t includes;   /* followed so far */
	size_t spent;	   /* struct variables */
};

int compose_files_init(struct compose_files *files, struct ferry_error *err)
	MUST_CHECK;
void compose_files_release(struct compose_files *files);

/* Adds a file that is loaded already. */
int compose_files_add(struct compose_files *files, const char *path,
		      const void *data, size_t size, struct ferry_error *err)
	MUST_CHECK;

/*
 * Whether there is such a file: a name in a list may lead to a device that
 * never ends, or to a pipe that nobody writes to.  FERRY_E_USAGE.
 */
int compose_files_check(const char *path, struct ferry_error *err) MUST_CHECK;

/* The documents of a file, borrowed; loads it if need be. */
int compose_files_get(struct compose_files *files, const char *path,
		      const json_t **out, struct ferry_error *err) MUST_CHECK;

#endif
