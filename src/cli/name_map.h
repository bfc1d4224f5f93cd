/*
 * The map of old to new names that `load --map` writes; docs/names.md.
 */
#ifndef CLI_NAME_MAP_H
#define CLI_NAME_MAP_H

#include <stdbool.h>

#include "base/error.h"
#include "ferry/load.h"

/* Whether the map goes to standard output. */
bool name_map_is_stdout(const char *path);

/* What would make name_map_write() fail, as far as it shows beforehand. */
int name_map_check(const char *path, struct ferry_error *err) MUST_CHECK;

/* Writes it to `path`, whole or not at all, in place of what is there. */
int name_map_write(const char *path, const struct ferry_load_plan *plan,
		   struct ferry_error *err) MUST_CHECK;

#endif
