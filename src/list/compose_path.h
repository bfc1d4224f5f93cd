/*
 * Paths in Compose files.  Internal to compose*.c.
 */
#ifndef LIST_COMPOSE_PATH_H
#define LIST_COMPOSE_PATH_H

#include "base/error.h"

/* "a/./b/../c" -> "a/c": one name for one file, for finding circles. */
int compose_path_clean(char **out, const char *path, struct ferry_error *err)
	MUST_CHECK;

/* The folder that a file is in; "." for a bare name and for "-". */
int compose_path_folder(char **out, const char *path, struct ferry_error *err)
	MUST_CHECK;

/*
 * What a Compose file whose paths begin at `folder` means by `path`, cleaned.
 * Only files beside those that the user gave are read, so that what is
 * absolute, and what is no file at all ("https://..."), is FERRY_E_USAGE.
 */
int compose_path_join(char **out, const char *folder, const char *path,
		      struct ferry_error *err) MUST_CHECK;

#endif
