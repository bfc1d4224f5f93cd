/*
 * Compose files that include others.  Internal to compose*.c.
 */
#ifndef LIST_COMPOSE_INCLUDE_H
#define LIST_COMPOSE_INCLUDE_H

#include "list/compose_files.h"

/* A file, and the project that it is read for. */
struct compose_scope {
	struct compose_files *files;
	const char *path;   /* clean */
	const char *folder; /* of the project, where paths begin */
	const json_t *variables;
	const struct compose_scope *from; /* which includes it; NULL: none */
	int depth;
};

/*
 * Adds to `services`, those of the file, the ones that its "include" brings;
 * another one of the same name, unless it is the same, is FERRY_E_USAGE.
 */
int compose_include(json_t *services, const struct compose_scope *scope,
		    const json_t *include, struct ferry_error *err) MUST_CHECK;

/* Puts the services of scope->path on top of `services` (compose_load.c). */
int compose_load_file(json_t *services, const struct compose_scope *scope,
		      struct ferry_error *err) MUST_CHECK;

#endif
