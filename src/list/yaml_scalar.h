/*
 * What plain scalars mean: the core schema of YAML 1.2, section 10.3.  Internal
 * to yaml.c.
 */
#ifndef LIST_YAML_SCALAR_H
#define LIST_YAML_SCALAR_H

#include "json/json.h"

/*
 * null, true, false, a number or text; numbers that JSON has not, and those
 * that it would change, are text.  NULL: no memory.
 */
json_t *yaml_scalar(const char *text) MUST_CHECK;

#endif
