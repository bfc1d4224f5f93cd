/*
 * Services that extend others.  Internal to compose*.c.
 */
#ifndef LIST_COMPOSE_EXTENDS_H
#define LIST_COMPOSE_EXTENDS_H

#include "list/compose_files.h"
#include "list/interpolate.h"

/* A service, where it stands, and which one it is that extends it. */
struct extending {
	struct compose_files *files;
	const struct variables *variables;
	const char *path;   /* of its file */
	const char *folder; /* where the paths in it begin */
	json_t *services;   /* among which it is */
	const char *name;
	const struct extending *from; /* NULL: none */
	int depth;
};

/* The service with all that it extends beneath, as compose_service.h says. */
int compose_extend(json_t **out, const struct extending *service,
		   struct ferry_error *err) MUST_CHECK;

#endif
