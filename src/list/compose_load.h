/*
 * The files of a Compose project, with all that they include and extend, as
 * the services that they come to.  Internal to compose*.c.
 */
#ifndef LIST_COMPOSE_LOAD_H
#define LIST_COMPOSE_LOAD_H

#include "list/formats.h"
#include "json/json.h"

/*
 * *out, owned by the caller, maps names to services (compose_service.h).
 * Variables are those of the options.  Errors name the file.
 */
int compose_load(json_t **out, const struct list_file *files, size_t count,
		 const struct ferry_list_options *options,
		 struct ferry_error *err) MUST_CHECK;

/* The variables of a project whose folder this is, into an empty object. */
int compose_read_variables(json_t *variables,
			   const struct ferry_list_options *options,
			   const char *folder, struct ferry_error *err)
	MUST_CHECK;

#endif
