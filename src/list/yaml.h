/*
 * YAML (and with it JSON) from outside, as the JSON that it stands for.
 */
#ifndef LIST_YAML_H
#define LIST_YAML_H

#include "json/json.h"

struct yaml_marks;

/* After aliases have been put in: a "billion laughs" ends here. */
#define YAML_NODES_MAX ((size_t)1 << 20)
#define YAML_BYTES_MAX ((size_t)64 << 20)
#define YAML_DEPTH_MAX 100

/* Local tags, of the Compose specification: { "!reset": VALUE }. */
#define YAML_RESET "!reset"
#define YAML_OVERRIDE "!override"

/*
 * An array of the documents that are not empty.  Aliases and merge keys ("<<")
 * are resolved; a value that an alias leads to is shared, so nothing in it may
 * be changed in place.  Plain null, true, false and numbers become JSON's, as
 * YAML 1.2 has them; whatever is quoted is text, and keys are always.  A key
 * twice, a NUL, and other local tags are refused.
 *
 * FERRY_E_USAGE says "line L, column C: what".  *out is owned by the caller.
 */
int yaml_parse(json_t **out, const void *data, size_t size,
	       struct ferry_error *err) MUST_CHECK;

/*
 * The same, and where each text of the documents stands (list/yaml_marks.h);
 * `marks` was empty.
 */
int yaml_parse_marked(json_t **out, struct yaml_marks *marks, const void *data,
		      size_t size, struct ferry_error *err) MUST_CHECK;

#endif
