/*
 * ferry's own list of images, in JSON: docs/lists.md, "Definition", and
 * docs/definition.schema.json.  A lock file is one with every digest in it.
 */
#ifndef LIST_DEFINITION_H
#define LIST_DEFINITION_H

#include "base/buffer.h"
#include "list/list.h"

/* What all versions of the type begin with, and this one. */
#define DEFINITION_FAMILY "ferry."
#define DEFINITION_TYPE DEFINITION_FAMILY "definition/v1"

/*
 * Adds the images of a definition.  Strict: a key that is not known is
 * FERRY_E_USAGE, as all that is wrong with it.
 */
int list_add_definition(struct list *list, const void *data, size_t size,
			struct ferry_error *err) MUST_CHECK;

/*
 * Appends the definition of what the list holds, pins and platforms included,
 * in the order of its items; the same list makes the same bytes.
 */
int definition_write(struct buffer *out, const struct list *list,
		     struct ferry_error *err) MUST_CHECK;

#endif
