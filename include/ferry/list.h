/*
 * How lists of images are read: docs/lists.md.
 */
#ifndef FERRY_LIST_H
#define FERRY_LIST_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ferry_list_format {
	FERRY_LIST_ANY, /* by its content */
	FERRY_LIST_TEXT,
	FERRY_LIST_COMPOSE,
	FERRY_LIST_KUBERNETES,
	FERRY_LIST_DEFINITION, /* ferry's own, JSON */
};

/* What it points to is borrowed by the operation it is handed to. */
struct ferry_list_options {
	enum ferry_list_format format;
	/* Of Compose: files of variables instead of .env; */
	const char *const *env_files;
	size_t env_file_count;
	/* the only profiles whose services count; none: all services do; */
	const char *const *profiles;
	size_t profile_count;
	/* and the environment, "NAME=VALUE" up to a NULL; NULL: empty. */
	const char *const *environment;
};

#ifdef __cplusplus
}
#endif
#endif
